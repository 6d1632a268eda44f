package durable

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

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
	get := func(ctx context.Context, i int) error {
		found, err := st.Get(ctx, recs[i].Name)
		if err == nil && (len(found) != 1 || found[0].Response == nil) {
			err = fmt.Errorf("durable: Get must answer the done record %s, found %d records", recs[i].Name, len(found))
		}
		return err
	}
	byHand := func(ctx context.Context, i int) error {
		_, err := raw.Get(ctx, recs[i].Name)
		return err
	}
	for _, callers := range []int{1, most} {
		n, laps := r.Work(8_000), 1
		if callers == 1 {
			n, laps = r.Work(300), 12
		}
		r.Compare(ctx, &measure.Comparison{
			What: fmt.Sprintf("%s, callers: %d, get: store, select", system.Name(), callers), Unit: "gets", Bound: measure.AtLeast(0.7), Laps: laps,
			Subject: reads(callers, n, len(recs), get),
			Base:    reads(callers, n, len(recs), byHand),
		})
	}
	return nil
}

// reads reads n of so many records, at random.
func reads(callers, n, of int, get func(ctx context.Context, i int) error) measure.Contender {
	return func(ctx context.Context) (measure.Sample, error) {
		which := make([]int, n)
		for i := range which {
			which[i] = rand.IntN(of)
		}
		return measure.Shared(ctx, callers, n, func(ctx context.Context, i int) error { return get(ctx, which[i]) })
	}
}
