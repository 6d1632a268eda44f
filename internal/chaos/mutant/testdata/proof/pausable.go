package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

// A pausable store lets no call and no hint through while it is paused.
type pausable struct {
	store.Store

	mu     sync.Mutex
	resume chan struct{} // nil while it is not paused
	lost   bool          // a heartbeat was answered ErrOwnerLost
	failed error         // why the last heartbeat failed; nil if it did not

	onGet   func(names []string)        // called when a Get returns; may be nil
	onClaim func([]*store.Record) error // called when a Claim has succeeded; may be nil
}

func (p *pausable) pause() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.resume = make(chan struct{})
}

func (p *pausable) wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.resume)
	p.resume = nil
}

// hook sets what is called; nil leaves it.
func (p *pausable) hook(onGet func([]string), onClaim func([]*store.Record) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if onGet != nil {
		p.onGet = onGet
	}
	if onClaim != nil {
		p.onClaim = onClaim
	}
}

func (p *pausable) hooks() (onGet func([]string), onClaim func([]*store.Record) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.onGet, p.onClaim
}

func (p *pausable) buried() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lost
}

func (p *pausable) alive() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.lost && p.failed == nil
}

func (p *pausable) pass(ctx context.Context) error {
	p.mu.Lock()
	resume := p.resume
	p.mu.Unlock()
	if resume == nil {
		return nil
	}
	select {
	case <-resume:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (p *pausable) Create(ctx context.Context, rec *store.Record) (*store.Record, error) {
	if err := p.pass(ctx); err != nil {
		return nil, err
	}
	return p.Store.Create(ctx, rec)
}

func (p *pausable) Get(ctx context.Context, names ...string) ([]*store.Record, error) {
	if err := p.pass(ctx); err != nil {
		return nil, err
	}
	recs, err := p.Store.Get(ctx, names...)
	if got, _ := p.hooks(); got != nil {
		got(names)
	}
	return recs, err
}

func (p *pausable) Update(ctx context.Context, rec *store.Record) (*store.Record, error) {
	if err := p.pass(ctx); err != nil {
		return nil, err
	}
	return p.Store.Update(ctx, rec)
}

func (p *pausable) List(ctx context.Context, q *store.Query) ([]*store.Record, error) {
	if err := p.pass(ctx); err != nil {
		return nil, err
	}
	return p.Store.List(ctx, q)
}

func (p *pausable) Claim(ctx context.Context, c *store.Claim) ([]*store.Record, error) {
	if err := p.pass(ctx); err != nil {
		return nil, err
	}
	recs, err := p.Store.Claim(ctx, c)
	if _, claimed := p.hooks(); err == nil && claimed != nil {
		if err := claimed(recs); err != nil {
			return nil, err
		}
	}
	return recs, err
}

func (p *pausable) Heartbeat(ctx context.Context, owner string, ttl time.Duration) ([]string, error) {
	if err := p.pass(ctx); err != nil {
		return nil, err
	}
	names, err := p.Store.Heartbeat(ctx, owner, ttl)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lost = p.lost || errors.Is(err, store.ErrOwnerLost)
	p.failed = err
	return names, err
}

func (p *pausable) Expire(ctx context.Context, limit int) (int, error) {
	if err := p.pass(ctx); err != nil {
		return 0, err
	}
	return p.Store.Expire(ctx, limit)
}

func (p *pausable) Notify(ctx context.Context, fn func(store.Hint)) error {
	return p.Store.(store.Notifier).Notify(ctx, func(h store.Hint) {
		if p.pass(ctx) == nil {
			fn(h)
		}
	})
}
