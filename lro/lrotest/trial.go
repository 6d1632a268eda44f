package lrotest

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

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
)

const (
	// patience is the deadline of every call, unless the case is about deadlines.
	patience = 30 * time.Second
	// prompt is how soon happens what must happen at once: much longer than a slow
	// machine takes, and much shorter than patience.
	prompt = 10 * time.Second
)

// A rule is a sentence of the contract behind its topic, with the document that
// it is from: "topic: Sentence (document)."
type rule string

func (r rule) topic() string {
	topic, _, _ := strings.Cut(string(r), ": ")
	return topic
}

func (r rule) text() string {
	_, text, _ := strings.Cut(string(r), ": ")
	return text
}

// A testCase checks one rule. It needs one method of the server, given by its
// full name, or none but Get.
type testCase struct {
	rule  rule
	needs string
	run   func(*trial)
}

// A trial is one case on the server. Its methods are the steps of cases, and may
// be called by several goroutines.
//
// A step that meets a breach notes the rule that it breaks, which need not be
// the rule of the case, and ends the calling goroutine.
type trial struct {
	Target

	tb   testing.TB
	rule rule

	mu         sync.Mutex
	violations report
	skipped    string
	started    map[string]bool // by name; true once it was ended
}

// try runs c. It answers what c found, and why c did not apply, if so.
func (tg Target) try(tb testing.TB, c testCase) (found []Violation, skipped string) {
	tb.Helper()
	t := &trial{Target: tg, tb: tb, rule: c.rule, started: make(map[string]bool)}
	var wg sync.WaitGroup
	wg.Go(func() { // a goroutine of its own, so that a step can end it
		defer t.catch()
		t.run(c)
	})
	wg.Wait()
	wg.Go(func() {
		defer t.catch() // hooks may panic
		t.tidy()
	})
	wg.Wait()
	return t.violations, t.skipped
}

// run runs c, or checks instead that the method it needs is answered
// UNIMPLEMENTED.
func (t *trial) run(c testCase) {
	if c.needs == "" || t.supports(c.needs) {
		c.run(t)
		return
	}
	t.unimplemented(c.needs)
	t.skip(fmt.Sprintf("the target does not support %s; it was checked that this is UNIMPLEMENTED", idOf(c.needs)))
}

// tidy ends and deletes what the case started. It asks for no success: what a
// server should answer is for cases to say.
func (t *trial) tidy() {
	ctx, stop := t.ctx()
	defer stop()
	for name, ended := range t.started {
		if !ended {
			_, _ = t.Finish(ctx, name)
		}
		if t.supports(longrunningpb.Operations_DeleteOperation_FullMethodName) {
			_, _ = t.Client.DeleteOperation(ctx, &longrunningpb.DeleteOperationRequest{Name: name})
		}
	}
}

// ctx answers the context for a call.
func (t *trial) ctx() (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.tb.Context(), patience)
}

// catch, deferred, makes a panic of a hook or an adapted client a breach of the
// rule of the case.
func (t *trial) catch() {
	if p := recover(); p != nil {
		t.note(t.rule, fmt.Sprintf("panic: %v\n%s", p, debug.Stack()))
	}
}

// broken notes that the server broke r and ends the calling goroutine.
func (t *trial) broken(r rule, format string, args ...any) {
	t.note(r, where()+fmt.Sprintf(format, args...))
	runtime.Goexit()
}

// fail is broken with the rule of the case.
func (t *trial) fail(format string, args ...any) { t.broken(t.rule, format, args...) }

func (t *trial) note(r rule, message string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.violations.add(Violation{Topic: r.topic(), Rule: r.text(), Message: message})
}

// skip ends the case, which does not apply to this target.
func (t *trial) skip(why string) {
	t.mu.Lock()
	t.skipped = why
	t.mu.Unlock()
	runtime.Goexit()
}

// where answers the file and line that called the step at hand: in the case, or in
// the step that began the goroutine.
func where() string {
	pcs := make([]uintptr, 16)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	var at runtime.Frame
	for {
		f, more := frames.Next()
		if strings.Contains(f.Function, "/lrotest.") && !strings.Contains(f.Function, ".together.") {
			at = f
		}
		if !more || !strings.Contains(f.Function, "(*trial).") {
			return fmt.Sprintf("%s:%d: ", filepath.Base(at.File), at.Line)
		}
	}
}

// together runs fns in goroutines of their own and waits for them. If one of
// them met a breach, it ends the calling goroutine too.
func (t *trial) together(fns ...func()) {
	var wg sync.WaitGroup
	for _, fn := range fns {
		wg.Go(func() {
			defer t.catch()
			fn()
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

// times answers n times fn.
func times(n int, fn func()) []func() { return slices.Repeat([]func(){fn}, n) }
