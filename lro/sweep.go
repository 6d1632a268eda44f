package lro

import (
	"context"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

// sweepInterval is how often a Manager looks for what nobody else would end:
// about as late as this, an operation without an attempt misses its timeout.
const sweepInterval = 2 * time.Second

func (r *run) sweepLoop() {
	r.every(sweepInterval, nil, func() {
		r.endCancelled()
		r.endOverdue()
		r.expire()
	})
}

// endCancelled adopts cancelled operations, whatever their method: they are
// ended, not run, so it needs neither a handler nor a slot.
func (r *run) endCancelled() {
	var l *lease
	r.m.update(func(s *state) { l = s.lease })
	for l != nil && r.work.Err() == nil && l.mayAdopt(time.Now(), r.m.opts.LeaseTTL) {
		recs, err := r.ask(l, &store.Claim{Owner: l.owner, Limit: batch, Adopt: true})
		r.accept(l, recs, err)
		if err != nil || len(recs) < batch {
			return
		}
	}
}

func (r *run) endOverdue() {
	for q := (&store.Query{Overdue: true, Limit: batch}); r.work.Err() == nil; {
		recs, err := timed(r.io, r.m, func(ctx context.Context) ([]*store.Record, error) {
			return r.m.store.List(ctx, q)
		})
		if err != nil {
			r.m.log.Error("lro: listing overdue operations failed, trying again", "error", err)
			return
		}
		for _, rec := range recs {
			t := overdue(r.m.cancelled(), r.m.late(), r.m.retention(rec))
			if _, err := r.m.change(r.io, rec, t, once); err != nil {
				r.m.log.Error("lro: ending an overdue operation failed, trying again", "operation", rec.Name, "error", err)
			}
		}
		if len(recs) < batch {
			return
		}
		q.Before = recs[len(recs)-1].ID
	}
}

func (r *run) expire() {
	for r.work.Err() == nil {
		n, err := timed(r.io, r.m, func(ctx context.Context) (int, error) {
			return r.m.store.Expire(ctx, batch)
		})
		if err != nil {
			r.m.log.Error("lro: removing expired operations failed, trying again", "error", err)
		}
		if err != nil || n < batch {
			return
		}
	}
}
