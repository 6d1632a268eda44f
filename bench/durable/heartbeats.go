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
	curve := measure.Curve{
		Name: "heartbeats", Title: "The heartbeat of an owner of many operations",
		X: "running operations", Y: "time of one, where it is 1 with 10", Log: true,
	}
	r.each(ctx, "heartbeats", func(ctx context.Context, system database.System) error {
		points, err := r.heartbeats(ctx, system)
		curve.Series = append(curve.Series, measure.Series{Name: system.Name(), Points: points})
		return err
	})
	r.Draw(curve)
}

func (r *Run) heartbeats(ctx context.Context, system database.System) (points []measure.Point, err error) {
	b, err := newBed(ctx, system)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	st, err := b.store(ctx, database.Settings{Conns: callers})
	if err != nil {
		return nil, err
	}
	const few = 10
	n := r.Work(100)
	for _, running := range []int{few, 1_000, 10_000} {
		owner := fmt.Sprintf("owner of %d", running)
		if err := run(ctx, st, owner, running); err != nil {
			return nil, err
		}
		if running == few {
			points = append(points, measure.Point{X: few, Y: 1})
			continue
		}
		line := r.Compare(ctx, &measure.Comparison{
			What: fmt.Sprintf("%s, heartbeat: %d running, %d", system.Name(), running, few), Unit: "heartbeats", Bound: measure.AtMost(1.2), Time: r.Time(3 * time.Second),
			Subject: beats(st, owner, n),
			Base:    beats(st, fmt.Sprintf("owner of %d", few), n),
		})[0]
		points = append(points, measure.Point{X: float64(running), Y: line.Figure})
	}
	return points, nil
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
