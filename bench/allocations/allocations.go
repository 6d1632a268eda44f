package allocations

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/longrunning-go/longrunning/bench/database"
	"github.com/longrunning-go/longrunning/bench/measure"
	"github.com/longrunning-go/longrunning/internal/pgtest"
)

// counts is how often each subject is counted; the median is the figure.
const counts = 5

// A subject is one thing whose allocations are counted.
type subject struct {
	what  string
	n     int // in one count
	bound measure.Bound
	make  func(context.Context, *service) (func(context.Context) error, error)
}

// bound is of what takes the same in every run, within 3%.
func bound() measure.Bound { return measure.AtMost(1.2) }

func inMemory() []subject {
	return []subject{
		{"get", 1_000, bound(), get},
		{"get over REST", 1_000, bound(), getOverREST},
		{"start", 1_000, bound(), start},
		{"start and complete", 1_000, bound(), startAndComplete},
		{"life", 1_000, bound(), life},
		{"Poller.Wait, done already", 1_000, bound(), wait},
	}
}

func durable() []subject {
	return []subject{
		{"get", 1_000, bound(), get},
		{"start", 100, bound(), start},
		{"start and complete", 100, bound(), startAndComplete},
		// How many of its own hints make the Manager read an operation again depends on
		// how soon they come.
		{"life", 100, measure.Bound{}, life},
	}
}

// Measure counts on a memory store and on those of systems. Where record is no "",
// it also writes what it has counted into that file.
func Measure(ctx context.Context, r *measure.Run, systems []database.System, record string) {
	if err := measureAll(ctx, r, systems, record); err != nil {
		r.Fail("allocations", measure.Bound{}, err)
	}
}

func measureAll(ctx context.Context, r *measure.Run, systems []database.System, path string) error {
	recorded, err := recall()
	if err != nil {
		return err
	}
	b := &book{Run: r, recorded: recorded, counted: make(map[string]usage)}
	b.each(ctx, "memory", database.Memory, inMemory())
	for _, system := range systems {
		switch db, err := system.New(ctx); {
		case errors.Is(err, pgtest.ErrMissing) && !pgtest.Required():
			r.Report(measure.Line{What: system.Name() + ", allocations", Verdict: measure.Skipped, Note: err.Error()})
		case err != nil:
			r.Fail(system.Name()+", allocations", measure.Bound{}, err)
		default:
			b.each(ctx, system.Name(), db.Address(), durable())
		}
	}
	if path == "" {
		return nil
	}
	return recorded.write(path, b.counted)
}

// A book has what was counted, and what was recorded of the same.
type book struct {
	*measure.Run

	recorded *record
	counted  map[string]usage
}

func (b *book) each(ctx context.Context, store, address string, subjects []subject) {
	for _, s := range subjects {
		what := store + ", " + s.what
		now, err := b.count(ctx, address, s)
		if err != nil {
			b.Fail(what+": allocations: now, recorded", s.bound, err)
			continue
		}
		b.counted[what] = now
		b.report(what, s, now)
	}
}

func (b *book) report(what string, s subject, now usage) {
	was, ok := b.recorded.Counts[what]
	if !ok {
		b.Fail(what+": allocations: now, recorded", s.bound, fmt.Errorf("nothing is recorded of it, and now it takes %.0f: record anew, as README.md says", now.Allocations))
		return
	}
	for _, c := range []struct {
		unit     string
		now, was float64
	}{{"allocations", now.Allocations, was.Allocations}, {"bytes", now.Bytes, was.Bytes}} {
		b.Report(measure.Counted(fmt.Sprintf("%s: %s: now, recorded", what, c.unit), c.now, c.was, s.bound,
			fmt.Sprintf("%d each, median of %d; %s against %s with %s", s.n, counts, shown(c.now), shown(c.was), b.recorded.Go)))
	}
}

// shown has three digits, or all before the point.
func shown(x float64) string {
	if x >= 100 {
		return fmt.Sprint(math.Round(x))
	}
	return fmt.Sprintf("%.3g", x)
}

// count counts s on a service of its own each time, so that what the memory store
// holds by then is the same.
func (b *book) count(ctx context.Context, address string, s subject) (usage, error) {
	var found []usage
	for range counts {
		u, err := b.once(ctx, address, s)
		if err != nil {
			return usage{}, err
		}
		found = append(found, u)
	}
	return median(found), nil
}

func (b *book) once(ctx context.Context, address string, s subject) (_ usage, err error) {
	svc, err := newService(ctx, address)
	if err != nil {
		return usage{}, err
	}
	defer func() { err = errors.Join(err, svc.close()) }()
	do, err := s.make(ctx, svc)
	if err != nil {
		return usage{}, err
	}
	if _, err := count(ctx, s.n/10, do); err != nil { // which fills caches
		return usage{}, err
	}
	return count(ctx, s.n, do)
}
