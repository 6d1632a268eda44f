package storetest

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

// A rule is a sentence of the contract behind its topic: "topic: Sentence."
type rule string

func (r rule) topic() string {
	topic, _, _ := strings.Cut(string(r), ": ")
	return topic
}

func (r rule) text() string {
	_, text, _ := strings.Cut(string(r), ": ")
	return text
}

// A testCase checks one rule.
type testCase struct {
	rule rule
	run  func(*trial)
}

// A trial is one case with its database. Its methods are the steps of cases;
// all but those that say otherwise may be called by several goroutines.
//
// A step that meets a breach notes the rule that it breaks, which need not be
// the rule of the case, and ends the calling goroutine.
type trial struct {
	tb   testing.TB
	h    Harness
	db   Database
	a, b store.Store // what two processes hold
	rule rule

	ledger ledger

	mu         sync.Mutex
	violations []Violation
	skipped    string
	ids        int
}

// run runs c in a goroutine of its own, so that a step can end it.
func (t *trial) run(tb testing.TB, c testCase) {
	tb.Helper()
	t.tb = tb
	var wg sync.WaitGroup
	wg.Go(func() {
		defer t.catch()
		t.db = t.h.New(tb)
		t.a, t.b = t.db.Open(tb), t.db.Open(tb)
		c.run(t)
	})
	wg.Wait()
}

// catch, deferred, makes a panic of the store a breach of the rule of the case.
func (t *trial) catch() {
	if p := recover(); p != nil {
		t.note(t.rule, fmt.Sprintf("panic: %v\n%s", p, debug.Stack()))
	}
}

// broken notes that the store broke r and ends the calling goroutine.
func (t *trial) broken(r rule, format string, args ...any) {
	t.note(r, where()+fmt.Sprintf(format, args...))
	runtime.Goexit()
}

// fail is broken with the rule of the case.
func (t *trial) fail(format string, args ...any) { t.broken(t.rule, format, args...) }

func (t *trial) note(r rule, message string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.violations = append(t.violations, Violation{Topic: r.topic(), Rule: r.text(), Message: message})
}

// findings answers the violations so far, and why the case did not apply.
func (t *trial) findings() ([]Violation, string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.violations), t.skipped
}

// skip ends the case, which does not apply to this store.
func (t *trial) skip(why string) {
	t.mu.Lock()
	t.skipped = why
	t.mu.Unlock()
	runtime.Goexit()
}

// where answers the file and line that called the step at hand.
func where() string {
	pcs := make([]uintptr, 16)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	for {
		f, more := frames.Next()
		if !strings.Contains(f.Function, "(*trial).") {
			return fmt.Sprintf("%s:%d: ", filepath.Base(f.File), f.Line)
		}
		if !more {
			return ""
		}
	}
}

// together runs fn with 0 to n-1 in goroutines of their own and waits for
// them. If one of them met a breach, it ends the calling goroutine too.
func (t *trial) together(n int, fn func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			defer t.catch()
			fn(i)
		})
	}
	wg.Wait()
	t.mu.Lock()
	failed := len(t.violations) > 0
	t.mu.Unlock()
	if failed {
		runtime.Goexit()
	}
}

// atOnce runs f and g together. The scheduler favours the one that it starts
// last, which is f in even rounds and g in odd ones.
func (t *trial) atOnce(round int, f, g func()) {
	t.together(2, func(i int) {
		if i == round%2 {
			g()
		} else {
			f()
		}
	})
}

// ctx answers the context of the case.
func (t *trial) ctx() context.Context { return t.tb.Context() }

// either answers the handle of process a or b, by turns of i.
func (t *trial) either(i int) store.Store {
	if i%2 == 0 {
		return t.a
	}
	return t.b
}

// advance moves the clock of the store. It must not be called while other
// goroutines of the case run.
func (t *trial) advance(d time.Duration) {
	t.ledger.advance(d)
	t.db.Advance(d)
}

// newID answers a UUIDv7 above all that it answered before.
func (t *trial) newID() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ids++
	return fmt.Sprintf("01970000-0000-7000-8000-%012x", t.ids)
}
