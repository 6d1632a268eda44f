package lro

import (
	"context"
	"sync"

	"google.golang.org/grpc/codes"
)

// waits counts the calls of WaitOperation that are parked, all of them and those
// of each caller.
type waits struct {
	most, mostOfOne int // mostOfOne 0: no bound of its own
	caller          func(context.Context) string

	mu  sync.Mutex
	all int
	of  map[string]int // callers with parked calls only, and only with a bound
}

// enter takes a place for a call, to be given back by leave. The answer is
// RESOURCE_EXHAUSTED where there is none.
func (w *waits) enter(ctx context.Context, m *Manager) (leave func(), err error) {
	var caller string
	if w.mostOfOne > 0 {
		caller = w.caller(ctx)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.mostOfOne > 0 && w.of[caller] >= w.mostOfOne:
		return nil, m.errorf(codes.ResourceExhausted, reasonWaits,
			"%d calls of WaitOperation by this caller are waiting already; poll with GetOperation, or try again later", w.mostOfOne)
	case w.all >= w.most:
		return nil, m.errorf(codes.ResourceExhausted, reasonWaits,
			"%d calls of WaitOperation are waiting already; poll with GetOperation, or try again later", w.most)
	}
	w.all++
	if w.mostOfOne > 0 {
		w.of[caller]++
	}
	return func() { w.leave(caller) }, nil
}

func (w *waits) leave(caller string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all--
	switch w.of[caller] {
	case 0: // is not counted
	case 1:
		delete(w.of, caller)
	default:
		w.of[caller]--
	}
}
