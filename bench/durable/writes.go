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

const (
	callers   = 64
	retention = 30 * 24 * time.Hour
)

// Writes measures start and complete by 64 callers, with a process that is told of
// them: against the same store that writes one by one, and on SQLite also against
// statements by hand, 64 in a transaction.
func (r *Run) Writes(ctx context.Context) {
	r.each(ctx, "writes of 64 callers", func(ctx context.Context, system database.System) error {
		return r.grouped(ctx, system, system.Name() == "postgres")
	})
	r.each(ctx, "writes of 64 callers", func(ctx context.Context, system database.System) error {
		if system.Name() != "sqlite" {
			return nil // there one connection is not what one would write by hand
		}
		return r.groupedByHand(ctx, system)
	})
}

// grouped compares with the same store that writes one by one. Where hints come
// with the commit, waiting for them is part of the work.
func (r *Run) grouped(ctx context.Context, system database.System, hintsCount bool) (err error) {
	b, err := newBed(ctx, system)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	group, err := b.store(ctx, database.Settings{Conns: callers})
	if err != nil {
		return err
	}
	single, err := b.store(ctx, database.Settings{Conns: callers, MaxBatch: 1})
	if err != nil {
		return err
	}
	l, err := r.listen(ctx, b.Address())
	if err != nil {
		return err
	}
	b.open = append(b.open, l)
	c := &measure.Comparison{
		What: system.Name() + ", 64 callers, start + complete: grouped, one by one", Unit: "operations", Bound: measure.AtLeast(4), Time: r.Time(10 * time.Second),
		Subject: lives(group, r.Work(2_000), l, hintsCount),
		Base:    lives(single, r.Work(225), l, hintsCount),
	}
	if system.Name() == "postgres" {
		c.Bound = measure.AtLeast(6)
	}
	r.Compare(ctx, c)
	return nil
}

// lives starts and completes n operations by 64 callers. It ends when all of them
// are durable and, if hintsCount is set, the listener has been told of them;
// otherwise it only must be told later.
func lives(st store.Store, n int, l *listener, hintsCount bool) measure.Contender {
	return func(ctx context.Context) (measure.Sample, error) {
		recs, err := database.Running(n)
		if err != nil {
			return measure.Sample{}, err
		}
		began := time.Now()
		sample, err := measure.Shared(ctx, callers, n, func(ctx context.Context, i int) error { return live(ctx, st, recs[i], retention) })
		if err != nil || l == nil {
			return sample, err
		}
		err = l.told(ctx, st, n, hintsCount)
		if hintsCount {
			sample.Took = time.Since(began)
		}
		return sample, err
	}
}

// live lets one operation begin and end.
func live(ctx context.Context, st store.Store, rec *store.Record, retention time.Duration) error {
	stored, err := begin(ctx, st, rec)
	if err != nil {
		return err
	}
	_, err = st.Update(ctx, database.Done(stored, retention))
	return err
}

func begin(ctx context.Context, st store.Store, rec *store.Record) (*store.Record, error) {
	stored, err := st.Create(ctx, rec)
	if err == nil && stored.State != store.Running {
		err = fmt.Errorf("durable: a record of a living owner must be stored as running, found %v", stored.State)
	}
	return stored, err
}

// beginAll lets 64 callers begin operations.
func beginAll(ctx context.Context, st store.Store, recs []*store.Record) error {
	_, err := measure.Shared(ctx, callers, len(recs), func(ctx context.Context, i int) error {
		_, err := begin(ctx, st, recs[i])
		return err
	})
	return err
}

// groupedByHand lets either have a file of its own, as it has in production. What one
// connection has cached the writes of another would make stale.
func (r *Run) groupedByHand(ctx context.Context, system database.System) (err error) {
	var beds [2]*bed
	for i := range beds {
		if beds[i], err = newBed(ctx, system); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, beds[i].close()) }()
	}
	st, err := beds[0].store(ctx, database.Settings{})
	if err != nil {
		return err
	}
	raw, err := beds[1].raw(ctx, 1)
	if err != nil {
		return err
	}
	// Long turns, of callers who do not stop: in bursts of 1,000 by hand is 1.5 times as
	// fast.
	n := r.Work(4_800)
	r.Compare(ctx, &measure.Comparison{
		What: system.Name() + ", 64 callers, start + complete: store, statements grouped by 64", Unit: "operations", Bound: measure.AtLeast(0.8), Time: r.Time(15 * time.Second),
		Subject: lives(st, n, nil, false), Base: livesByHand(raw, n),
	})
	return nil
}

// livesByHand starts and completes n operations, 64 at a time.
func livesByHand(raw database.Raw, n int) measure.Contender {
	return func(ctx context.Context) (measure.Sample, error) {
		recs, err := database.Running(n)
		if err != nil {
			return measure.Sample{}, err
		}
		began := time.Now()
		for from := 0; from < n; from += callers {
			batch := recs[from:min(n, from+callers)]
			if err := createAll(ctx, raw, batch); err != nil {
				return measure.Sample{}, err
			}
			if err := completeAll(ctx, raw, batch); err != nil {
				return measure.Sample{}, err
			}
		}
		return measure.Sample{Count: n, Took: time.Since(began)}, nil
	}
}

// createAll creates records in one transaction.
func createAll(ctx context.Context, raw database.Raw, recs []*store.Record) error {
	return raw.Transact(ctx, func(w database.Writer) error {
		for _, rec := range recs {
			if err := w.Create(ctx, rec); err != nil {
				return err
			}
		}
		return nil
	})
}

// completeAll completes new records in one transaction.
func completeAll(ctx context.Context, raw database.Raw, recs []*store.Record) error {
	return raw.Transact(ctx, func(w database.Writer) error {
		for _, rec := range recs {
			if err := w.Update(ctx, database.Done(created(rec), retention)); err != nil {
				return err
			}
		}
		return nil
	})
}

// created is rec as it stands after Create by hand, which answers nothing.
func created(rec *store.Record) *store.Record {
	stored := *rec
	stored.Version = 1
	return &stored
}
