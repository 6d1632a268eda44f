package pgstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/longrunning-go/longrunning/store"
)

// createSQL inserts in the order of names, so that two batches never wait for
// each other. The lock on a request id is what keeps a batch from waiting for a
// transaction of the application's that has used the id and sits open: such a
// record leaves the batch as not free.
const createSQL = `
WITH input AS MATERIALIZED (
	SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::text[],
		$8::smallint[], $9::text[], $10::bigint[], $11::bigint[], $12::boolean[], $13::boolean[],
		$14::bytea[], $15::bytea[], $16::bytea[], $17::bytea[], $18::bigint[], $19::bigint[])
	AS i (name, parent, id, method, request_id, request, carrier, state, owner, released, retried, cancel_requested, deleted,
		metadata, checkpoint, response, error, wait, timeout)
), free AS MATERIALIZED (
	SELECT i.name, i.request_id = '' OR pg_try_advisory_xact_lock(
		hashtextextended(concat_ws(E'\n', 'lro', $20::text, i.parent, i.method, i.request_id), 0)) AS free
	FROM input i
), inserted AS (
	INSERT INTO {schema}.lro_operations AS o (name, parent, id, method, request_id, request, carrier,
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
		i.released, i.retried, i.cancel_requested, i.deleted, i.metadata, i.checkpoint, i.response, i.error
	FROM input i
		JOIN free f ON f.name = i.name AND f.free
		LEFT JOIN {schema}.lro_owners w ON w.id = i.owner AND NOT w.dead
	ORDER BY i.name
	ON CONFLICT DO NOTHING
	RETURNING o.name, o.state, o.owner, o.epoch, o.create_time, o.update_time, o.end_time, o.deadline, o.due_time, o.expire_time
), hinted AS (
	SELECT {schema}.lro_hint($20, array_agg(n.name), bool_or(n.state = 1)) FROM inserted n HAVING count(*) > 0
)
SELECT f.name, f.free, coalesce(n.state, 0), coalesce(n.owner, ''), coalesce(n.epoch, 0),
	n.create_time, n.update_time, n.end_time, n.deadline, n.due_time, n.expire_time
FROM free f LEFT JOIN inserted n ON n.name = f.name, (SELECT count(*) FROM hinted) h`

// earlierSQL finds what a Create answers instead of its own record: the one of
// its name before the one of its request id.
const earlierSQL = `
SELECT ` + columns + `, o.request FROM {schema}.lro_operations o WHERE o.name = $1
UNION ALL
SELECT ` + columns + `, o.request FROM {schema}.lro_operations o
WHERE o.parent = $2 AND o.method = $3 AND o.request_id = $4 AND o.request_id <> '' AND o.name <> $1`

// A creation is one Create. If it comes to nothing, an earlier record stands in
// the way.
type creation struct {
	rec     *store.Record
	carrier *string
	busy    bool
	stored  *store.Record
}

func (c *creation) name() string { return c.rec.Name }

func (c *creation) outcome() error {
	if c.busy {
		return errBusy
	}
	return nil
}

// Create implements [store.Store].
func (s *Store) Create(ctx context.Context, rec *store.Record) (*store.Record, error) {
	tx, err := s.txOf(ctx)
	if err != nil {
		return nil, err
	}
	if err := rec.Validate(); err != nil {
		return nil, err
	}
	carrier, err := encodeCarrier(rec.Carrier)
	if err != nil {
		return nil, fmt.Errorf("%w: the carrier of %q: %w", store.ErrInvalid, rec.Name, err)
	}
	for {
		c := &creation{rec: rec, carrier: carrier}
		if err := s.creates.do(ctx, tx, c); err != nil {
			return nil, err
		}
		if c.stored != nil {
			return c.stored, nil
		}
		earlier, err := s.earlier(ctx, tx, rec)
		if earlier != nil || err != nil {
			return earlier, err
		}
		// It has expired since: another try finds the place free.
	}
}

func (s *Store) earlier(ctx context.Context, tx *transaction, rec *store.Record) (*store.Record, error) {
	recs, err := s.query(ctx, tx, true, s.sql.earlier, rec.Name, rec.Parent, rec.Method, rec.RequestID)
	if err != nil || len(recs) == 0 {
		return nil, err
	}
	for _, earlier := range recs {
		if earlier.Name == rec.Name {
			return earlier, nil
		}
	}
	return recs[0], nil
}

// creation is the statement that stores creations.
func (s *Store) creation(batch []*creation) statement {
	var in createInput
	byName := make(map[string]*creation, len(batch))
	for _, c := range batch {
		in.add(c)
		byName[c.rec.Name] = c
	}
	return statement{s.sql.create, in.args(s.channel), func(rows pgx.Rows) error {
		for rows.Next() {
			var name, owner string
			var free bool
			var state int16
			var epoch int64
			var t times
			if err := rows.Scan(&name, &free, &state, &owner, &epoch, &t.create, &t.update, &t.end, &t.deadline, &t.due, &t.expire); err != nil {
				return err
			}
			c := byName[name]
			if c.busy = !free; state != 0 {
				c.stored = c.as(store.State(state), owner, epoch, &t)
			}
		}
		return rows.Err()
	}}
}

// as answers the record as it was stored.
func (c *creation) as(state store.State, owner string, epoch int64, t *times) *store.Record {
	stored := *c.rec
	stored.Version, stored.Epoch, stored.State, stored.Owner = 1, epoch, state, owner
	stored.Timeout, stored.DueIn, stored.ExpireIn = 0, 0, 0
	t.set(&stored)
	return &stored
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

func (in *createInput) args(channel string) []any {
	return slices.Concat(
		[]any{in.names, in.parents, in.ids, in.methods, in.requestIDs, in.requests, in.carriers},
		in.content.args(), []any{in.timeouts, channel})
}
