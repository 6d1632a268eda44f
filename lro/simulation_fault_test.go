package lro_test

import (
	"context"
	"time"
)

// A fault is what befalls one store call.
type fault int

const (
	unharmed   fault = iota
	failBefore       // fails, and nothing was done
	failAfter        // fails, and all was done
	late             // fails, and is done up to 20 s later
	stall            // is done up to 1 min later, whether anybody still waits or not
	hang             // is never done nor answered
	slow             // is done and answered up to 20 s late
)

func (f fault) String() string {
	return [...]string{"unharmed", "fails before", "fails after", "fails and commits late", "stalls", "hangs", "is slow"}[f]
}

// throw decides what befalls a call, and counts it.
func (w *wire) throw(call, label string) (fault, dice) {
	w.mu.Lock()
	defer w.mu.Unlock()
	about := call + " " + label
	d := w.world.seed.dice(w.sent[about], w.label, about)
	w.sent[about]++
	if w.killed() {
		return unharmed, d
	}
	w.world.calls.Add(1)
	if w.world.isCalm() || !d.chance(w.world.plan.rate) {
		return unharmed, d
	}
	w.world.faults.Add(1)
	w.own.now++
	f := pick(d, w.world.plan.faults...)
	w.world.logf("%s: %s %s %v", w.label, call, label, f)
	return f, d
}

// ask makes one call, or what its fault leaves of it. It takes some time of its
// own: two goroutines that move at the same instant could change places.
func ask[T any](ctx context.Context, w *wire, call, label string, do func(context.Context) (T, error)) (answer T, err error) {
	f, d := w.throw(call, label)
	if f != unharmed {
		defer w.relieve(&w.own)
	}
	time.Sleep(d.between(200*time.Microsecond, 3*time.Millisecond))
	if err = w.reach(ctx, d); err != nil {
		return answer, err
	}
	answer, err = strike(ctx, w, f, d, do)
	time.Sleep(d.between(200*time.Microsecond, 3*time.Millisecond))
	held := !w.isOpen(&w.gate)
	if !w.awake() {
		return answer, w.unheard(ctx)
	}
	if held {
		time.Sleep(d.between(0, 3*time.Millisecond))
	}
	return answer, err
}

func strike[T any](ctx context.Context, w *wire, f fault, d dice, do func(context.Context) (T, error)) (none T, err error) {
	switch f {
	case failBefore:
		return none, errStore
	case failAfter:
		_, _ = do(ctx)
		return none, errStore
	case late:
		own := w.world.seed.dice(d.Int64(), "late")
		if !w.world.begin(&w.world.later, func() { _, _ = delayed(ctx, w, own.between(0, 20*time.Second), own, do) }) {
			_, _ = do(ctx)
		}
		return none, errStore
	case stall:
		return stalled(ctx, w, d, do)
	case hang:
		w.world.rest(ctx, time.Hour, d)
		return none, errStore
	case slow:
		if !w.world.rest(ctx, d.between(0, 10*time.Second), d) {
			return none, context.Cause(ctx)
		}
		answer, err := do(ctx)
		if !w.world.rest(ctx, d.between(0, 10*time.Second), d) {
			return none, context.Cause(ctx)
		}
		return answer, err
	default:
		return do(ctx)
	}
}

func stalled[T any](ctx context.Context, w *wire, d dice, do func(context.Context) (T, error)) (answer T, err error) {
	done := make(chan func(), 1)
	own := w.world.seed.dice(d.Int64(), "stall")
	if !w.world.begin(&w.world.later, func() {
		a, e := delayed(ctx, w, own.between(0, time.Minute), own, do)
		done <- func() { answer, err = a, e }
	}) {
		return do(ctx)
	}
	select {
	case take := <-done:
		take()
		return answer, err
	case <-ctx.Done():
		return answer, context.Cause(ctx)
	}
}

// delayed does what its caller may long have given up.
func delayed[T any](ctx context.Context, w *wire, after time.Duration, d dice, do func(context.Context) (T, error)) (T, error) {
	ctx = context.WithoutCancel(ctx)
	w.world.rest(ctx, after, d)
	return do(ctx)
}
