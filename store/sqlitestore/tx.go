package sqlitestore

import (
	"context"
	"encoding/json"
	"time"

	"github.com/longrunning-go/longrunning/internal/group"
	"github.com/longrunning-go/longrunning/store"
)

// A tx is the transaction of a batch.
type tx struct {
	*conn // nil if it could not begin

	batch  []*group.Write[change]
	errs   []error // the sentinels of those that are written
	err    error   // of the whole
	broken bool    // by a write, so that none was made

	now   time.Time
	alive map[string]bool // what is known of owners
	hint  store.Hint      // what is to be told about it
}

// writeAll writes each of the batch, and of what more answers, until that is none.
func (t *tx) writeAll(ctx context.Context, more func() []*group.Write[change]) error {
	size := 0
	for len(t.errs) < len(t.batch) {
		t.now = time.Now().UTC().Truncate(time.Microsecond)
		for _, each := range t.batch[len(t.errs):] {
			err := each.Value.do(ctx, t)
			if err != nil && !sentinel(err) {
				return err
			}
			t.errs = append(t.errs, err)
			size += each.Value.size
		}
		if size < maxBytes {
			t.batch = append(t.batch, more()...)
		}
	}
	return nil
}

// tell adds to what other Stores, and who called Notify, are told.
func (t *tx) tell(hint store.Hint) {
	t.hint.Names = append(t.hint.Names, hint.Names...)
	t.hint.Due = t.hint.Due || hint.Due
}

func (t *tx) tells() bool { return len(t.hint.Names) > 0 || t.hint.Due }

const (
	keptHints = 1024 // at least
	trimEvery = 64
)

// leaveHint writes the hint of the batch for other Stores on the file.
func (t *tx) leaveHint(ctx context.Context, origin string) error {
	if !t.tells() {
		return nil
	}
	names, err := json.Marshal(t.hint.Names)
	if err != nil {
		return err
	}
	result, err := t.exec(ctx, insertHint, origin, string(names), t.hint.Due)
	if err != nil {
		return err
	}
	seq, err := result.LastInsertId()
	if err != nil || seq%trimEvery != 0 {
		return err
	}
	_, err = t.exec(ctx, deleteHints, seq-keptHints)
	return err
}

// begin waits for others who write, for up to patience.
func begin(ctx context.Context, c *conn, patience time.Duration) error {
	return retryBusy(ctx, patience, func() error {
		_, err := c.exec(ctx, "BEGIN IMMEDIATE")
		return err
	})
}

func rollback(ctx context.Context, c *conn) error {
	_, err := c.exec(ctx, "ROLLBACK")
	return err
}

// retryBusy calls fn until it does not find the file locked, for up to patience.
func retryBusy(ctx context.Context, patience time.Duration, fn func() error) error {
	wait := 200 * time.Microsecond
	for deadline := time.Now().Add(patience); ; {
		err := fn()
		if !isBusy(err) || !time.Now().Before(deadline) {
			return err
		}
		select {
		case <-time.After(wait):
			wait = min(2*wait, 2*time.Millisecond)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
