package durable

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/longrunning-go/longrunning/bench/database"
	"github.com/longrunning-go/longrunning/bench/measure"
)

// A Run is what the subjects have in common.
type Run struct {
	Systems []database.System // of durable stores
	Rounds  int               // of each comparison
	Quick   bool              // a tenth of the scale and of the work
	Program []string          // the command that runs a role of this program in another process
	Report  func(measure.Line)
	Say     func(format string, args ...any) // what takes long
}

// compare makes comparisons and reports what they find. An error of one does not
// keep the next from being made.
func (r *Run) compare(ctx context.Context, comparisons ...*measure.Comparison) {
	for _, c := range comparisons {
		line, err := c.Run(ctx, r.Rounds)
		if err != nil {
			r.fail(c.What, c.Bound, err)
			continue
		}
		r.Report(line)
	}
}

func (r *Run) fail(what string, bound measure.Bound, err error) {
	r.Report(measure.Line{What: what, Bound: bound, Verdict: measure.Failed, Note: err.Error()})
}

// each calls fn with every system. Where that fails, the bounds that fn would have
// reported are missing, and a line says so.
func (r *Run) each(ctx context.Context, subject string, fn func(context.Context, database.System) error) {
	for _, system := range r.Systems {
		if err := fn(ctx, system); err != nil {
			r.fail(system.Name()+": "+subject, measure.Bound{}, err)
		}
	}
}

// work is how much to do at a time: n, or less to try the program.
func (r *Run) work(n int) int {
	if r.Quick {
		return max(1, n/10)
	}
	return n
}

// ttl is longer than any run, so that owners need no heartbeats.
const ttl = 24 * time.Hour

// A database that is being measured, and what is open on it.
type bed struct {
	database.Database

	open []io.Closer
}

func newBed(ctx context.Context, system database.System) (*bed, error) {
	db, err := system.New(ctx)
	if err != nil {
		return nil, err
	}
	return &bed{Database: db}, nil
}

// store opens a store and registers the owner of running records.
func (b *bed) store(ctx context.Context, set database.Settings) (*database.Store, error) {
	st, err := database.Open(ctx, b.Address(), set)
	if err != nil {
		return nil, err
	}
	b.open = append(b.open, st)
	_, err = st.Heartbeat(ctx, database.Owner, ttl)
	return st, err
}

func (b *bed) raw(ctx context.Context, conns int) (database.Raw, error) {
	raw, err := b.Raw(ctx, conns)
	if err == nil {
		b.open = append(b.open, raw)
	}
	return raw, err
}

func (b *bed) close() error {
	var errs []error
	for _, c := range b.open {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}
