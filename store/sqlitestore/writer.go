package sqlitestore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"

	"github.com/longrunning-go/longrunning/internal/group"
	"github.com/longrunning-go/longrunning/store"
)

// A write is what one call writes in the transaction of its batch. Its error is a
// sentinel and nothing was written, or it is another and the transaction cannot go
// on. It may be called again in another transaction.
type write func(context.Context, *tx) error

// A writer commits batches, one at a time.
type writer struct {
	file    *file
	log     *slog.Logger
	origin  string
	max     int                               // writes in a batch
	more    func(n int) []*group.Write[write] // those that have come since
	publish func(store.Hint)

	conn    *conn // nil after it broke
	crowded bool  // the last batch had several writes
}

// write waits until w is committed, or ctx ends.
func (s *Store) write(ctx context.Context, call string, w write) error {
	end, err := s.begin(ctx, call)
	if err != nil {
		return err
	}
	defer end()
	err = s.writes.Do(ctx, w)
	switch {
	case err == nil, sentinel(err), errors.Is(err, errClosed):
		return err
	case ctx.Err() != nil:
		return ended(ctx, call)
	default:
		return fmt.Errorf("sqlitestore: %s: %w", call, err)
	}
}

// beginWrite turns away what belongs to a transaction of the caller.
func beginWrite(ctx context.Context, call string) error {
	if tx := store.TxOf(ctx); tx != nil {
		return fmt.Errorf("%w: sqlitestore takes part in none, and %s was called with a %T", store.ErrTx, call, tx)
	}
	return nil
}

// commit writes a batch in one transaction. A write that breaks it takes no other
// along: then each is written alone. Not so when the commit itself fails: it may be
// on the disk all the same, and would be found to be in its own way.
func (w *writer) commit(batch []*group.Write[write]) {
	ctx := context.Background() // what was begun is not given up with its caller
	t := w.transact(ctx, batch, w.max)
	w.crowded = len(t.batch) > 1
	if !t.broken || len(t.batch) == 1 {
		w.answer(t)
		return
	}
	for rest := t.batch; len(rest) > 0; {
		t = w.transact(ctx, rest[:1], 1)
		if t.conn == nil {
			t.batch = rest // the next would wait as long, and in vain
		}
		w.answer(t)
		rest = rest[len(t.batch):]
	}
}

// transact writes a batch in a transaction, and what comes while it does, up to
// limit writes.
func (w *writer) transact(ctx context.Context, batch []*group.Write[write], limit int) *tx {
	t := &tx{batch: batch, alive: make(map[string]bool)}
	if t.err = w.begin(ctx); t.err != nil {
		return t
	}
	t.conn, t.errs = w.conn, make([]error, 0, len(batch))
	t.err = t.writeAll(ctx, func() []*group.Write[write] { return w.join(limit - len(t.batch)) })
	t.broken = t.err != nil
	if t.err == nil {
		t.err = t.leaveHint(ctx, w.origin)
	}
	if t.err == nil {
		_, t.err = t.exec(ctx, "COMMIT")
	}
	if t.err != nil {
		w.abandon(ctx, t.err)
	}
	return t
}

// join answers up to n writes that have come since the batch at hand was taken.
func (w *writer) join(n int) []*group.Write[write] {
	if w.crowded {
		// Those whom the last commit has answered are about to write again: let them
		// run first, or half of them miss this commit, and on a busy machine most.
		runtime.Gosched() //nolint:forbidigo // it is not to order anything: without it all is as right, and slower
	}
	return w.more(n)
}

// answer tells those who wait for t. If it failed, what became of their writes is
// unknown, whatever they were in it.
func (w *writer) answer(t *tx) {
	for i, each := range t.batch {
		if t.err != nil {
			each.Answer(explained(t.err))
		} else {
			each.Answer(t.errs[i])
		}
	}
	if t.err == nil && t.tells() {
		w.publish(t.hint)
	}
}

// begin begins a transaction, on a new connection if the last one broke.
func (w *writer) begin(ctx context.Context) error {
	for {
		fresh := w.conn == nil
		if fresh {
			c, _, err := w.file.openWriter(ctx)
			if err != nil {
				return err
			}
			w.conn = c
		}
		err := begin(ctx, w.conn, w.file.busy)
		if err == nil || isBusy(err) {
			return err
		}
		w.drop(err)
		if fresh {
			return err
		}
	}
}

// abandon ends the transaction that failed with err.
func (w *writer) abandon(ctx context.Context, err error) {
	// SQLite may have ended it already, and then has nothing to roll back.
	_ = rollback(ctx, w.conn)
	if !harmless(err) {
		w.drop(err)
	}
}

// drop closes the connection that failed with err.
func (w *writer) drop(err error) {
	w.log.Warn("sqlitestore: the connection that writes failed and is replaced", "error", err)
	_ = w.conn.close() // it is lost either way
	w.conn = nil
}

func (w *writer) close() error {
	if w.conn == nil {
		return nil
	}
	return w.conn.close()
}
