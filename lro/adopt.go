package lro

import (
	"context"
	"errors"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

// claimInterval is how often a Manager looks for work that no hint told of:
// retries that come due, orphans, and everything on a store without hints.
const claimInterval = time.Second

// batch is how many records are read or claimed at once.
const batch = 500

// claimLoop takes work as long as slots are free. Reconciling happens on the
// same goroutine, so that it never sees a claim whose answer is under way.
func (r *run) claimLoop() {
	reconciled := time.Now()
	r.every(claimInterval, r.claims, func() {
		select {
		case <-r.reconciles:
			reconciled = time.Time{}
		default:
		}
		if time.Since(reconciled) > r.m.opts.LeaseTTL {
			reconciled = time.Now()
			_ = r.reconcile() // pokes reconciles if it fails
		}
		r.m.update(func(s *state) { s.starved = false })
		for _, methods := range r.groups() {
			for r.claim(methods) {
			}
		}
	})
}

// groups splits the methods that have a handler here by what one Claim can ask
// for: those with a bound of their own one by one, all others together.
func (r *run) groups() [][]*method {
	var bounded [][]*method
	var others []*method
	r.m.update(func(s *state) {
		for _, h := range s.methods {
			switch {
			case h.run == nil || r.m.opts.Capacity < 0:
			case h.opts.Concurrency < r.m.opts.Capacity:
				bounded = append(bounded, []*method{h})
			default:
				others = append(others, h)
			}
		}
	})
	if len(others) == 0 {
		return bounded
	}
	return append(bounded, others)
}

// claim asks for as many operations of the methods as have a free slot, starts
// them, and reports whether there may be more.
func (r *run) claim(methods []*method) (more bool) {
	var l *lease
	limit := 0
	names := make([]string, len(methods))
	r.m.update(func(s *state) {
		l = s.lease
		for i, h := range methods {
			names[i] = h.name
			limit = max(limit, s.free(r.m, h))
		}
		limit = min((limit+1)/2, batch) // the other half is for Start
		s.starved = s.starved || limit == 0
		s.reserveFor(methods, limit)
	})
	defer func() { r.m.update(func(s *state) { s.reserveFor(methods, -limit) }) }()
	if l == nil || limit == 0 {
		return false
	}
	recs, err := r.ask(l, &store.Claim{
		Owner: l.owner, Methods: names, Limit: limit, Adopt: l.mayAdopt(time.Now(), r.m.opts.LeaseTTL),
	})
	r.accept(l, recs, err)
	more = err == nil && len(recs) == limit && r.work.Err() == nil
	if more {
		r.m.update(func(s *state) { s.starved = true })
	}
	return more
}

// ask sends a Claim that is given up before this owner's own lease may lapse: an
// adopting one that an outage held up would, once it got through, bury the
// siblings that the outage kept from renewing.
func (r *run) ask(l *lease, c *store.Claim) ([]*store.Record, error) {
	deadline := time.Now().Add(callTimeout)
	if c.Adopt {
		deadline = l.renewed.Add(r.m.opts.LeaseTTL * 3 / 5)
	}
	ctx, stop := context.WithDeadline(r.io, deadline)
	defer stop()
	return r.m.store.Claim(ctx, c)
}

// accept begins the attempts that a claim made ours.
func (r *run) accept(l *lease, recs []*store.Record, err error) {
	switch {
	case errors.Is(err, store.ErrOwnerLost):
		r.m.loseLease(l.owner)
	case err != nil:
		r.m.log.Error("lro: claiming failed, trying again", "error", err)
		poke(r.reconciles)
	}
	for _, rec := range recs {
		r.take(l, rec)
	}
}

// take begins an attempt at a record that this Manager has claimed, unless it
// holds it already.
func (r *run) take(l *lease, rec *store.Record) {
	var a *attempt
	r.m.update(func(s *state) {
		if held := s.held[rec.Name]; held != nil && held.epoch >= rec.Epoch && held.lease.owner == rec.Owner {
			return
		}
		h := s.methods[rec.Method]
		if s.phase != running || h != nil && h.run == nil {
			h = nil
		}
		a = s.hold(r.m, l, h, rec.Name, rec.Epoch)
	})
	if a != nil {
		a.begin(rec)
	}
}

// reconcile hands back what the store says is ours and nobody here holds: a
// Create or Claim whose answer was lost, and the request with it. The next claim
// brings both. It also finds the attempts here that the store says have ended
// or gone elsewhere.
func (r *run) reconcile() error {
	var l *lease
	r.m.update(func(s *state) { l = s.lease })
	if l == nil {
		return nil
	}
	for q := (&store.Query{Owner: l.owner, Limit: batch}); ; {
		recs, err := timed(r.io, r.m, func(ctx context.Context) ([]*store.Record, error) {
			return r.m.store.List(ctx, q)
		})
		if err == nil {
			err = r.releaseUnheld(l, recs)
		}
		if err != nil {
			r.m.log.Error("lro: reading own operations failed, trying again", "error", err)
			poke(r.reconciles)
			return err
		}
		if len(recs) < q.Limit {
			break
		}
		q.Before = recs[len(recs)-1].ID
	}
	var held []string
	r.m.update(func(s *state) {
		for name := range s.held {
			held = append(held, name)
		}
	})
	r.reread(held)
	return nil
}

// settle hands back, in a drain, what an unknown outcome may have left with
// this owner: resigning would make lost attempts of it.
func (r *run) settle() {
	for began := time.Now(); r.reconcile() != nil && time.Since(began) < patience; {
		if !pause(r.io, jitter(100*time.Millisecond)) {
			return
		}
	}
}

// releaseUnheld reads again what looks unheld: an attempt that ended since the
// list was read has stored its end before it was dropped.
func (r *run) releaseUnheld(l *lease, recs []*store.Record) error {
	var names []string
	for _, rec := range recs {
		if a := r.m.attemptOf(rec.Name); a == nil || a.epoch < rec.Epoch {
			names = append(names, rec.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	fresh, err := timed(r.io, r.m, func(ctx context.Context) ([]*store.Record, error) {
		return r.m.store.Get(ctx, names...)
	})
	if err != nil {
		return err
	}
	for _, rec := range fresh {
		if rec.State != store.Running || rec.Owner != l.owner {
			continue
		}
		var a *attempt
		r.m.update(func(s *state) { a = s.hold(r.m, l, nil, rec.Name, rec.Epoch) })
		a.begin(rec)
	}
	return nil
}
