package storetest_test

import (
	"context"
	"errors"
	"time"

	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// A faulty store does what its functions say instead of the methods of the same
// name, where they are set. They may call those of memstore.
type faulty struct {
	*memstore.Store

	create    func(context.Context, *store.Record) (*store.Record, error)
	get       func(context.Context, ...string) ([]*store.Record, error)
	update    func(context.Context, *store.Record) (*store.Record, error)
	list      func(context.Context, *store.Query) ([]*store.Record, error)
	claim     func(context.Context, *store.Claim) ([]*store.Record, error)
	heartbeat func(context.Context, string, time.Duration) ([]string, error)
	expire    func(context.Context, int) (int, error)
	secret    func(context.Context) ([]byte, error)
	notify    func(context.Context, func(store.Hint)) error

	out func(*store.Record) // changes a copy of every record that is answered
}

func (s *faulty) Create(ctx context.Context, rec *store.Record) (*store.Record, error) {
	return s.one(or(s.create, s.Store.Create)(ctx, rec))
}

func (s *faulty) Get(ctx context.Context, names ...string) ([]*store.Record, error) {
	if s.get != nil {
		return s.all(s.get(ctx, names...))
	}
	return s.all(s.Store.Get(ctx, names...))
}

func (s *faulty) Update(ctx context.Context, rec *store.Record) (*store.Record, error) {
	return s.one(or(s.update, s.Store.Update)(ctx, rec))
}

func (s *faulty) List(ctx context.Context, q *store.Query) ([]*store.Record, error) {
	return s.all(or(s.list, s.Store.List)(ctx, q))
}

func (s *faulty) Claim(ctx context.Context, c *store.Claim) ([]*store.Record, error) {
	return s.all(or(s.claim, s.Store.Claim)(ctx, c))
}

func (s *faulty) Heartbeat(ctx context.Context, owner string, ttl time.Duration) ([]string, error) {
	if s.heartbeat != nil {
		return s.heartbeat(ctx, owner, ttl)
	}
	return s.Store.Heartbeat(ctx, owner, ttl)
}

func (s *faulty) Expire(ctx context.Context, limit int) (int, error) {
	return or(s.expire, s.Store.Expire)(ctx, limit)
}

func (s *faulty) Secret(ctx context.Context) ([]byte, error) {
	if s.secret != nil {
		return s.secret(ctx)
	}
	return s.Store.Secret(ctx)
}

func (s *faulty) Notify(ctx context.Context, fn func(store.Hint)) error {
	if s.notify != nil {
		return s.notify(ctx, fn)
	}
	return s.Store.Notify(ctx, fn)
}

// or answers fn, or method where fn is nil.
func or[In, Out any](fn, method func(context.Context, In) (Out, error)) func(context.Context, In) (Out, error) {
	if fn == nil {
		return method
	}
	return fn
}

func (s *faulty) one(rec *store.Record, err error) (*store.Record, error) {
	if rec == nil || s.out == nil {
		return rec, err
	}
	return changed(rec, s.out), err
}

func (s *faulty) all(recs []*store.Record, err error) ([]*store.Record, error) {
	if s.out == nil {
		return recs, err
	}
	out := make([]*store.Record, len(recs))
	for i, rec := range recs {
		out[i] = changed(rec, s.out)
	}
	return out, err
}

// changed answers a copy of rec that change has seen.
func changed(rec *store.Record, change func(*store.Record)) *store.Record {
	r := *rec
	change(&r)
	return &r
}

// find answers the record of a name, or nil.
func (s *faulty) find(ctx context.Context, name string) *store.Record {
	found, err := s.Store.Get(context.WithoutCancel(ctx), name)
	if err != nil || len(found) == 0 {
		return nil
	}
	return found[0]
}

// force updates whatever version there is.
func (s *faulty) force(ctx context.Context, rec *store.Record) (*store.Record, error) {
	for {
		cur := s.find(ctx, rec.Name)
		if cur == nil {
			return nil, store.ErrNotFound
		}
		got, err := s.Store.Update(context.WithoutCancel(ctx), changed(rec, func(r *store.Record) { r.Version = cur.Version }))
		if !errors.Is(err, store.ErrConflict) {
			return got, err
		}
	}
}
