package pgstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/longrunning-go/longrunning/store"
)

// createSQL inserts in the order of names, so that two batches never wait for
// each other, and nothing that would wait for a transaction of somebody else's: no
// name and no request id that is stored already, which ON CONFLICT would wait for
// while it is being changed, and no request id whose lock another transaction has,
// since that may be about to store it. (Names need none: who else creates the same
// repeats itself.) Such records are left out; see earlierSQL.
const createSQL = `
WITH written AS (
	` + insertSQL + ` FROM {input} ` + insertOwnersSQL + `
	WHERE ` + newNameSQL + ` AND (i.request_id = '' OR pg_try_advisory_xact_lock(
			hashtextextended(concat_ws(E'\n', $20::text, i.parent, i.method, i.request_id), 0))
		AND NOT EXISTS (SELECT FROM {schema}.lro_operations e
			WHERE e.parent = i.parent AND e.method = i.method AND e.request_id = i.request_id AND e.request_id <> ''))
	ORDER BY i.name ` + insertedSQL + `
), hinted AS (
	SELECT {schema}.lro_hint($20, array_agg(w.name), true) FROM written w WHERE w.state = 1 HAVING count(*) > 0
)
SELECT w.name, w.state, w.owner, w.epoch, w.create_time, w.update_time, w.end_time, w.deadline, w.due_time, w.expire_time, ''
FROM written w, (SELECT count(*) FROM hinted) h`

// createOneSQL is for one record without a request id.
const createOneSQL = insertSQL + ` FROM {input} ` + insertOwnersSQL + ` WHERE ` + newNameSQL + ` ` + insertedSQL + `,
	CASE WHEN o.state = 1 THEN pg_notify($20, E'D\n' || o.name)::text ELSE '' END`

// Parts of both. The input is i, and w its owner if that lives.
const (
	insertSQL = `INSERT INTO {schema}.lro_operations AS o (name, parent, id, method, request_id, request, carrier,
		version, epoch, create_time, update_time, end_time, deadline, due_time, expire_time,
		state, owner, released, retried, cancel_requested, deleted, metadata, checkpoint, response, error)
	SELECT i.name, i.parent, i.id, i.method, i.request_id, i.request, i.carrier,
		1, CASE WHEN i.state = 2 AND w.id IS NOT NULL THEN 1 ELSE 0 END,
		statement_timestamp(), statement_timestamp(),
		CASE WHEN i.state = 4 THEN statement_timestamp() END,
		CASE WHEN i.timeout > 0 THEN statement_timestamp() + i.timeout * interval '1 microsecond' END,
		CASE WHEN i.state = 1 THEN statement_timestamp() + i.wait * interval '1 microsecond'
			WHEN i.state = 2 AND w.id IS NULL THEN statement_timestamp() END,
		CASE WHEN i.state = 4 THEN statement_timestamp() + i.wait * interval '1 microsecond' END,
		CASE WHEN i.state = 2 AND w.id IS NULL THEN 1 ELSE i.state END,
		CASE WHEN w.id IS NULL THEN '' ELSE i.owner END,
		i.released, i.retried, i.cancel_requested, i.deleted, i.metadata, i.checkpoint, i.response, i.error`
	insertOwnersSQL = `LEFT JOIN {schema}.lro_owners w ON w.id = i.owner AND NOT w.dead`
	newNameSQL      = `NOT EXISTS (SELECT FROM {schema}.lro_operations e WHERE e.name = i.name)`
	insertedSQL     = `ON CONFLICT DO NOTHING
	RETURNING o.name, o.state, o.owner, o.epoch, o.create_time, o.update_time, o.end_time, o.deadline, o.due_time, o.expire_time`
)

// earlierSQL finds what stands in the way of records that were left out, by name,
// by request id, or by an ID that is taken.
const earlierSQL = `
WITH input AS MATERIALIZED (
	SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) AS i (name, parent, method, request_id, id)
)
SELECT i.name, ` + columns + `, o.request FROM input i JOIN {schema}.lro_operations o ON o.name = i.name
UNION ALL
SELECT i.name, ` + columns + `, o.request FROM input i JOIN {schema}.lro_operations o
	ON o.parent = i.parent AND o.method = i.method AND o.request_id = i.request_id AND o.request_id <> ''
UNION ALL
SELECT i.name, ` + columns + `, o.request FROM input i JOIN {schema}.lro_operations o ON o.id = i.id`

// A creation is one Create.
type creation struct {
	rec     *store.Record
	carrier *string

	stored  *store.Record // if it was
	earlier *store.Record // if that was in the way
	err     error
}

func (c *creation) name() string { return c.rec.Name }

func (c *creation) size() int {
	return len(c.rec.Request) + contentSize(c.rec)
}

func (c *creation) reset() { c.stored, c.earlier, c.err = nil, nil, nil }

func (c *creation) written() bool { return c.stored != nil }

func (c *creation) fail(err error) { c.err = err }

func (c *creation) outcome() error {
	switch {
	case c.stored != nil || c.err != nil:
		return c.err
	case c.earlier == nil:
		return errBusy
	case c.rank(c.earlier) == takenID:
		return fmt.Errorf("%w: the ID %q of %q is that of %q; give each record an ID of its own", store.ErrInvalid, c.rec.ID, c.rec.Name, c.earlier.Name)
	}
	return nil
}

