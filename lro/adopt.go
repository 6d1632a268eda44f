package lro

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

// claimInterval is how often a Manager looks for work that no hint told of:
// retries that come due, orphans, and everything on a store without hints.
const claimInterval = time.Second

// crowd is how many orphans at once are more than a few. A Manager that took a
// crowd leaves what there is left to other survivors for a moment; else the first
// to come would take all it can hold.
const crowd = 10

// batch is how many records are read or claimed at once.
const batch = 500

// claimLoop takes work as long as slots are free. Reconciling happens on the
// same goroutine, so that it never sees a claim whose answer is under way.
func (r *run) claimLoop() {
	reconciled := time.Now()
	crowds := 0 // in a row
	r.every(claimInterval, r.claims, func() (time.Duration, error) {
		select {
		case <-r.reconciles:
			reconciled = time.Time{}
		default:
		}
		var err error
		if time.Since(reconciled) > r.m.opts.LeaseTTL {
			reconciled = time.Now()
			if err = r.reconcile(r.io); err != nil {
				poke(r.reconciles)
			}
		}
		crowded, claimErr := r.claimAll()
		if crowded {
			crowds++ // half as long each time: all of it is about claimInterval at most
		} else {
			crowds = 0
		}
		return claimInterval >> crowds, errors.Join(err, claimErr)
	})
}

// claimAll takes what there is for free slots, and reports whether it has left
// some after a crowd. It gives up when a Claim fails.
func (r *run) claimAll() (crowded bool, err error) {
	r.m.update(func(s *state) { s.starved = false })
	groups := r.groups()
	var adopted int
	var more bool
	if len(groups) > 1 {
		// Where slots are few, orphans come before the backlog of other groups too.
		adopted, more, err = r.claim(slices.Concat(groups...))
		if err != nil || more && adopted >= crowd {
			return err == nil, err
		}
	}
	for _, methods := range groups {
		for more = true; more; {
			adopted, more, err = r.claim(methods)
			if err != nil {
				return crowded, err
			}
			if more && adopted >= crowd {
				crowded, more = true, false
			}
		}
	}
	return crowded, nil
}

// groups splits the methods that have a handler here by what one Claim can ask
// for: those with a bound of their own one by one, all others together.
func (r *run) groups() [][]*method {
	var bounded [][]*method
	var others []*method
	for _, h := range r.m.known() {
		switch {
		case h.run == nil || r.m.opts.Capacity < 0:
		case h.opts.Concurrency < r.m.opts.Capacity:
			bounded = append(bounded, []*method{h})
		default:
			others = append(others, h)
		}
	}
	if len(others) == 0 {
		return bounded
	}
	return append(bounded, others)
}

// claim asks for operations of those methods of a group that have free slots, for
// half of what all of these have, and starts them. It answers how many had lost an
// owner, and whether there may be more.
func (r *run) claim(group []*method) (adopted int, more bool, err error) {
	var l *lease
	var methods []*method
	var names []string
	limit := 0
	r.m.update(func(s *state) {
		l = s.lease
		for _, h := range group {
			free := s.free(r.m, h)
			if free == 0 {
				s.starved = true
				continue
			}
			methods, names = append(methods, h), append(names, h.name)
			if limit == 0 || free < limit {
				limit = free
			}
		}
		limit = min((limit+1)/2, batch) // the other half is for Start
		s.reserveFor(methods, limit)
	})
	defer func() { r.m.update(func(s *state) { s.reserveFor(methods, -limit) }) }()
	if l == nil || limit == 0 {
		return 0, false, nil
	}
	recs, err := r.ask(l, &store.Claim{
		Owner: l.owner, Methods: names, Limit: limit, Adopt: l.mayAdopt(time.Now(), r.m.opts.LeaseTTL),
	})
	r.accept(l, recs, err)
	for _, rec := range recs {
		if ownersLost(rec) > 0 {
			adopted++
		}
	}
	more = err == nil && len(recs) == limit && r.work.Err() == nil
	if more {
		r.m.update(func(s *state) { s.starved = true })
	}
	return adopted, more, err
}

// ask sends a Claim that is given up before this owner's own lease may lapse: an
// adopting one that an outage held up would, once it got through, bury the
// siblings that the outage kept from renewing.
func (r *run) ask(l *lease, c *store.Claim) ([]*store.Record, error) {
	limit := callTimeout
	if c.Adopt {
		limit = time.Until(l.renewed.Add(r.m.opts.LeaseTTL * 3 / 5))
	}
	return timed(r.io, r.m, call{method: "Claim"}, limit, func(ctx context.Context) ([]*store.Record, error) {
		return r.m.store.Claim(ctx, c)
	})
}

// accept begins the attempts that a claim made ours.
func (r *run) accept(l *lease, recs []*store.Record, err error) {
	switch {
	case errors.Is(err, store.ErrOwnerLost):
		r.m.loseLease(l.owner)
	case err != nil:
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
		h := r.m.methodOf(rec.Method)
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
func (r *run) reconcile(ctx context.Context) error {
	var l *lease
	r.m.update(func(s *state) { l = s.lease })
	if l == nil {
		return nil
	}
	for q := (&store.Query{Owner: l.owner, Limit: batch}); ; {
		recs, err := timed(ctx, r.m, call{method: "List"}, callTimeout, func(ctx context.Context) ([]*store.Record, error) {
			return r.m.store.List(ctx, q)
		})
		if err == nil {
			err = r.releaseUnheld(ctx, l, recs)
		}
		if err != nil {
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
	return r.reread(ctx, held)
}

// settle hands back, in a drain, what an unknown outcome may have left with
// this owner: resigning would make lost attempts of it.
func (r *run) settle(within time.Duration) {
	ctx, stop := context.WithTimeout(r.io, within)
	defer stop()
	for retry := (backoff{least: 100 * time.Millisecond}); r.reconcile(ctx) != nil; {
		if !pause(ctx, retry.wait()) {
			return
		}
	}
}

// releaseUnheld reads again what looks unheld: an attempt that ended since the
// list was read has stored its end before it was dropped.
func (r *run) releaseUnheld(ctx context.Context, l *lease, recs []*store.Record) error {
	var names []string
	for _, rec := range recs {
		if a := r.m.attemptOf(rec.Name); a == nil || a.epoch < rec.Epoch {
			names = append(names, rec.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	fresh, err := timed(ctx, r.m, call{method: "Get"}, callTimeout, func(ctx context.Context) ([]*store.Record, error) {
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
		a.begin(rec) //nolint:contextcheck // the attempt outlives the settling
	}
	return nil
}
