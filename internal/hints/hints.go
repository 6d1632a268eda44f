// Package hints is how stores implement store.Notifier.
package hints

import (
	"context"
	"slices"
	"sync"

	"github.com/longrunning-go/longrunning/store"
)

// A Hub hands hints to those who called Notify. It is safe for concurrent use.
type Hub struct {
	listen func(context.Context, *Source)

	mu          sync.RWMutex
	subscribers []*subscriber // another one after each change: Publish keeps it for a while
	source      *Source       // nil without subscribers
}

// New answers a hub. While it has subscribers, and only then, it runs listen,
// which brings hints from elsewhere and returns when its context ends; nil is for
// a store all of whose writes are published directly.
func New(listen func(context.Context, *Source)) *Hub {
	return &Hub{listen: listen}
}

// Notify implements store.Notifier.
func (h *Hub) Notify(ctx context.Context, fn func(store.Hint)) error {
	s := &subscriber{fn: fn}
	if source := h.add(s); source.hears() { //nolint:contextcheck // the source outlives this subscriber
		s.first()
	}
	<-ctx.Done()
	h.remove(s)
	s.end()
	return nil
}

func (h *Hub) add(s *subscriber) *Source {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.subscribers = append(slices.Clip(h.subscribers), s)
	if h.source == nil {
		h.source = h.start()
	}
	return h.source
}

// start runs a source of its own for every time that there are subscribers.
func (h *Hub) start() *Source {
	s := &Source{hub: h, hearing: h.listen == nil}
	if h.listen != nil {
		var ctx context.Context
		ctx, s.cancel = context.WithCancel(context.Background())
		s.running.Go(func() { h.listen(ctx, s) })
	}
	return s
}

func (h *Hub) remove(s *subscriber) {
	h.mu.Lock()
	h.subscribers = slices.DeleteFunc(slices.Clone(h.subscribers), func(other *subscriber) bool { return other == s })
	var last *Source
	if len(h.subscribers) == 0 {
		last, h.source = h.source, nil
	}
	h.mu.Unlock()
	if last != nil && last.cancel != nil {
		last.cancel()
		last.running.Wait()
	}
}

// Publish hands a hint to every subscriber, on the caller's goroutine.
func (h *Hub) Publish(hint store.Hint) {
	for _, s := range h.all() {
		s.call(hint)
	}
}

func (h *Hub) all() []*subscriber {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.subscribers
}

// A Source is what listen reports to.
type Source struct {
	hub     *Hub
	cancel  context.CancelFunc // nil if nothing runs
	running sync.WaitGroup

	mu      sync.Mutex
	hearing bool
}

// Hears says that from now on no write goes unhinted: every subscriber is told to
// look at everything once.
func (s *Source) Hears() {
	s.set(true)
	for _, sub := range s.hub.all() {
		sub.first()
	}
}

// Deaf says that hints may be lost until it Hears again: new subscribers wait for
// that.
func (s *Source) Deaf() { s.set(false) }

// Publish is that of the hub.
func (s *Source) Publish(hint store.Hint) { s.hub.Publish(hint) }

func (s *Source) set(hearing bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hearing = hearing
}

func (s *Source) hears() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hearing
}

// A subscriber is one call of Notify.
type subscriber struct {
	fn func(store.Hint)

	mu    sync.RWMutex // held while fn runs, for reading but for the first hint
	begun bool
	ended bool
}

// first gives the hint that covers all that came before it.
func (s *subscriber) first() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.begun = true
		s.fn(store.Hint{All: true, Due: true})
	}
}

func (s *subscriber) call(hint store.Hint) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.begun && !s.ended {
		s.fn(hint)
	}
}

func (s *subscriber) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
}
