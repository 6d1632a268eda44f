package pgstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/longrunning-go/longrunning/internal/group"
	"github.com/longrunning-go/longrunning/store"
)

// errBusy: a transaction of somebody else's holds the record or the request id,
// and nothing was written.
var errBusy = errors.New("pgstore: held by an open transaction")

// busyPatience is how long a write tries again what is held by an open
// transaction, before its caller is told.
const busyPatience = 2 * time.Second

// A lane commits writes of one kind, many at once. What is held elsewhere leaves
// its batch and comes back with a later one, so nothing that waits for a lock
// holds a connection or keeps others from being written.
type lane[W write] struct {
	call      string // such as "Create"
	pool      *pgxpool.Pool
	transact  func(context.Context, *pgxpool.Pool, ...statement) error
	statement func([]W) statement
	// settle finds out, after the statement, about the writes that it left undone;
	// nil if the statement tells.
	settle func(context.Context, queryable, []W) error
	group  group.Writer[W]
}

// A write is one call. The statement notes in it what came of it.
type write interface {
	name() string
	outcome() error // a sentinel or errBusy, after the statement has run
}

type queryable interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// start readies a lane for s: grouped, on a connection that is kept for it, or
// each write alone.
func (l *lane[W]) start(s *Store) {
	l.transact, l.pool, l.group.Max = s.transact, s.reserved, s.opts.MaxBatch
	l.group.Key = func(w W) string { return w.name() }
	l.group.Commit = l.commit
	if s.opts.MaxBatch == 1 {
		l.pool, l.group.Leaders = s.pool, int(s.pool.Config().MaxConns)
	}
}

// do writes w, in tx unless that is nil.
func (l *lane[W]) do(ctx context.Context, tx *transaction, w W) error {
	began := time.Now()
	for delay := time.Millisecond; ; delay = min(2*delay, 50*time.Millisecond) {
		var err error
		if tx != nil {
			err = l.within(ctx, tx, w)
		} else {
			err = l.group.Do(ctx, w)
		}
		switch {
		case !errors.Is(err, errBusy):
			return err
		case time.Since(began) < busyPatience && pause(ctx, delay):
		case tx != nil:
			return fmt.Errorf("%w: another transaction holds %q for longer than %v: roll this one back and begin anew", store.ErrConflict, w.name(), busyPatience)
		default:
			return fmt.Errorf("pgstore: %s of %q: %w for longer than %v", l.call, w.name(), errBusy, busyPatience)
		}
	}
}

// commit commits a batch as one; or one by one, where it fails for the content of
// one of them, say.
func (l *lane[W]) commit(batch []*group.Write[W]) {
	writes := make([]W, len(batch))
	for i, w := range batch {
		writes[i] = w.Value
	}
	err := l.write(writes)
	if err != nil && len(batch) > 1 && alone(err) {
		for i := range batch {
			l.commit(batch[i : i+1])
		}
		return
	}
	for _, w := range batch {
		if err != nil {
			w.Answer(writeError(l.call, w.Value.name(), err))
		} else {
			w.Answer(w.Value.outcome())
		}
	}
}

func (l *lane[W]) write(writes []W) error {
	// What is begun is finished whoever still waits for it; transact bounds it.
	ctx := context.Background()
	if err := l.transact(ctx, l.pool, l.statement(writes)); err != nil {
		return err
	}
	if l.settle == nil {
		return nil
	}
	return l.settle(ctx, l.pool, writes)
}

func (l *lane[W]) within(ctx context.Context, tx *transaction, w W) error {
	err := tx.run(ctx, l.statement([]W{w}))
	if err == nil && l.settle != nil {
		err = l.settle(ctx, tx, []W{w})
	}
	if err != nil {
		return txError(l.call, w.name(), err)
	}
	return w.outcome()
}

// pause waits for d and reports whether it did before ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
