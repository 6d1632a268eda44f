package lrotest_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
)

// A recorder is a test of a user's: it notes what is reported, and ends when told.
type recorder struct {
	testing.TB
	log      bytes.Buffer // only written to until the end
	ended    bool
	errors   []string
	cleanups []func()
	stops    []context.CancelFunc // of its contexts
}

func (r *recorder) Context() context.Context {
	ctx, stop := context.WithCancel(r.TB.Context())
	r.stops = append(r.stops, stop)
	return ctx
}

func (r *recorder) Output() io.Writer { return &r.log }

func (r *recorder) Helper() {}

func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatal(args ...any) {
	r.errors = append(r.errors, fmt.Sprint(args...))
	r.ended = true
	runtime.Goexit()
}

func (r *recorder) Fatalf(format string, args ...any) { r.Fatal(fmt.Sprintf(format, args...)) }

// end ends the test as package testing does.
func (r *recorder) end() {
	for _, stop := range r.stops {
		stop()
	}
	for len(r.cleanups) > 0 {
		last := len(r.cleanups) - 1
		f := r.cleanups[last]
		r.cleanups = r.cleanups[:last]
		f()
	}
}

// want checks that one error was reported, and what it says.
func (r *recorder) want(t *testing.T, text string) {
	t.Helper()
	if len(r.errors) != 1 || !strings.Contains(r.errors[0], text) {
		t.Errorf("got the errors %q, want one that says %q", r.errors, text)
	}
}
