package durable

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/longrunning-go/longrunning/bench/database"
	"github.com/longrunning-go/longrunning/bench/measure"
)

// Gets measures reads of done records by their name, at random, by one caller and
// by 16: against the select by hand.
func (r *Run) Gets(ctx context.Context) {
	r.each(ctx, "gets", r.gets)
}

func (r *Run) gets(ctx context.Context, system database.System) (err error) {
	const most = 16
	b, err := newBed(ctx, system)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	st, err := b.store(ctx, database.Settings{Conns: most})
	if err != nil {
		return err
	}
	raw, err := b.raw(ctx, most)
	if err != nil {
		return err
	}
	recs, err := database.Running(10_000)
	if err != nil {
		return err
	}
	if _, err := measure.Shared(ctx, callers, len(recs), func(ctx context.Context, i int) error { return live(ctx, st, recs[i], retention) }); err != nil {
		return err
	}
	get := func(ctx context.Context, _ int) error {
		name := recs[rand.IntN(len(recs))].Name
		found, err := st.Get(ctx, name)
		if err == nil && (len(found) != 1 || found[0].Response == nil) {
			err = fmt.Errorf("durable: Get must answer the done record %s, found %d records", name, len(found))
		}
		return err
	}
	byHand := func(ctx context.Context, _ int) error {
		_, err := raw.Get(ctx, recs[rand.IntN(len(recs))].Name)
		return err
	}
	by := func(callers, n int, get func(context.Context, int) error) measure.Contender {
		return func(ctx context.Context) (measure.Sample, error) { return measure.Shared(ctx, callers, n, get) }
	}
	for _, size := range []struct{ callers, n int }{{1, 25}, {most, r.Work(1_500)}} {
		r.Compare(ctx, &measure.Comparison{
			What: fmt.Sprintf("%s, callers: %d, get: store, select", system.Name(), size.callers), Unit: "gets", Bound: measure.AtLeast(0.7), Time: r.Time(6 * time.Second),
			Subject: by(size.callers, size.n, get), Base: by(size.callers, size.n, byHand),
		})
	}
	return nil
}
