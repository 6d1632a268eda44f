package sqlitestore

import (
	"context"
	"database/sql/driver"
	"fmt"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

// Create implements [store.Store].
func (s *Store) Create(ctx context.Context, rec *store.Record) (*store.Record, error) {
	if err := beginWrite(ctx, "Create"); err != nil {
		return nil, err
	}
	if err := rec.Validate(); err != nil {
		return nil, err
	}
	return perform(ctx, s, "Create", sizeOf(rec)+len(rec.Request), func(ctx context.Context, t *tx) (*store.Record, error) {
		return t.create(ctx, rec)
	})
}

func (t *tx) create(ctx context.Context, rec *store.Record) (*store.Record, error) {
	ownerAlive := false
	if rec.State == store.Running {
		var err error
		if ownerAlive, err = t.isAlive(ctx, rec.Owner); err != nil {
			return nil, err
		}
	}
	next := rec.Created(t.now, ownerAlive)
	args, err := values(next)
	if err != nil {
		return nil, err
	}
	inserted, err := t.change(ctx, insertRecord, args...)
	if err != nil {
		return nil, refusal(rec.Name, err)
	}
	if inserted == 0 {
		return t.earlier(ctx, rec)
	}
	if hint, ok := store.HintOf(nil, next); ok {
		t.tell(hint)
	}
	return next, nil
}

// earlier answers the record that stands in the way of a Create of rec.
func (t *tx) earlier(ctx context.Context, rec *store.Record) (*store.Record, error) {
	found, err := t.record(ctx, selectByName, rec.Name)
	if err == nil && found == nil && rec.RequestID != "" {
		found, err = t.record(ctx, selectByRequest, rec.Parent, rec.Method, rec.RequestID)
	}
	if err == nil && found == nil {
		err = fmt.Errorf("%w: record %q: its ID is that of another record; an ID is unique over all parents", store.ErrInvalid, rec.Name)
	}
	return found, err
}

// record answers the one record that a query selects, nil without one.
func (t *tx) record(ctx context.Context, sql string, args ...driver.Value) (rec *store.Record, err error) {
	err = t.query(ctx, func(row []driver.Value) (err error) {
		rec = scan(row)
		return err
	}, sql, args...)
	return rec, err
}

// Update implements [store.Store].
func (s *Store) Update(ctx context.Context, rec *store.Record) (*store.Record, error) {
	if err := beginWrite(ctx, "Update"); err != nil {
		return nil, err
	}
	if err := rec.Validate(); err != nil {
		return nil, err
	}
	return perform(ctx, s, "Update", sizeOf(rec), func(ctx context.Context, t *tx) (*store.Record, error) {
		return t.update(ctx, rec)
	})
}

// sizeOf is about how many bytes an Update of rec takes.
func sizeOf(rec *store.Record) int {
	return 500 + len(rec.Metadata) + len(rec.Checkpoint) + len(rec.Response) + len(rec.Error)
}

// update stores rec without reading the old record first, since most are as their
// writer last saw them.
func (t *tx) update(ctx context.Context, rec *store.Record) (*store.Record, error) {
	// What it becomes, but for what Create has fixed.
	old := store.Record{Name: rec.Name, Version: rec.Version}
	next, err := old.Updated(rec, t.now)
	if err != nil {
		return nil, err
	}
	found, err := t.updateContent(ctx, next, rec.Version)
	if err != nil || found {
		return next, err
	}
	found, err = t.fixed(ctx, next, updateRecord,
		micros(next.UpdateTime), micros(next.EndTime), micros(next.DueTime), micros(next.ExpireTime),
		int64(next.State), next.Owner, int64(next.Released), int64(next.Retried), next.CancelRequested, next.Deleted,
		next.Metadata, next.Checkpoint, next.Response, next.Error, next.Name, rec.Version)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, t.missed(ctx, rec)
	}
	// Either something has changed that is hinted, or updateContent had found it;
	// a second end that only sets the expiry anew is hinted in vain.
	t.tell(store.Hint{Names: []string{next.Name}, Due: next.State == store.Pending})
	return next, nil
}

// updateContent stores next if the record is held by whom it was: reports are most
// of all writes.
func (t *tx) updateContent(ctx context.Context, next *store.Record, version int64) (found bool, err error) {
	if next.State != store.Running && next.State != store.External {
		return false, nil
	}
	return t.fixed(ctx, next, updateContent,
		micros(next.UpdateTime), int64(next.Released), int64(next.Retried), next.Metadata, next.Checkpoint,
		next.Name, version, int64(next.State), next.Owner, next.CancelRequested, next.Deleted)
}

// fixed runs an update, and takes over into next what Create has fixed.
func (t *tx) fixed(ctx context.Context, next *store.Record, sql string, args ...driver.Value) (found bool, err error) {
	err = t.query(ctx, func(row []driver.Value) error {
		found = true
		scanFixed(next, row)
		return nil
	}, sql, args...)
	if err != nil {
		return false, refusal(next.Name, err)
	}
	return found, nil
}

// missed says why no record could be updated.
func (t *tx) missed(ctx context.Context, rec *store.Record) error {
	version, err := t.one(ctx, selectVersion, rec.Name)
	switch {
	case err != nil:
		return err
	case version == nil:
		return fmt.Errorf("%w: %q", store.ErrNotFound, rec.Name)
	default:
		return fmt.Errorf("%w: %q is at version %d, the caller read %d", store.ErrConflict, rec.Name, version, rec.Version)
	}
}

// Expire implements [store.Store].
func (s *Store) Expire(ctx context.Context, limit int) (int, error) {
	removed, err := perform(ctx, s, "Expire", 0, func(ctx context.Context, t *tx) (int64, error) {
		return t.expire(ctx, limit)
	})
	return int(removed), err
}

// forgetAfter is how long the dead are remembered, so that one that was paused for
// hours still learns of its death.
const forgetAfter = 24 * time.Hour

func (t *tx) expire(ctx context.Context, limit int) (int64, error) {
	if _, err := t.exec(ctx, deleteOwners, micros(t.now.Add(-forgetAfter))); err != nil {
		return 0, err
	}
	if limit < 1 { // which SQLite takes for no limit
		return 0, nil
	}
	return t.change(ctx, deleteExpired, micros(t.now), int64(limit))
}
