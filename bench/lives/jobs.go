package lives

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/longrunning-go/longrunning/bench/database"
	"github.com/longrunning-go/longrunning/bench/measure"
)

// jobs compares with River on the same Postgres: from the first start until all are
// stored as done.
func jobs(ctx context.Context, r *measure.Run, system database.System) (err error) {
	var closers []func() error
	defer func() {
		for _, c := range closers {
			err = errors.Join(err, c())
		}
	}()
	subject := func(n, capacity int) (measure.Contender, error) {
		db, err := system.New(ctx)
		if err != nil {
			return nil, err
		}
		ended := make(chan struct{}, 100_000)
		m, err := newManager(ctx, db.Address(), capacity, ended)
		if err != nil {
			return nil, err
		}
		closers = append(closers, m.close)
		m.turn.Store(&turn{alone: true})
		return open(n, 0, 1, func(ctx context.Context, i int) error {
			_, err := m.takeSnapshot.Start(ctx, request(i), nil)
			return err
		}, ended, func(context.Context) (int, error) { return 0, nil }), nil
	}
	base := func(n, batch int, set riverSettings) (measure.Contender, error) {
		db, err := system.New(ctx)
		if err != nil {
			return nil, err
		}
		q, err := newQueue(ctx, db.Address(), set)
		if err != nil {
			return nil, err
		}
		closers = append(closers, q.close)
		start := q.insert
		if batch > 1 {
			start = q.insertMany(batch)
		}
		return open(n, tail, batch, start, q.ended, q.left), nil
	}
	for _, c := range []struct {
		what     string
		bound    measure.Bound
		ours, n  int // operations, jobs
		capacity int
		batch    int
		settings riverSettings
	}{
		{"River, defaults and 64 workers", measure.AtLeast(3), 2_000, 640, callers, 1, riverSettings{MaxWorkers: callers}},
		{"River, its own bench's settings", measure.AtLeast(0), 4_000, 3_200, 2_000, 1, bestSettings},
		{"River, the same, in batches of 64", measure.AtLeast(0), 4_000, 6_400, 2_000, callers, bestSettings},
	} {
		comparison := &measure.Comparison{
			What: system.Name() + ", 64 callers, start to done: lro, " + c.what, Unit: "operations", Bound: c.bound,
		}
		if comparison.Subject, err = subject(r.Work(c.ours), c.capacity); err != nil {
			return err
		}
		if comparison.Base, err = base(r.Work(c.n), c.batch, c.settings); err != nil {
			return err
		}
		r.Compare(ctx, comparison)
	}
	return nil
}

// tail is how many jobs more than those that count are inserted: River's completer
// lets less than 100 of them wait for more, for a quarter of a second.
const tail = 100

// open is a contender whose callers start as fast as they can, and do not wait: each
// start starts so many. The clock stops when n have ended, of which tells; the tail
// is started as well and ends later. left then answers how many have not ended in the
// database.
func open[Event any](n, tail, each int, start func(context.Context, int) error, ended <-chan Event, left func(context.Context) (int, error)) measure.Contender {
	return func(ctx context.Context) (measure.Sample, error) {
		ctx, stop := context.WithCancelCause(ctx)
		defer stop(nil)
		starts := (n + tail + each - 1) / each
		started := make(chan struct{})
		began := time.Now()
		go func() {
			defer close(started)
			if _, err := measure.Shared(ctx, callers, starts, start); err != nil {
				stop(err)
			}
		}()
		err := await(ctx, ended, n)
		sample := measure.Sample{Count: n, Took: time.Since(began)}
		if err == nil {
			err = await(ctx, ended, starts*each-n)
		}
		<-started
		if err != nil {
			return sample, err
		}
		going, err := left(ctx)
		if err == nil && going != 0 {
			err = fmt.Errorf("lives: all must be stored as done, and %d are not", going)
		}
		return sample, err
	}
}

// await returns when n have ended.
func await[Event any](ctx context.Context, ended <-chan Event, n int) error {
	for range n {
		select {
		case _, ok := <-ended:
			if !ok {
				return errors.New("lives: whoever tells what has ended has ended")
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
