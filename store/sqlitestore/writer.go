package sqlitestore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"runtime"

	"github.com/longrunning-go/longrunning/internal/group"
	"github.com/longrunning-go/longrunning/store"
)

// A change is what one call writes in the transaction of its batch. The error of do
// is a sentinel and nothing was written, or it is another and the transaction
// cannot go on. It may be called again in another transaction.
type change struct {
	size int // in bytes, about
	do   func(context.Context, *tx) error
}

const (
	// maxBytes is how much one batch writes, about, unless a single change is larger.
	maxBytes = 4 << 20
	// maxLog is how long the write-ahead log gets, about, before it is emptied.
	maxLog = 16 << 20
)

// A writer commits batches, one at a time.
type writer struct {
	file    *file
	log     *slog.Logger
	origin  string
	max     int                                // writes in a batch
	more    func(n int) []*group.Write[change] // those that have come since
	publish func(store.Hint)

	conn    *conn // nil after it broke
	crowded bool  // the last batch had several writes
	begun   bool  // its transaction, by beginAtOnce
	logged  int   // bytes, about, since the length of the log was looked at
	longLog int64 // how long the log may get before it is emptied, if more than maxLog
}

// perform waits until what do writes is committed, or ctx ends, and answers what
// do did the last time that it was called. size is how many bytes that takes,
// about; heartbeats go before all that waits.
func perform[T any](ctx context.Context, s *Store, call string, size int, do func(context.Context, *tx) (T, error)) (T, error) {
	var none, answer T
	end, err := s.begin(ctx, call)
	if err != nil {
		return none, err
	}
	defer end()
	write := s.writes.Do
	if call == heartbeat {
		write = s.writes.DoFirst
	}
	err = write(ctx, change{size, func(ctx context.Context, t *tx) (err error) {
		answer, err = do(ctx, t)
		return err
	}})
	switch {
	case err == nil:
		return answer, nil
	case sentinel(err), errors.Is(err, errClosed):
		return none, err
	case ctx.Err() != nil:
		return none, fmt.Errorf("sqlitestore: %s: its context ended, and what became of it is unknown: %w", call, context.Cause(ctx))
	default:
		return none, fmt.Errorf("sqlitestore: %s: %w", call, err)
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
func (w *writer) commit(batch []*group.Write[change]) {
	ctx := context.Background() // what was begun is not given up with its caller
	t := w.transact(ctx, batch, w.max)
	w.crowded = len(t.batch) > 1
	defer w.watchLog(ctx, t.batch)
	if !t.broken || len(t.batch) == 1 {
		w.answer(t)
		return
	}
	for rest := t.batch; len(rest) > 0; {
		t = w.transact(ctx, rest[:1:1], 1) // clipped: what joins it must not displace the others
		if t.conn == nil {
			t.batch = append(t.batch, rest[1:]...)
			w.answer(t)
			return
		}
		w.answer(t)
		rest = rest[1:]
	}
}

// transact writes a batch in a transaction, and what comes while it does, up to
// limit writes.
func (w *writer) transact(ctx context.Context, batch []*group.Write[change], limit int) *tx {
	t := &tx{batch: batch, alive: make(map[string]bool)}
	if t.err = w.begin(ctx); t.err != nil {
		// The next batch would wait as long, and in vain.
		t.batch = append(t.batch, w.more(math.MaxInt)...)
		return t
	}
	t.conn, t.errs = w.conn, make([]error, 0, len(batch))
	t.err = t.writeAll(ctx, func() []*group.Write[change] { return w.join(limit - len(t.batch)) })
	t.broken = t.err != nil
	if t.err == nil {
		t.err = t.leaveHint(ctx, w.origin)
	}
	if t.err == nil {
		if _, t.err = t.exec(ctx, "COMMIT"); t.err != nil {
			t.hint = store.Hint{All: true, Due: true} // it may be on the disk all the same
		}
	}
	if t.err != nil {
		w.abandon(ctx, t.err)
	}
	return t
}

// join answers up to n writes that have come since the batch at hand was taken.
func (w *writer) join(n int) []*group.Write[change] {
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
	if t.hint.All || t.err == nil && t.tells() {
		w.publish(t.hint)
	}
}

// watchLog looks at the log when a batch may have made it much longer.
func (w *writer) watchLog(ctx context.Context, batch []*group.Write[change]) {
	const pages = 64 << 10 // what a change writes besides its own bytes, at most
	for _, each := range batch {
		w.logged += pages + each.Value.size
	}
	if w.logged >= maxLog/4 {
		w.logged = 0
		w.checkpoint(ctx)
	}
}

// checkpoint empties the log when it has become long. SQLite does so by itself only
// in a moment without readers, which a busy store may never have: then the log
// grows for ever, and slows them all.
func (w *writer) checkpoint(ctx context.Context) {
	info, err := os.Stat(w.file.path + "-wal")
	if err != nil || w.conn == nil || info.Size() < max(w.longLog, maxLog) {
		return
	}
	w.longLog = 0
	var busy driver.Value = int64(1)
	for _, step := range []func() error{
		func() error { _, err := w.conn.exec(ctx, "PRAGMA busy_timeout = 100"); return err }, // for readers to end
		func() (err error) { busy, err = w.conn.one(ctx, "PRAGMA wal_checkpoint(TRUNCATE)"); return err },
		func() error { _, err := w.conn.exec(ctx, "PRAGMA busy_timeout = 0"); return err },
	} {
		if err := step(); err != nil {
			w.log.WarnContext(ctx, "sqlitestore: emptying the write-ahead log failed, trying again later", "error", err)
		}
	}
	if busy != int64(0) {
		w.longLog = info.Size() + maxLog/4 // not at every commit
	}
}

// beginAtOnce begins a transaction if that needs no waiting.
func (w *writer) beginAtOnce() bool {
	w.begun = w.conn != nil && w.file.unmoved() == nil && begin(context.Background(), w.conn, 0) == nil
	return w.begun
}

// begin begins a transaction, unless beginAtOnce has, on a new connection if the
// last one broke.
func (w *writer) begin(ctx context.Context) error {
	if w.begun {
		w.begun = false
		return nil
	}
	for {
		fresh := w.conn == nil
		if fresh {
			c, _, err := w.file.openWriter(ctx)
			if err != nil {
				return err
			}
			w.conn = c
		}
		err := w.file.unmoved()
		if err != nil {
			return err
		}
		err = begin(ctx, w.conn, w.file.busy)
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
