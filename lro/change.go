package lro

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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
// own work.
func (m *Manager) change(ctx context.Context, rec *store.Record, t transition, patience time.Duration) (*store.Record, error) {
	for began := time.Now(); ; {
		next, err := t(rec)
		if err != nil || next == nil {
			return rec, err
		}
		stored, err := persist(ctx, m, patience, func(ctx context.Context) (*store.Record, error) {
			return m.store.Update(ctx, next)
		})
		if !errors.Is(err, store.ErrConflict) {
			if err == nil && !m.inTx(ctx) {
				m.observe(stored)
			}
			return stored, err
		}
		if patience > once && time.Since(began) > patience {
			return nil, err // others write faster
		}
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
	recs, err := persist(ctx, m, patience, func(ctx context.Context) ([]*store.Record, error) {
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

// persist repeats a store call while its outcome is unknown. In a transaction
// of the caller it is tried once: what failed there has failed.
func persist[T any](ctx context.Context, m *Manager, patience time.Duration, call func(context.Context) (T, error)) (T, error) {
	began := time.Now()
	for delay := 50 * time.Millisecond; ; delay = min(2*delay, 5*time.Second) {
		answer, err := timed(ctx, m, call)
		if known(err) || m.inTx(ctx) || ctx.Err() != nil {
			return answer, err
		}
		if patience != forever && time.Since(began)+delay > patience {
			return answer, err
		}
		m.log.WarnContext(ctx, "lro: store call failed, trying again", "error", err)
		if !pause(ctx, jitter(delay)) {
			return answer, err
		}
	}
}

// timed makes one store call that cannot hang for ever.
func timed[T any](ctx context.Context, m *Manager, call func(context.Context) (T, error)) (T, error) {
	if m.inTx(ctx) {
		return call(ctx)
	}
	ctx, stop := context.WithTimeout(ctx, callTimeout)
	defer stop()
	return call(ctx)
}

func (m *Manager) inTx(ctx context.Context) bool {
	tx, ok := m.store.(store.Transactional)
	return ok && tx.InTx(ctx)
}

// jitter spreads d evenly between half of it and one and a half, so that
// replicas do not move in step.
func jitter(d time.Duration) time.Duration {
	return d/2 + rand.N(d+1)
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
