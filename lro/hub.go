package lro

import (
	"maps"
	"slices"
	"sync"

	"github.com/longrunning-go/longrunning/store"
)

// A hub wakes who waits for an operation in this process.
type hub struct {
	mu     sync.Mutex
	topics map[string]*topic
}

// A topic is one operation that somebody waits for.
type topic struct {
	name    string
	over    chan struct{} // closed when waiting longer is futile
	waiters int
	closed  bool
	rec     *store.Record // the newest that was seen; nil at first
}

// subscribe comes before the first read, or a change between the two would be
// missed. Every subscribe is followed by one unsubscribe.
func (h *hub) subscribe(name string) *topic {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.topics[name]
	if t == nil {
		t = &topic{name: name, over: make(chan struct{})}
		h.topics[name] = t
	}
	t.waiters++
	return t
}

func (h *hub) unsubscribe(t *topic) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t.waiters--; t.waiters == 0 && h.topics[t.name] == t {
		delete(h.topics, t.name)
	}
}

// publish hands a record to its waiters, unless they have seen a newer one.
func (h *hub) publish(rec *store.Record) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.topics[rec.Name]
	if t == nil || t.rec != nil && t.rec.Version >= rec.Version {
		return
	}
	t.rec = rec
	if rec.State == store.Done {
		h.close(t)
	}
}

// gone answers the waiters of an operation that is no longer stored.
func (h *hub) gone(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t := h.topics[name]; t != nil {
		h.close(t)
	}
}

// close ends a topic; later waiters get one of their own. The caller holds mu.
func (h *hub) close(t *topic) {
	if !t.closed {
		t.closed = true
		close(t.over)
		delete(h.topics, t.name)
	}
}

// latest answers the newer of what the topic has seen and rec.
func (h *hub) latest(t *topic, rec *store.Record) *store.Record {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t.rec != nil && t.rec.Version > rec.Version {
		return t.rec
	}
	return rec
}

func (h *hub) watched(name string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.topics[name] != nil
}

func (h *hub) names() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Keys(h.topics))
}
