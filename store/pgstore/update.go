package pgstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/longrunning-go/longrunning/store"
)

// updateSQL locks in the order of names before it writes, so that batches of two
// processes cannot deadlock, and passes over what is locked already. What it does
// not answer it has not written: see whyNot.
const updateSQL = `
WITH input AS MATERIALIZED (SELECT i.* FROM {input}), locked AS MATERIALIZED (
	SELECT o.name, o.version, o.state, o.owner, o.cancel_requested, o.deleted
	FROM {schema}.lro_operations o WHERE o.name = ANY ($1)
	ORDER BY o.name FOR NO KEY UPDATE SKIP LOCKED
), written AS (
	` + replaceSQL + ` FROM input i JOIN locked l ON l.name = i.name AND l.version = i.version WHERE o.name = i.name ` + replacedSQL + `, o.state, ` + newsSQL + ` AS news
), hinted AS (
	SELECT {schema}.lro_hint($14, array_agg(w.name), bool_or(w.state = 1)) FROM written w WHERE w.news HAVING count(*) > 0
)
SELECT w.name, w.parent, w.id, w.method, w.request_id, w.carrier, w.version, w.epoch,
	w.create_time, w.update_time, w.end_time, w.deadline, w.due_time, w.expire_time, NULL
FROM written w, (SELECT count(*) FROM hinted) h`

// updateOneSQL is for one record.
const updateOneSQL = `
WITH locked AS MATERIALIZED (
	SELECT o.name, o.state, o.owner, o.cancel_requested, o.deleted
	FROM {schema}.lro_operations o WHERE o.name = $1 AND o.version = $2 FOR NO KEY UPDATE SKIP LOCKED
)
` + replaceSQL + ` FROM {input}, locked l WHERE o.name = l.name ` + replacedSQL + `,
	CASE WHEN ` + newsSQL + ` THEN pg_notify($14, CASE WHEN o.state = 1 THEN 'D' ELSE '-' END || E'\n' || o.name)::text END`

// Parts of both. The input is i, and l what was locked.
const (
	replaceSQL = `UPDATE {schema}.lro_operations o SET
		version = o.version + 1, update_time = statement_timestamp(),
		end_time = CASE WHEN i.state = 4 THEN coalesce(o.end_time, statement_timestamp()) END,
		due_time = CASE WHEN i.state = 1 THEN statement_timestamp() + i.wait * interval '1 microsecond' END,
		expire_time = CASE WHEN i.state = 4 THEN statement_timestamp() + i.wait * interval '1 microsecond' END,
		state = i.state, owner = i.owner, released = i.released, retried = i.retried,
		cancel_requested = i.cancel_requested, deleted = i.deleted,
		metadata = i.metadata, checkpoint = i.checkpoint, response = i.response, error = i.error`
	replacedSQL = `
	RETURNING o.name, o.parent, o.id, o.method, o.request_id, o.carrier, o.version, o.epoch,
		o.create_time, o.update_time, o.end_time, o.deadline, o.due_time, o.expire_time`
	newsSQL = `(o.state = 1 OR (o.state, o.owner, o.cancel_requested, o.deleted) IS DISTINCT FROM (l.state, l.owner, l.cancel_requested, l.deleted))`
)

const versionsSQL = `SELECT o.name, o.version FROM {schema}.lro_operations o WHERE o.name = ANY ($1)`

const updateColumns = `name text, version bigint, ` + contentColumns

// An update is one Update.
type update struct {
	rec    *store.Record
	stored *store.Record
	err    error // why it was not stored
}

func (u *update) name() string { return u.rec.Name }

func (u *update) size() int { return contentSize(u.rec) }

func (u *update) reset() { u.stored, u.err = nil, nil }

func (u *update) written() bool { return u.stored != nil }

func (u *update) fail(err error) { u.err = err }

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

// updateStatement stores what is still as its caller read it.
func (s *Store) updateStatement(batch []*update) statement {
	sql, args := s.updateArgs(batch)
	return statement{sql, args, func(rows pgx.Rows) error {
		byName := named(batch)
		for rows.Next() {
			r := new(row)
			var hinted *string
			if err := rows.Scan(append(r.targets(false)[:fixedColumns], &hinted)...); err != nil {
				return err
			}
			stored := r.record()
			u := byName[stored.Name]
			u.stored = u.as(stored)
		}
		return rows.Err()
	}}
}

func (s *Store) updateArgs(batch []*update) (sql string, args []any) {
	if isAlone(batch) {
		rec := batch[0].rec
		return s.sql.update.one, slices.Concat([]any{rec.Name, rec.Version}, contentOf(rec), []any{s.channel})
	}
	var in content
	names, versions := make([]string, len(batch)), make([]int64, len(batch))
	for i, u := range batch {
		names[i], versions[i] = u.rec.Name, u.rec.Version
		in.add(u.rec)
	}
	return s.sql.update.many, slices.Concat([]any{names, versions}, in.args(), []any{s.channel})
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

// versionsStatement finds out why updates were not stored.
func (s *Store) versionsStatement(batch []*update) statement {
	names := make([]string, len(batch))
	for i, u := range batch {
		names[i] = u.rec.Name
	}
	return statement{s.sql.versions, []any{names}, func(rows pgx.Rows) error {
		versions := make(map[string]int64, len(names))
		var name string
		var version int64
		_, err := pgx.ForEachRow(rows, []any{&name, &version}, func() error {
			versions[name] = version
			return nil
		})
		for _, u := range batch {
			u.err = u.whyNot(versions[u.rec.Name])
		}
		return err
	}}
}

// whyNot says why an update came to nothing, by the version that the record has
// now, 0 if there is none. One that is as its caller read it was passed over, since
// somebody held it.
func (u *update) whyNot(version int64) error {
	switch version {
	case 0:
		return fmt.Errorf("%w: %q", store.ErrNotFound, u.rec.Name)
	case u.rec.Version:
		return errBusy
	default:
		return fmt.Errorf("%w: %q is at version %d, the caller read %d", store.ErrConflict, u.rec.Name, version, u.rec.Version)
	}
}
