package durable

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/longrunning-go/longrunning/bench/database"
	"github.com/longrunning-go/longrunning/bench/measure"
	"github.com/longrunning-go/longrunning/store"
)

// Heartbeats measures the heartbeat of an owner that runs 10,000 operations:
// against one that runs 10.
func (r *Run) Heartbeats(ctx context.Context) {
	r.each(ctx, "heartbeats", r.heartbeats)
}

func (r *Run) heartbeats(ctx context.Context, system database.System) (err error) {
	const many, few = "many", "few"
	running := map[string]int{many: 10_000, few: 10}
	b, err := newBed(ctx, system)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	st, err := b.store(ctx, database.Settings{Conns: callers})
	if err != nil {
		return err
	}
	for owner, n := range running {
		if err := run(ctx, st, owner, n); err != nil {
			return err
		}
	}
	n := r.Work(1_500)
	r.Compare(ctx, &measure.Comparison{
		What: fmt.Sprintf("%s, heartbeat: %d running, %d", system.Name(), running[many], running[few]), Unit: "heartbeats", Bound: measure.AtMost(1.2),
		Subject: beats(st, many, n),
		Base:    beats(st, few, n),
	})
	return nil
}

// run lets an owner run n operations.
func run(ctx context.Context, st store.Store, owner string, n int) error {
	if _, err := st.Heartbeat(ctx, owner, ttl); err != nil {
		return err
	}
	recs, err := database.Running(n)
	if err != nil {
		return err
	}
	for _, rec := range recs {
		rec.Owner = owner
	}
	return beginAll(ctx, st, recs)
}

func beats(st store.Store, owner string, n int) measure.Contender {
	return func(ctx context.Context) (measure.Sample, error) {
		began := time.Now()
		for range n {
			if _, err := st.Heartbeat(ctx, owner, ttl); err != nil {
				return measure.Sample{}, err
			}
		}
		return measure.Sample{Count: n, Took: time.Since(began)}, nil
	}
}
