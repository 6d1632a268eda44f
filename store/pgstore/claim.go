package pgstore

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/longrunning-go/longrunning/store"
)

const (
	// burySQL marks the lapsed dead. One whose heartbeat is under way is passed over.
	burySQL = `
UPDATE {schema}.lro_owners SET dead = true WHERE id IN (
	SELECT w.id FROM {schema}.lro_owners w WHERE NOT w.dead AND w.until <= statement_timestamp()
	ORDER BY w.id FOR UPDATE SKIP LOCKED)`
	aliveSQL = `SELECT EXISTS (SELECT FROM {schema}.lro_owners w WHERE w.id = $1 AND NOT w.dead)`
)

// claimSQL takes orphans, and then what is due. Owners of running records are
// found one index probe each, due records by method: both stay fast however many
// records there are. Locked ones are somebody else's.
const claimSQL = `
WITH RECURSIVE owners AS (
	(SELECT o.owner FROM {schema}.lro_operations o WHERE $4::boolean AND o.state = 2 ORDER BY o.owner LIMIT 1)
	UNION ALL
	SELECT (SELECT o.owner FROM {schema}.lro_operations o WHERE o.state = 2 AND o.owner > p.owner ORDER BY o.owner LIMIT 1)
	FROM owners p WHERE p.owner IS NOT NULL
), orphans AS MATERIALIZED (
	SELECT n.name FROM owners p CROSS JOIN LATERAL (
		SELECT o.name FROM {schema}.lro_operations o
		WHERE o.state = 2 AND o.owner = p.owner AND (o.method = ANY ($2::text[]) OR o.cancel_requested)
		ORDER BY o.id LIMIT $3 FOR UPDATE SKIP LOCKED
	) n
	WHERE p.owner IS NOT NULL AND NOT EXISTS (SELECT FROM {schema}.lro_owners w WHERE w.id = p.owner AND NOT w.dead)
	LIMIT $3
), due AS MATERIALIZED (
	SELECT n.name FROM (SELECT DISTINCT unnest($2::text[])) m (method) CROSS JOIN LATERAL (
		SELECT o.name, o.due_time FROM {schema}.lro_operations o
		WHERE o.state = 1 AND o.method = m.method AND o.due_time <= statement_timestamp()
		ORDER BY o.due_time, o.id LIMIT $3 - (SELECT count(*) FROM orphans) FOR UPDATE SKIP LOCKED
	) n
	ORDER BY n.due_time LIMIT $3 - (SELECT count(*) FROM orphans)
), claimed AS (
	UPDATE {schema}.lro_operations o SET
		version = o.version + 1, epoch = o.epoch + 1, state = 2, owner = $1, due_time = NULL, update_time = statement_timestamp()
	FROM (SELECT name FROM orphans UNION ALL SELECT name FROM due) n
	WHERE o.name = n.name AND EXISTS (SELECT FROM {schema}.lro_owners w WHERE w.id = $1 AND NOT w.dead)
	RETURNING ` + columns + `, o.request
), hinted AS (
	SELECT {schema}.lro_hint($5, array_agg(c.name), false) FROM claimed c HAVING count(*) > 0
)
SELECT c.* FROM claimed c, (SELECT count(*) FROM hinted) h`

// Claim implements [store.Store].
func (s *Store) Claim(ctx context.Context, c *store.Claim) ([]*store.Record, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Adopt {
		// Committed on its own: whoever is dead is dead before anything of his is taken.
		if err := s.transact(ctx, s.pool, statement{sql: s.sql.bury}); err != nil {
			return nil, failure("Claim", err)
		}
	}
	methods := make([]string, 0, len(c.Methods))
	for _, m := range c.Methods {
		if isText(m) {
			methods = append(methods, m)
		}
	}
	var alive bool
	var claimed []*store.Record
	err := s.transact(ctx, s.pool,
		statement{s.sql.alive, []any{c.Owner}, func(rows pgx.Rows) (err error) {
			alive, err = pgx.CollectExactlyOneRow(rows, pgx.RowTo[bool])
			return err
		}},
		statement{s.sql.claim, []any{c.Owner, methods, c.Limit, c.Adopt, s.channel}, func(rows pgx.Rows) (err error) {
			claimed, err = records(rows, true)
			return err
		}})
	switch {
	case err != nil:
		return nil, failure("Claim", err)
	case !alive:
		return nil, fmt.Errorf("%w: %q is dead or was never registered", store.ErrOwnerLost, c.Owner)
	}
	return claimed, nil
}
