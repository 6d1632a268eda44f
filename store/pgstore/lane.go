package pgstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/longrunning-go/longrunning/internal/group"
	"github.com/longrunning-go/longrunning/store"
)

// errBusy: a transaction of somebody else's holds the record or the request id,
// and nothing was written.
var errBusy = errors.New("held by an open transaction")

const (
	// busyPatience is how long a write tries again what is held by an open
	// transaction, before its caller is told.
	busyPatience = 2 * time.Second
	// maxBytes is how much one batch carries, about, unless a single write is
	// larger: so much is written well within any Timeout.
	maxBytes = 4 << 20
)

// A lane commits writes of one kind, many at once. What is held elsewhere leaves
// its batch and comes back with a later one, so nothing that waits for a lock
// holds a connection or keeps others from being written.
type lane[W write] struct {
	call      string // such as "Create"
	run       func(context.Context, ...statement) error
	statement func([]W) statement
	look      func([]W) statement // finds out about what the statement left out
	group     group.Writer[W]
}

// A write is one call. The statements note in it what comes of it.
type write interface {
	name() string
	size() int      // in bytes, about
	reset()         // forgets an attempt that came to nothing
	written() bool  // by the statement, if that is committed
	fail(err error) // notes why it is not known what stands in the way
	outcome() error // a sentinel or errBusy, once the statements have run
}

// start readies a lane for s: grouped, on a connection that is kept for it, or
// each write alone.
func (l *lane[W]) start(s *Store) {
	l.group.Key = func(w W) string { return w.name() }
	l.group.Size, l.group.MaxSize = func(w W) int { return w.size() }, maxBytes
	l.group.Commit, l.group.Inline, l.group.Max = l.commit, func() bool { return true }, s.opts.MaxBatch
	pool := s.reserved
	if s.opts.MaxBatch == 1 {
		pool, l.group.Leaders = s.pool, int(s.pool.Config().MaxConns)
	}
	l.run = func(ctx context.Context, statements ...statement) error { return s.transact(ctx, pool, statements...) }
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
	if len(batch) > 1 && mayPassAlone(err) {
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

// write runs the statement for writes, and then, for those that it left out, the
// one that finds out why. What is begun is finished whoever still waits for it;
// transact bounds it.
func (l *lane[W]) write(writes []W) error {
	ctx := context.Background()
	for _, w := range writes {
		w.reset()
	}
	if err := l.run(ctx, l.statement(writes)); err != nil {
		return err
	}
	left := leftOut(writes)
	if len(left) == 0 {
		return nil
	}
	if err := l.run(ctx, l.look(left)); err != nil {
		for _, w := range left {
			w.fail(failure(l.call, err))
		}
	}
	return nil
}

// named answers the writes of a batch, which has one of each name, by their names.
func named[W write](batch []W) map[string]W {
	byName := make(map[string]W, len(batch))
	for _, w := range batch {
		byName[w.name()] = w
	}
	return byName
}

func leftOut[W write](writes []W) []W {
	var left []W
	for _, w := range writes {
		if !w.written() {
			left = append(left, w)
		}
	}
	return left
}

func (l *lane[W]) within(ctx context.Context, tx *transaction, w W) error {
	w.reset()
	err := tx.run(ctx, l.statement([]W{w}))
	if err == nil && !w.written() {
		err = tx.run(ctx, l.look([]W{w}))
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
