package durable

import (
	"context"
	"errors"
	"time"

	"github.com/longrunning-go/longrunning/bench/database"
	"github.com/longrunning-go/longrunning/bench/measure"
	"github.com/longrunning-go/longrunning/store"
)

// Lone measures what a single caller waits for a write: against the statement by
// hand, in the transaction of its own that it gets by itself.
func (r *Run) Lone(ctx context.Context) {
	r.each(ctx, "writes of one caller", r.lone)
}

func (r *Run) lone(ctx context.Context, system database.System) (err error) {
	// One for both: a file may be half as fast as another for as long as it lasts.
	b, err := newBed(ctx, system)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	st, err := b.store(ctx, database.Settings{Conns: 1})
	if err != nil {
		return err
	}
	raw, err := b.raw(ctx, 1)
	if err != nil {
		return err
	}
	n, long := r.Work(70), r.Time(9*time.Second)
	r.Compare(ctx, &measure.Comparison{
		What: system.Name() + ", 1 caller, create: store, statement", Unit: "creates", Bound: measure.AtMost(1.3), Time: long,
		Subject: creations(n, func(ctx context.Context, rec *store.Record) error {
			_, callErr := st.Create(ctx, rec)
			return callErr
		}),
		Base: creations(n, raw.Create),
	}, &measure.Comparison{
		What: system.Name() + ", 1 caller, update: store, statement", Unit: "updates", Bound: measure.AtMost(1.3), Time: long,
		Subject: completions(n, func(ctx context.Context, recs []*store.Record) error { return beginAll(ctx, st, recs) }, func(ctx context.Context, rec *store.Record) error {
			_, callErr := st.Update(ctx, rec)
			return callErr
		}),
		Base: completions(n, func(ctx context.Context, recs []*store.Record) error { return createAll(ctx, raw, recs) }, raw.Update),
	})
	return nil
}

// creations creates n records, one after the other.
func creations(n int, create func(context.Context, *store.Record) error) measure.Contender {
	return func(ctx context.Context) (measure.Sample, error) {
		recs, err := database.Running(n)
		if err != nil {
			return measure.Sample{}, err
		}
		began := time.Now()
		for _, rec := range recs {
			if err := create(ctx, rec); err != nil {
				return measure.Sample{}, err
			}
		}
		return measure.Sample{Count: n, Took: time.Since(began)}, nil
	}
}

// completions completes n records, one after the other, that prepare has created.
func completions(n int, prepare func(context.Context, []*store.Record) error, update func(context.Context, *store.Record) error) measure.Contender {
	return func(ctx context.Context) (measure.Sample, error) {
		recs, err := database.Running(n)
		if err == nil {
			err = prepare(ctx, recs)
		}
		if err != nil {
			return measure.Sample{}, err
		}
		began := time.Now()
		for _, rec := range recs {
			if err := update(ctx, database.Done(created(rec), retention)); err != nil {
				return measure.Sample{}, err
			}
		}
		return measure.Sample{Count: n, Took: time.Since(began)}, nil
	}
}
