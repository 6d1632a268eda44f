package sqlitestore

import (
	"context"
	"database/sql/driver"
	"fmt"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

// Heartbeat implements [store.Store].
func (s *Store) Heartbeat(ctx context.Context, owner string, ttl time.Duration) ([]string, error) {
	if err := store.ValidateHeartbeat(owner, ttl); err != nil {
		return nil, err
	}
	return perform(ctx, s, heartbeat, 0, func(ctx context.Context, t *tx) ([]string, error) {
		return t.heartbeat(ctx, owner, ttl)
	})
}

const heartbeat = "Heartbeat"

func (t *tx) heartbeat(ctx context.Context, owner string, ttl time.Duration) ([]string, error) {
	resigns := ttl == 0
	alive, err := t.change(ctx, upsertOwner, owner, micros(t.now.Add(ttl)), resigns)
	if err != nil {
		return nil, err
	}
	if alive == 0 {
		return nil, fmt.Errorf("%w: %q is dead", store.ErrOwnerLost, owner)
	}
	t.alive[owner] = !resigns
	if resigns {
		t.tell(store.Hint{Due: true})
	}
	var cancelled []string
	err = t.query(ctx, func(row []driver.Value) error {
		cancelled = append(cancelled, text(row[0]))
		return nil
	}, selectCancelled, owner)
	return cancelled, err
}

// isAlive reports whether the owner may be given records: it is registered, and
// nobody has marked it dead.
func (t *tx) isAlive(ctx context.Context, owner string) (bool, error) {
	if alive, known := t.alive[owner]; known {
		return alive, nil
	}
	found, err := t.one(ctx, selectAlive, owner)
	if err != nil {
		return false, err
	}
	t.alive[owner] = found != nil
	return found != nil, nil
}

// bury marks the owners dead whose registration has lapsed, if that of the claimer
// has not.
func (t *tx) bury(ctx context.Context, claimer string) error {
	buried, err := t.change(ctx, buryOwners, micros(t.now), claimer)
	if buried > 0 {
		clear(t.alive)
	}
	return err
}
