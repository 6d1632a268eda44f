package lro

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

// patience is how long a call repeats writes of unknown outcome before it
// answers UNAVAILABLE. Attempts have no such bound: they own their operation
// and go on until the store knows the end.
const patience = 5 * time.Second

// callTimeout is how long one store call may take; the outcome of one that hangs
// is unknown.
const callTimeout = 30 * time.Second

// Instead of patience: until the context ends, or not at all.
const (
	forever time.Duration = 0
	once    time.Duration = 1
)

// change applies t to the record until the store has taken the outcome or t
// declines, and answers the record as it is then. A conflict re-reads, so what t
// decides it decides on the newest version. A write of unknown outcome is
// repeated unchanged; if it had been done, the conflict that follows shows t its
// own work, however late that is.
func (m *Manager) change(ctx context.Context, rec *store.Record, t transition, patience time.Duration) (*store.Record, error) {
	var conflict error // the last one
	for began := time.Now(); ; {
		next, err := t(rec)
		if err != nil || next == nil {
			return rec, err
		}
		if conflict != nil && patience > once && time.Since(began) > patience {
			return nil, conflict // others write faster
		}
		stored, err := persist(ctx, m, call{"Update", next.Name}, patience, func(ctx context.Context) (*store.Record, error) {
			return m.store.Update(ctx, next)
		})
		if !errors.Is(err, store.ErrConflict) {
			if err == nil && !m.inTx(ctx) {
				m.observe(stored)
			}
			return stored, err
		}
		conflict = err
		if rec, err = m.read(ctx, next.Name, patience); err != nil {
			return nil, err
		}
		if rec.Version == next.Version {
			// The reader is behind the writer, as in a transaction with a snapshot.
			return nil, fmt.Errorf("%w: %q reads as version %d, which is out of date", store.ErrConflict, rec.Name, rec.Version)
		}
		if !m.inTx(ctx) {
			m.observe(rec) // it may be our own write, whose outcome was unknown
		}
	}
}

// read answers one record, deleted ones too.
func (m *Manager) read(ctx context.Context, name string, patience time.Duration) (*store.Record, error) {
	recs, err := persist(ctx, m, call{"Get", name}, patience, func(ctx context.Context) ([]*store.Record, error) {
		return m.store.Get(ctx, name)
	})
	switch {
	case err != nil:
		return nil, err
	case len(recs) == 0:
		return nil, fmt.Errorf("%w: %q", store.ErrNotFound, name)
	}
	return recs[0], nil
}

// persist repeats a store call while its outcome is unknown, in a drain more
// often: there is little time left. In a transaction of the caller it is tried
// once: what failed there has failed.
func persist[T any](ctx context.Context, m *Manager, c call, patience time.Duration, f func(context.Context) (T, error)) (T, error) {
	began := time.Now()
	for retry := (backoff{least: 50 * time.Millisecond}); ; {
		answer, err := timed(ctx, m, c, callTimeout, f)
		if known(err) || m.inTx(ctx) || ctx.Err() != nil {
			return answer, err
		}
		if m.drains() {
			retry.most = time.Second
		}
		wait := retry.wait()
		if patience != forever && time.Since(began)+wait > patience {
			return answer, err
		}
		if !pause(ctx, wait) {
			return answer, err
		}
	}
}

// timed makes one store call that cannot hang for longer than limit, and notes
// how it went, unless its caller gave up or has a transaction of its own.
func timed[T any](ctx context.Context, m *Manager, c call, limit time.Duration, f func(context.Context) (T, error)) (T, error) {
	if m.inTx(ctx) {
		return f(ctx)
	}
	limited := withLimit(ctx, limit)
	defer limited.end()
	answer, err := f(limited) //nolint:contextcheck // limited is made of ctx
	switch {
	case known(err):
		m.outage.answered(ctx)
	case ctx.Err() == nil:
		m.outage.failed(ctx, c, err)
	}
	return answer, err
}

func (m *Manager) inTx(ctx context.Context) bool {
	tx, ok := m.store.(store.Transactional)
	return ok && tx.InTx(ctx)
}
