package durable

import (
	"context"
	"errors"
	"fmt"

	"github.com/longrunning-go/longrunning/bench/database"
	"github.com/longrunning-go/longrunning/bench/measure"
)

// Records measures what calls cost in a table of 1,000,000 records: against one of
// 10,000, with statistics, and for pages of a list without them too.
func (r *Run) Records(ctx context.Context) {
	r.each(ctx, "records", r.records)
}

func (r *Run) records(ctx context.Context, system database.System) (err error) {
	var tables [3]*table
	for i, n := range []int{10_000, r.Work(1_000_000) / 10, r.Work(1_000_000)} {
		r.Say("%s: filling a table with %d records", system.Name(), n)
		if tables[i], err = newTable(ctx, system, n); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, tables[i].close()) }()
	}
	small, large := tables[0], tables[2]
	first, hundredth := page(1), page(100)
	for _, c := range []call{first, hundredth} {
		if _, err := r.constant(ctx, system.Name()+", never analysed", c, large, small); err != nil {
			return err
		}
	}
	for _, t := range tables {
		if err := t.Analyze(ctx); err != nil {
			return err
		}
	}
	curve := measure.Curve{
		Name: "records-" + system.Name(), Title: "Calls in a table of many records: " + system.Name(),
		X: "records", Y: "time of a call, where it is 1 with 10,000", Log: true,
	}
	for _, c := range []call{
		get(), first, hundredth, filter("NOT done", pageSize), scan("error.code = 5"),
		// Last, since on Postgres they leave dead rows behind.
		start(r.Work(512)), expire(r.Work(1_000)),
	} {
		points, err := r.growth(ctx, system.Name(), c, tables[:])
		if err != nil {
			return err
		}
		curve.Series = append(curve.Series, measure.Series{Name: c.name, Points: points})
	}
	r.Draw(curve)
	return nil
}

// constant bounds what a call costs in one table, against another.
func (r *Run) constant(ctx context.Context, where string, c call, large, small *table) (measure.Line, error) {
	comparison, err := r.compared(ctx, where, c, large, small)
	if err != nil {
		return measure.Line{}, err
	}
	return r.Compare(ctx, comparison)[0], nil
}

// growth bounds what a call costs in the last of the tables, against the first, and
// answers what it costs in all of them. Those between have a third of the time, no
// bound and no line.
func (r *Run) growth(ctx context.Context, where string, c call, tables []*table) ([]measure.Point, error) {
	small, large := tables[0], tables[len(tables)-1]
	points := []measure.Point{{X: float64(small.n), Y: 1}}
	add := func(t *table, l measure.Line) {
		if l.Verdict != measure.Noisy {
			points = append(points, measure.Point{X: float64(t.n), Y: l.Figure})
		}
	}
	for _, t := range tables[1 : len(tables)-1] {
		comparison, err := r.compared(ctx, where, c, t, small)
		if err != nil {
			return nil, err
		}
		comparison.Bound, comparison.Time = measure.AtMost(0), comparison.Time/3
		line, err := comparison.Run(ctx, r.Rounds)
		if err != nil {
			return nil, err
		}
		add(t, line)
	}
	line, err := r.constant(ctx, where, c, large, small)
	if err != nil {
		return nil, err
	}
	add(large, line)
	return points, nil
}

func (r *Run) compared(ctx context.Context, where string, c call, large, small *table) (*measure.Comparison, error) {
	comparison := &measure.Comparison{
		What: fmt.Sprintf("%s, %s: of %d records, of %d", where, c.name, large.n, small.n),
		Unit: c.unit, Bound: measure.AtMost(1.5), Time: r.Time(c.long),
	}
	var err error
	if comparison.Subject, err = c.on(ctx, large); err != nil {
		return nil, err
	}
	comparison.Base, err = c.on(ctx, small)
	return comparison, err
}