// Create implements [store.Store].
func (s *Store) Create(ctx context.Context, rec *store.Record) (*store.Record, error) {
	tx, err := s.txOf(ctx)
	if err != nil {
		return nil, err
	}
	if err = rec.Validate(); err != nil {
		return nil, err
	}
	carrier, err := encodeCarrier(rec.Carrier)
	if err != nil {
		return nil, fmt.Errorf("%w: the carrier of %q: %w", store.ErrInvalid, rec.Name, err)
	}
	c := &creation{rec: rec, carrier: carrier}
	if err := s.creates.do(ctx, tx, c); err != nil {
		return nil, err
	}
	return cmp.Or(c.stored, c.earlier), nil
}

// createStatement stores what nothing stands in the way of.
func (s *Store) createStatement(batch []*creation) statement {
	sql, args := s.createArgs(batch)
	return statement{sql, args, func(rows pgx.Rows) error {
		byName := named(batch)
		var r struct { // allocated at once
			name, owner, hinted string
			state               int16
			epoch               int64
			times
		}
		_, err := pgx.ForEachRow(rows, []any{&r.name, &r.state, &r.owner, &r.epoch, &r.create, &r.update, &r.end, &r.deadline, &r.due, &r.expire, &r.hinted}, func() error {
			c := byName[r.name]
			c.stored = c.as(store.State(r.state), r.owner, r.epoch, &r.times)
			return nil
		})
		return err
	}}
}

func (s *Store) createArgs(batch []*creation) (sql string, args []any) {
	if isAlone(batch) && batch[0].rec.RequestID == "" {
		return s.sql.create.one, append(batch[0].args(), s.channel)
	}
	var in createInput
	for _, c := range batch {
		in.add(c)
	}
	return s.sql.create.many, append(in.args(), s.channel)
}

// earlierStatement finds what stands in the way of creations.
func (s *Store) earlierStatement(batch []*creation) statement {
	var names, parents, methods, requestIDs, ids []string
	for _, c := range batch {
		names, parents, methods = append(names, c.rec.Name), append(parents, c.rec.Parent), append(methods, c.rec.Method)
		requestIDs, ids = append(requestIDs, c.rec.RequestID), append(ids, c.rec.ID)
	}
	return statement{s.sql.earlier, []any{names, parents, methods, requestIDs, ids}, func(rows pgx.Rows) error {
		byName := named(batch)
		for rows.Next() {
			var name string
			r := new(row)
			if err := rows.Scan(append([]any{&name}, r.targets(true)...)...); err != nil {
				return err
			}
			earlier := r.record()
			if c := byName[name]; c.earlier == nil || c.rank(earlier) < c.rank(c.earlier) {
				c.earlier = earlier
			}
		}
		return rows.Err()
	}}
}

// rank orders what stands in the way: the name before the request id before the ID.
func (c *creation) rank(earlier *store.Record) int {
	switch {
	case earlier.Name == c.rec.Name:
		return 0
	case c.rec.RequestID != "" && earlier.RequestID == c.rec.RequestID && earlier.Parent == c.rec.Parent && earlier.Method == c.rec.Method:
		return 1
	default:
		return takenID
	}
}

const takenID = 2 // the rank of what has the ID and nothing else of a record

// as answers the record as it was stored.
func (c *creation) as(state store.State, owner string, epoch int64, t *times) *store.Record {
	stored := *c.rec
	stored.Version, stored.Epoch, stored.State, stored.Owner = 1, epoch, state, owner
	stored.Timeout, stored.DueIn, stored.ExpireIn = 0, 0, 0
	t.set(&stored)
	return &stored
}

const createColumns = `name text, parent text, id text, method text, request_id text, request bytea, carrier text, ` + contentColumns + `, timeout bigint`

// args answers the parameters of createOneSQL.
func (c *creation) args() []any {
	rec := c.rec
	return slices.Concat(
		[]any{rec.Name, rec.Parent, rec.ID, rec.Method, rec.RequestID, rec.Request, c.carrier},
		contentOf(rec), []any{rec.Timeout.Microseconds()})
}

// createInput are the parameters of createSQL, a column each.
type createInput struct {
	names, parents, ids, methods, requestIDs []string
	requests                                 [][]byte
	carriers                                 []*string
	timeouts                                 []int64
	content
}

func (in *createInput) add(c *creation) {
	in.names = append(in.names, c.rec.Name)
	in.parents = append(in.parents, c.rec.Parent)
	in.ids = append(in.ids, c.rec.ID)
	in.methods = append(in.methods, c.rec.Method)
	in.requestIDs = append(in.requestIDs, c.rec.RequestID)
	in.requests = append(in.requests, c.rec.Request)
	in.carriers = append(in.carriers, c.carrier)
	in.timeouts = append(in.timeouts, c.rec.Timeout.Microseconds())
	in.content.add(c.rec)
}

func (in *createInput) args() []any {
	return slices.Concat(
		[]any{in.names, in.parents, in.ids, in.methods, in.requestIDs, in.requests, in.carriers},
		in.content.args(), []any{in.timeouts})
}
