package pgstore

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/longrunning-go/longrunning/store"
)

// updateSQL locks in the order of names before it writes, so that batches of two
// processes cannot deadlock, and passes over what is locked already. What it does
// not answer it has not written, for one of the reasons that explain finds.
const updateSQL = `
WITH input AS MATERIALIZED (
	SELECT * FROM unnest($1::text[], $2::bigint[], $3::smallint[], $4::text[], $5::bigint[], $6::bigint[], $7::boolean[], $8::boolean[],
		$9::bytea[], $10::bytea[], $11::bytea[], $12::bytea[], $13::bigint[])
	AS i (name, version, state, owner, released, retried, cancel_requested, deleted, metadata, checkpoint, response, error, wait)
), locked AS MATERIALIZED (
	SELECT o.name, o.version, o.state, o.owner, o.cancel_requested, o.deleted
	FROM {schema}.lro_operations o WHERE o.name = ANY ($1)
	ORDER BY o.name FOR UPDATE SKIP LOCKED
), written AS (
	UPDATE {schema}.lro_operations o SET
		version = o.version + 1, update_time = statement_timestamp(),
		end_time = CASE WHEN i.state = 4 THEN coalesce(o.end_time, statement_timestamp()) END,
		due_time = CASE WHEN i.state = 1 THEN statement_timestamp() + i.wait * interval '1 microsecond' END,
		expire_time = CASE WHEN i.state = 4 THEN statement_timestamp() + i.wait * interval '1 microsecond' END,
		state = i.state, owner = i.owner, released = i.released, retried = i.retried,
		cancel_requested = i.cancel_requested, deleted = i.deleted,
		metadata = i.metadata, checkpoint = i.checkpoint, response = i.response, error = i.error
	FROM input i JOIN locked l ON l.name = i.name AND l.version = i.version
	WHERE o.name = i.name
	RETURNING o.name, o.parent, o.id, o.method, o.request_id, o.carrier, o.version, o.epoch,
		o.create_time, o.update_time, o.end_time, o.deadline, o.due_time, o.expire_time, o.state,
		o.state = 1 OR (o.state, o.owner, o.cancel_requested, o.deleted) IS DISTINCT FROM (l.state, l.owner, l.cancel_requested, l.deleted) AS news
), hinted AS (
	SELECT {schema}.lro_hint($14, array_agg(w.name), bool_or(w.state = 1)) FROM written w WHERE w.news HAVING count(*) > 0
)
SELECT w.name, w.parent, w.id, w.method, w.request_id, w.carrier, w.version, w.epoch,
	w.create_time, w.update_time, w.end_time, w.deadline, w.due_time, w.expire_time
FROM written w, (SELECT count(*) FROM hinted) h`

const versionsSQL = `SELECT o.name, o.version FROM {schema}.lro_operations o WHERE o.name = ANY ($1)`

// An update is one Update.
type update struct {
	rec    *store.Record
	stored *store.Record
	err    error // why it was not stored
}

func (u *update) name() string { return u.rec.Name }

func (u *update) outcome() error { return u.err }

// Update implements [store.Store].
func (s *Store) Update(ctx context.Context, rec *store.Record) (*store.Record, error) {
	tx, err := s.txOf(ctx)
	if err != nil {
		return nil, err
	}
	if err := rec.Validate(); err != nil {
		return nil, err
	}
	u := &update{rec: rec}
	if err := s.updates.do(ctx, tx, u); err != nil {
		return nil, err
	}
	return u.stored, nil
}

// replacement is the statement that stores updates.
func (s *Store) replacement(batch []*update) statement {
	var in content
	names, versions := make([]string, len(batch)), make([]int64, len(batch))
	byName := make(map[string]*update, len(batch))
	for i, u := range batch {
		names[i], versions[i] = u.rec.Name, u.rec.Version
		in.add(u.rec)
		byName[u.rec.Name] = u
	}
	args := append([]any{names, versions}, in.args()...)
	return statement{s.sql.update, append(args, s.channel), func(rows pgx.Rows) error {
		for rows.Next() {
			r := new(row)
			if err := rows.Scan(r.targets(false)[:fixedColumns]...); err != nil {
				return err
			}
			stored, err := r.record()
			if err != nil {
				return err
			}
			u := byName[stored.Name]
			u.stored, u.err = u.as(stored), nil
		}
		return rows.Err()
	}}
}

// as adds to what the database has answered what it was given.
func (u *update) as(stored *store.Record) *store.Record {
	rec := u.rec
	stored.State, stored.Owner = rec.State, rec.Owner
	stored.Released, stored.Retried = rec.Released, rec.Retried
	stored.CancelRequested, stored.Deleted = rec.CancelRequested, rec.Deleted
	stored.Metadata, stored.Checkpoint = rec.Metadata, rec.Checkpoint
	stored.Response, stored.Error = rec.Response, rec.Error
	return stored
}

// explain finds out why some updates were not stored. A record that still has the
// version they want was passed over, since somebody held it.
func (s *Store) explain(ctx context.Context, q queryable, batch []*update) error {
	var names []string
	for _, u := range batch {
		if u.stored == nil {
			names = append(names, u.rec.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	rows, err := q.Query(ctx, s.sql.versions, names)
	if err != nil {
		return err
	}
	defer rows.Close()
	versions := make(map[string]int64, len(names))
	for rows.Next() {
		var name string
		var version int64
		if err := rows.Scan(&name, &version); err != nil {
			return err
		}
		versions[name] = version
	}
	for _, u := range batch {
		if u.stored == nil {
			u.err = u.missed(versions[u.rec.Name])
		}
	}
	return rows.Err()
}

// missed says why an update came to nothing, by the version that the record has
// now, 0 if there is none.
func (u *update) missed(version int64) error {
	switch version {
	case 0:
		return fmt.Errorf("%w: %q", store.ErrNotFound, u.rec.Name)
	case u.rec.Version:
		return errBusy
	default:
		return fmt.Errorf("%w: %q is at version %d, the caller read %d", store.ErrConflict, u.rec.Name, version, u.rec.Version)
	}
}
