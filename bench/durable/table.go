package durable

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	"github.com/longrunning-go/longrunning/bench/database"
	"github.com/longrunning-go/longrunning/bench/measure"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store"
)

// pageSize is the default one of package lro.
const pageSize = 100

// A table has been filled with n records. What is added to it is taken away again.
type table struct {
	*bed

	n      int
	st     *database.Store
	server *lro.Server
}

func newTable(ctx context.Context, system database.System, n int) (*table, error) {
	b, err := newBed(ctx, system)
	if err != nil {
		return nil, err
	}
	t := &table{bed: b, n: n}
	if err := b.Fill(ctx, n); err != nil {
		return nil, err
	}
	if t.st, err = b.store(ctx, database.Settings{Conns: callers}); err != nil {
		return nil, err
	}
	m, err := lro.New(t.st, &lro.Options{Capacity: -1})
	if err != nil {
		return nil, err
	}
	t.server = lro.NewServer(m, lro.AllowAll, nil)
	return t, nil
}

// A call is something that a table is asked for.
type call struct {
	name, unit string
	long       time.Duration // of all rounds
	on         func(context.Context, *table) (measure.Contender, error)
}

// read is a call by so many callers, n times in each turn.
func read(callers int, name, unit string, n int, long time.Duration, on func(context.Context, *table) (func(context.Context) error, error)) call {
	return call{fmt.Sprintf("callers: %d, %s", callers, name), unit, long, func(ctx context.Context, t *table) (measure.Contender, error) {
		fn, err := on(ctx, t)
		return func(ctx context.Context) (measure.Sample, error) {
			return measure.Shared(ctx, callers, n, func(ctx context.Context, _ int) error { return fn(ctx) })
		}, err
	}}
}

// get gets one of the newest 10,000 records, at random. It has several callers since
// one connection of Postgres may be a third slower than another for as long as it lasts.
func get() call {
	return read(4, "get", "gets", 200, 4*time.Second, func(_ context.Context, t *table) (func(context.Context) error, error) {
		return func(ctx context.Context) error {
			found, err := t.st.Get(ctx, database.Filled(t.n-rand.IntN(10_000)))
			if err == nil && len(found) != 1 {
				err = fmt.Errorf("durable: Get must answer a record of a filled table, found %d", len(found))
			}
			return err
		}, nil
	})
}

// filter lists by a filter that an index serves.
func filter(expression string, want int) call {
	return list(1, expression, want, 1, 4*time.Second)
}

// scan lists by a filter that makes the server look at as many records as it may. It
// takes so long that there are few, of which those of a single caller scatter by half.
func scan(expression string) call {
	return list(4, expression, 0, 8, 8*time.Second)
}

// list lists by a filter, and must find so many operations on the first page.
func list(callers int, expression string, want, n int, long time.Duration) call {
	return read(callers, "filter "+expression, "pages", n, long, func(_ context.Context, t *table) (func(context.Context) error, error) {
		return func(ctx context.Context) error {
			page, err := t.server.ListOperations(ctx, &longrunningpb.ListOperationsRequest{Name: "operations", Filter: expression, PageSize: pageSize})
			if err == nil && len(page.GetOperations()) != want {
				err = fmt.Errorf("durable: a page by the filter %s must have %d operations, found %d", expression, want, len(page.GetOperations()))
			}
			return err
		}, nil
	})
}

// page reads a page of the list, always the same.
func page(number int) call {
	return read(1, fmt.Sprintf("page %d of a list", number), "pages", 1, 4*time.Second, func(ctx context.Context, t *table) (func(context.Context) error, error) {
		before, err := pageStart(ctx, t.st, number)
		return func(ctx context.Context) error {
			_, callErr := fullPage(ctx, t.st, before)
			return callErr
		}, err
	})
}

// pageStart walks the list as a client does, and answers where a page begins.
func pageStart(ctx context.Context, st store.Store, page int) (before string, err error) {
	for range page - 1 {
		recs, err := fullPage(ctx, st, before)
		if err != nil {
			return "", err
		}
		before = recs[len(recs)-1].ID
	}
	return before, nil
}

func fullPage(ctx context.Context, st store.Store, before string) ([]*store.Record, error) {
	recs, err := st.List(ctx, &store.Query{Before: before, Limit: pageSize})
	if err == nil && len(recs) != pageSize {
		err = fmt.Errorf("durable: a page must have %d records, found %d", pageSize, len(recs))
	}
	return recs, err
}

// start begins n operations by many callers, and takes them away.
func start(n int) call {
	return write("start", "starts", func(ctx context.Context, t *table) (measure.Sample, error) {
		recs, err := database.Running(n)
		if err != nil {
			return measure.Sample{}, err
		}
		started, err := measure.Shared(ctx, callers, n, func(ctx context.Context, i int) (err error) {
			recs[i], err = begin(ctx, t.st, recs[i])
			return err
		})
		if err != nil {
			return started, err
		}
		_, err = measure.Shared(ctx, callers, n, func(ctx context.Context, i int) error {
			_, callErr := t.st.Update(ctx, database.Done(recs[i], 0))
			return callErr
		})
		if err != nil {
			return started, err
		}
		return started, expireAll(ctx, t.st, n)
	})
}

// expire takes away n operations that are over. They are stored as such, since a turn
// is mostly that, and too few would scatter too much.
func expire(n int) call {
	return write("expire", "operations", func(ctx context.Context, t *table) (measure.Sample, error) {
		recs, err := database.Running(n)
		if err != nil {
			return measure.Sample{}, err
		}
		_, err = measure.Shared(ctx, callers, n, func(ctx context.Context, i int) error {
			_, callErr := t.st.Create(ctx, database.Done(recs[i], 0))
			return callErr
		})
		if err != nil {
			return measure.Sample{}, err
		}
		began := time.Now()
		err = expireAll(ctx, t.st, n)
		return measure.Sample{Count: n, Took: time.Since(began)}, err
	})
}

// write is a call that leaves no more records than there were.
func write(name, unit string, turn func(context.Context, *table) (measure.Sample, error)) call {
	return call{name, unit, 7 * time.Second, func(_ context.Context, t *table) (measure.Contender, error) {
		return func(ctx context.Context) (measure.Sample, error) { return turn(ctx, t) }, nil
	}}
}

// expireAll removes n operations that are over, as many at a time as package lro.
func expireAll(ctx context.Context, st store.Store, n int) error {
	for gone := 0; gone < n; {
		expired, err := st.Expire(ctx, 1_000)
		if err != nil {
			return err
		}
		if expired == 0 {
			return fmt.Errorf("durable: %d done operations must expire, found %d", n, gone)
		}
		gone += expired
	}
	return nil
}
