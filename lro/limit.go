package lro

import (
	"cmp"
	"context"
	"sync"
	"time"
)

// A limit ends a context after a time, as context.WithTimeout does, but sets its
// timer only when Done is asked for. A store in memory does not ask, and the timer
// and what goes with it would take a third of a Get.
type limit struct {
	parent   context.Context //nolint:containedctx // a limit is a context
	deadline time.Time

	mu    sync.Mutex
	timed context.Context //nolint:containedctx // as parent; nil until Done is called
	stop  context.CancelFunc
	err   error // once there is one, it stays
}

// withLimit is context.WithTimeout by a limit, whose end must be called.
func withLimit(ctx context.Context, d time.Duration) *limit {
	deadline := time.Now().Add(d)
	if earlier, ok := ctx.Deadline(); ok && earlier.Before(deadline) {
		deadline = earlier
	}
	return &limit{parent: ctx, deadline: deadline}
}

func (l *limit) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timed != nil {
		l.stop()
		l.err = cmp.Or(l.err, l.timed.Err())
	}
	l.err = cmp.Or(l.err, context.Canceled)
}

// Deadline implements context.Context.
func (l *limit) Deadline() (time.Time, bool) { return l.deadline, true }

// Done implements context.Context.
func (l *limit) Done() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timed == nil {
		l.timed, l.stop = context.WithDeadline(l.parent, l.deadline)
	}
	if l.current() != nil {
		l.stop()
	}
	return l.timed.Done()
}

// Err implements context.Context.
func (l *limit) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.current()
}

// current answers the first error there was.
func (l *limit) current() error {
	switch {
	case l.err != nil:
	case l.timed != nil:
		l.err = l.timed.Err()
	case l.parent.Err() != nil:
		l.err = l.parent.Err()
	case !time.Now().Before(l.deadline):
		l.err = context.DeadlineExceeded
	}
	return l.err
}

// Value implements context.Context. Once there is a timer, package context must
// find it here, or every context made of this one would take a goroutine.
func (l *limit) Value(key any) any {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timed != nil {
		return l.timed.Value(key)
	}
	return l.parent.Value(key)
}
