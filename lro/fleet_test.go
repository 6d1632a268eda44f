package lro_test

import (
	"context"
	"sync"
	"time"

	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// A link is one process's connection to a store that it shares with others. It
// can be cut, as if the process had been killed, or held, as if it had been
// paused: calls that were begun are then answered after resume, and nothing the
// process does reaches the store before.
type link struct {
	shared *memstore.Store

	mu   sync.Mutex
	dead bool
	gate chan struct{} // closed while calls may pass
}

var (
	_ store.Store    = (*link)(nil)
	_ store.Notifier = (*link)(nil)
)

func newLink(shared *memstore.Store) *link {
	l := &link{shared: shared, gate: make(chan struct{})}
	close(l.gate)
	return l
}

func (l *link) kill() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dead = true
}

// revive undoes kill, as when the store had been down.
func (l *link) revive() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dead = false
}

func (l *link) pause() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gate = make(chan struct{})
}

func (l *link) resume() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.gate)
}

// pass waits until the process may reach the store.
func (l *link) pass(ctx context.Context) error {
	l.mu.Lock()
	gate := l.gate
	l.mu.Unlock()
	select {
	case <-gate:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		return errStore
	}
	return nil
}

func (l *link) Create(ctx context.Context, rec *store.Record) (*store.Record, error) {
	if err := l.pass(ctx); err != nil {
		return nil, err
	}
	return l.shared.Create(ctx, rec)
}

func (l *link) Get(ctx context.Context, names ...string) ([]*store.Record, error) {
	if err := l.pass(ctx); err != nil {
		return nil, err
	}
	return l.shared.Get(ctx, names...)
}

func (l *link) Update(ctx context.Context, rec *store.Record) (*store.Record, error) {
	if err := l.pass(ctx); err != nil {
		return nil, err
	}
	return l.shared.Update(ctx, rec)
}

func (l *link) List(ctx context.Context, q *store.Query) ([]*store.Record, error) {
	if err := l.pass(ctx); err != nil {
		return nil, err
	}
	return l.shared.List(ctx, q)
}

func (l *link) Claim(ctx context.Context, c *store.Claim) ([]*store.Record, error) {
	if err := l.pass(ctx); err != nil {
		return nil, err
	}
	return l.shared.Claim(ctx, c)
}

func (l *link) Heartbeat(ctx context.Context, owner string, ttl time.Duration) ([]string, error) {
	if err := l.pass(ctx); err != nil {
		return nil, err
	}
	return l.shared.Heartbeat(ctx, owner, ttl)
}

func (l *link) Expire(ctx context.Context, limit int) (int, error) {
	if err := l.pass(ctx); err != nil {
		return 0, err
	}
	return l.shared.Expire(ctx, limit)
}

func (l *link) Secret(ctx context.Context) ([]byte, error) { return l.shared.Secret(ctx) }

func (l *link) Notify(ctx context.Context, fn func(store.Hint)) error {
	return l.shared.Notify(ctx, func(h store.Hint) {
		l.mu.Lock()
		gate, dead := l.gate, l.dead
		l.mu.Unlock()
		select {
		case <-gate:
			if !dead {
				fn(h)
			}
		default: // lost, as on a connection that broke meanwhile
		}
	})
}
