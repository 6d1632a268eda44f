package lro

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/longrunning-go/longrunning/lro/internal/started"
	"github.com/longrunning-go/longrunning/store"
)

// heartbeats keeps this Manager alive until ctx ends, and then resigns, so that
// whatever it could not hand back is adopted at once.
func (r *run) heartbeats(ctx context.Context) {
	owner := uuid.NewString()
	ttl := r.m.opts.LeaseTTL
	retry := backoff{least: ttl / 15, most: ttl * 2 / 9} // so at most ttl/3
	for failing := false; ctx.Err() == nil; {
		wait := ttl/3*9/10 + jitter(ttl/30)
		switch err := r.beat(ctx, owner); {
		case err == nil:
			if failing {
				poke(r.claims) // the store is back
			}
			failing = false
			retry.reset()
		case errors.Is(err, store.ErrOwnerLost):
			r.m.loseLease(owner)
			owner = uuid.NewString()
			continue
		default:
			failing = true
			if r.m.leased(time.Now()) {
				retry.reset() // it can still be saved
			}
			wait = retry.wait()
		}
		pause(ctx, wait)
	}
	r.resign(ctx, owner)
}

// resignTimeout is how long the store may take to accept a resignation.
const resignTimeout = 2 * time.Second

func (r *run) resign(ctx context.Context, owner string) {
	_, err := timed(context.WithoutCancel(ctx), r.m, call{method: "Heartbeat"}, resignTimeout, func(ctx context.Context) ([]string, error) {
		return r.m.store.Heartbeat(ctx, owner, 0)
	})
	if err != nil && !errors.Is(err, store.ErrOwnerLost) {
		r.m.log.WarnContext(ctx, "lro: resigning failed; the lease lapses by itself", "error", err)
	}
}

// beat sends one heartbeat and passes on the cancels that come back.
func (r *run) beat(ctx context.Context, owner string) error {
	sent := time.Now().Round(0) // by the wall clock, which goes on while the machine is suspended
	ttl := r.m.opts.LeaseTTL
	cancelled, err := timed(ctx, r.m, call{method: "Heartbeat"}, ttl/3, func(ctx context.Context) ([]string, error) {
		return r.m.store.Heartbeat(ctx, owner, ttl)
	})
	defer started.Tell(ctx) // when the lease is noted
	if err != nil {
		return err
	}
	r.m.renew(owner, sent)
	for _, name := range cancelled {
		if a := r.m.attemptOf(name); a != nil {
			a.requestCancel()
		}
	}
	return nil
}

// renew notes a heartbeat that succeeded; the first one of an owner makes its
// lease.
func (m *Manager) renew(owner string, sent time.Time) {
	m.update(func(s *state) {
		switch {
		case s.lease == nil || s.lease.owner != owner:
			s.lease = &lease{owner: owner, renewed: sent, steady: sent}
			poke(s.run.claims)
		case sent.Sub(s.lease.renewed) > m.opts.LeaseTTL/2:
			s.lease = &lease{owner: owner, renewed: sent, steady: sent}
		default:
			s.lease = &lease{owner: owner, renewed: sent, steady: s.lease.steady}
		}
	})
}

// leased reports whether the lease has not yet lapsed.
func (m *Manager) leased(now time.Time) (leased bool) {
	m.update(func(s *state) { leased = s.lease != nil && now.Sub(s.lease.renewed) < m.opts.LeaseTTL })
	return leased
}

// loseLease cancels the attempts of an owner that is dead: others have them, or
// soon will.
func (m *Manager) loseLease(owner string) {
	var lost []*attempt
	m.update(func(s *state) {
		if s.lease != nil && s.lease.owner == owner {
			s.lease = nil
		}
		for _, a := range s.held {
			if a.lease.owner == owner {
				lost = append(lost, a)
			}
		}
	})
	m.log.Error("lro: the lease was lost: heartbeats came too late", "owner", owner, "running", len(lost))
	for _, a := range lost {
		a.stop(ErrLeaseLost)
	}
}
