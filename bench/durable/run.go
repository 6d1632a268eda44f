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
	*measure.Run

	Systems []database.System // of durable stores
	Program []string          // the command that runs a role of this program in another process
}

// each calls fn with every system. Where that fails, the bounds that fn would have
// reported are missing, and a line says so.
func (r *Run) each(ctx context.Context, subject string, fn func(context.Context, database.System) error) {
	for _, system := range r.Systems {
		if err := fn(ctx, system); err != nil {
			r.Fail(system.Name()+": "+subject, measure.Bound{}, err)
		}
	}
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
