package memstore

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/longrunning-go/longrunning/store"
)

// subscriptions are the receivers of hints.
type subscriptions struct {
	subMu sync.RWMutex
	subs  map[*subscription]struct{}
}

type subscription struct {
	fn func(store.Hint)

	mu    sync.RWMutex // held for reading while fn runs
	ended bool
}

func (s *subscription) call(h store.Hint) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if !s.ended {
		s.fn(h)
	}
}

// Notify implements [store.Notifier].
func (s *subscriptions) Notify(ctx context.Context, fn func(store.Hint)) error {
	sub := &subscription{fn: fn}
	s.subMu.Lock()
	if s.subs == nil {
		s.subs = make(map[*subscription]struct{})
	}
	s.subs[sub] = struct{}{}
	s.subMu.Unlock()

	sub.call(store.Hint{All: true, Due: true})
	<-ctx.Done()

	s.subMu.Lock()
	delete(s.subs, sub)
	s.subMu.Unlock()
	sub.mu.Lock()
	defer sub.mu.Unlock()
	sub.ended = true
	return nil
}

// publish hands h to every receiver, on the writer's goroutine.
func (s *subscriptions) publish(h store.Hint) {
	s.subMu.RLock()
	subs := slices.Collect(maps.Keys(s.subs))
	s.subMu.RUnlock()
	for _, sub := range subs {
		sub.call(h)
	}
}
