package lro

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/longrunning-go/longrunning/store"
)

// heartbeats keeps this Manager alive until ctx ends, and then resigns, so that
// whatever it could not hand back is adopted at once.
func (r *run) heartbeats(ctx context.Context) {
	owner := uuid.NewString()
	for ctx.Err() == nil {
		interval := r.m.opts.LeaseTTL / 3
		switch err := r.beat(ctx, owner); {
		case err == nil:
		case errors.Is(err, store.ErrOwnerLost):
			r.m.loseLease(owner)
			owner = uuid.NewString()
			continue
		case ctx.Err() == nil:
			r.m.log.ErrorContext(ctx, "lro: a heartbeat failed, trying again", "error", err)
			interval = r.m.opts.LeaseTTL / 15
		}
		pause(ctx, interval*9/10+jitter(interval/10))
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), r.m.opts.LeaseTTL/3)
	defer stop()
	if _, err := r.m.store.Heartbeat(ctx, owner, 0); err != nil && !errors.Is(err, store.ErrOwnerLost) {
		r.m.log.ErrorContext(ctx, "lro: resigning failed; the lease lapses by itself", "error", err)
	}
}

// beat sends one heartbeat and passes on the cancels that come back.
func (r *run) beat(ctx context.Context, owner string) error {
	sent := time.Now().Round(0) // by the wall clock, which goes on while the machine is suspended
	ctx, stop := context.WithTimeout(ctx, r.m.opts.LeaseTTL/3)
	defer stop()
	cancelled, err := r.m.store.Heartbeat(ctx, owner, r.m.opts.LeaseTTL)
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
