package lro

import (
	"context"
	"errors"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

// sweepInterval is how often a Manager looks for what nobody else would end:
// about as late as this, an operation without an attempt misses its timeout.
const sweepInterval = 2 * time.Second

func (r *run) sweepLoop() {
	r.every(sweepInterval, nil, func() (time.Duration, error) {
		return sweepInterval, errors.Join(r.endCancelled(), r.endOverdue(), r.expire())
	})
}

// endCancelled adopts cancelled operations, whatever their method: they are
// ended, not run, so it needs neither a handler nor a slot.
func (r *run) endCancelled() error {
	var l *lease
	r.m.update(func(s *state) { l = s.lease })
	for l != nil && r.work.Err() == nil && l.mayAdopt(time.Now(), r.m.opts.LeaseTTL) {
		recs, err := r.ask(l, &store.Claim{Owner: l.owner, Limit: batch, Adopt: true})
		r.accept(l, recs, err)
		if err != nil || len(recs) < batch {
			return err
		}
	}
	return nil
}

// endOverdue leaves what it cannot end to the next round: one record that an open
// transaction of the application holds keeps no other from its end.
func (r *run) endOverdue() error {
	for q := (&store.Query{Overdue: true, Limit: batch}); r.work.Err() == nil; {
		recs, err := timed(r.io, r.m, call{method: "List"}, callTimeout, func(ctx context.Context) ([]*store.Record, error) {
			return r.m.store.List(ctx, q)
		})
		if err != nil {
			return err
		}
		for _, rec := range recs {
			if r.work.Err() != nil {
				break
			}
			t := overdue(r.m.cancelled(), r.m.late(), r.m.retention(rec))
			if _, err := r.m.change(r.io, rec, t, once); err != nil && known(err) {
				r.m.log.Error("lro: ending an overdue operation failed, trying again", "operation", rec.Name, "error", err)
			}
		}
		if len(recs) < batch {
			return nil
		}
		q.Before = recs[len(recs)-1].ID
	}
	return nil
}

func (r *run) expire() error {
	for r.work.Err() == nil {
		n, err := timed(r.io, r.m, call{method: "Expire"}, callTimeout, func(ctx context.Context) (int, error) {
			return r.m.store.Expire(ctx, batch)
		})
		if err != nil || n < batch {
			return err
		}
	}
	return nil
}
