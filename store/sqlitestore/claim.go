package sqlitestore

import (
	"cmp"
	"context"
	"database/sql/driver"
	"fmt"
	"slices"

	"github.com/longrunning-go/longrunning/store"
)

// Claim implements [store.Store].
func (s *Store) Claim(ctx context.Context, c *store.Claim) ([]*store.Record, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	caller := ctx
	return perform(ctx, s, "Claim", 0, func(ctx context.Context, t *tx) ([]*store.Record, error) {
		if context.Cause(caller) == nil {
			return t.claim(ctx, c)
		}
		return nil, nil // late, it would bury owners that could not renew meanwhile
	})
}

func (t *tx) claim(ctx context.Context, c *store.Claim) ([]*store.Record, error) {
	if c.Adopt {
		if err := t.bury(ctx, c.Owner); err != nil {
			return nil, err
		}
	}
	alive, err := t.isAlive(ctx, c.Owner)
	if err != nil {
		return nil, err
	}
	if !alive {
		return nil, fmt.Errorf("%w: %q is dead or was never registered", store.ErrOwnerLost, c.Owner)
	}
	var free []int64
	if c.Adopt {
		if free, err = t.orphans(ctx, c); err != nil {
			return nil, err
		}
	}
	due, err := t.due(ctx, c.Methods, c.Limit-len(free))
	if err != nil {
		return nil, err
	}
	return t.take(ctx, c.Owner, append(free, due...))
}

// orphans answers the keys of the records that may be adopted, up to the limit of c.
func (t *tx) orphans(ctx context.Context, c *store.Claim) ([]int64, error) {
	var lost []string
	err := t.query(ctx, func(row []driver.Value) error {
		lost = append(lost, text(row[0]))
		return nil
	}, selectLost)
	if err != nil || len(lost) == 0 {
		return nil, err
	}
	methods, err := encode(c.Methods)
	if err != nil {
		return nil, err
	}
	var keys []int64
	for _, owner := range lost {
		if len(keys) >= c.Limit {
			break
		}
		err := t.query(ctx, func(row []driver.Value) error {
			keys = append(keys, integer(row[0]))
			return nil
		}, selectOrphans, owner, methods, int64(c.Limit-len(keys)))
		if err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// due answers the keys of up to limit pending records of the methods, the longest
// due first.
func (t *tx) due(ctx context.Context, methods []string, limit int) ([]int64, error) {
	type waiting struct{ key, since int64 }
	var all []waiting
	for i, method := range methods {
		if limit < 1 || slices.Contains(methods[:i], method) {
			continue
		}
		err := t.query(ctx, func(row []driver.Value) error {
			all = append(all, waiting{key: integer(row[0]), since: integer(row[1])})
			return nil
		}, selectDue, method, micros(t.now), int64(limit))
		if err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(all, func(a, b waiting) int { return cmp.Compare(a.since, b.since) })
	keys := make([]int64, min(max(0, limit), len(all)))
	for i := range keys {
		keys[i] = all[i].key
	}
	return keys, nil
}

// take makes owner that of the records with these keys.
func (t *tx) take(ctx context.Context, owner string, keys []int64) ([]*store.Record, error) {
	claimed := make([]*store.Record, 0, len(keys))
	for _, key := range keys {
		rec, err := t.record(ctx, claimRecord, micros(t.now), owner, key)
		if err != nil {
			return nil, err
		}
		claimed = append(claimed, rec)
		t.tell(store.Hint{Names: []string{rec.Name}})
	}
	return claimed, nil
}
