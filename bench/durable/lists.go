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

// pageSize is the default one of package lro.
const pageSize = 100

// Lists measures the first and the hundredth page of a list: of 1,000,000 records
// against 10,000, without statistics and with them.
func (r *Run) Lists(ctx context.Context) {
	r.each(ctx, "lists", r.lists)
}

func (r *Run) lists(ctx context.Context, system database.System) (err error) {
	sizes := []int{r.Work(1_000_000), 10_000}
	var beds [2]*bed
	var stores [2]store.Store
	for i, n := range sizes {
		if beds[i], err = newBed(ctx, system); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, beds[i].close()) }()
		r.Say("%s: filling a table with %d records", system.Name(), n)
		if err := beds[i].Fill(ctx, n); err != nil {
			return err
		}
		if stores[i], err = beds[i].store(ctx, database.Settings{Conns: 1}); err != nil {
			return err
		}
	}
	for _, statistics := range []string{"never analysed", "analysed"} {
		if statistics == "analysed" {
			for _, b := range beds {
				if err := b.Analyze(ctx); err != nil {
					return err
				}
			}
		}
		for _, page := range []int{1, 100} {
			if err := r.page(ctx, system.Name(), statistics, page, sizes, stores); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *Run) page(ctx context.Context, system, statistics string, page int, sizes []int, stores [2]store.Store) error {
	c := &measure.Comparison{
		What: fmt.Sprintf("%s, %s, page %d of a list: of %d records, of %d", system, statistics, page, sizes[0], sizes[1]),
		Unit: "pages", Bound: measure.AtMost(1.5),
	}
	for i, contender := range []*measure.Contender{&c.Subject, &c.Base} {
		before, err := pageStart(ctx, stores[i], page)
		if err != nil {
			return err
		}
		*contender = pages(stores[i], before, r.Work(500))
	}
	r.Compare(ctx, c)
	return nil
}

// pageStart walks the list as a client does, and answers where a page begins.
func pageStart(ctx context.Context, st store.Store, page int) (before string, err error) {
	for range page - 1 {
		recs, err := st.List(ctx, &store.Query{Before: before, Limit: pageSize})
		if err != nil {
			return "", err
		}
		if len(recs) < pageSize {
			return "", fmt.Errorf("durable: a page before page %d must have %d records, found %d", page, pageSize, len(recs))
		}
		before = recs[len(recs)-1].ID
	}
	return before, nil
}

// pages reads the same page n times.
func pages(st store.Store, before string, n int) measure.Contender {
	return func(ctx context.Context) (measure.Sample, error) {
		began := time.Now()
		for range n {
			recs, err := st.List(ctx, &store.Query{Before: before, Limit: pageSize})
			if err != nil {
				return measure.Sample{}, err
			}
			if len(recs) != pageSize {
				return measure.Sample{}, fmt.Errorf("durable: a page must have %d records, found %d", pageSize, len(recs))
			}
		}
		return measure.Sample{Count: n, Took: time.Since(began)}, nil
	}
}
