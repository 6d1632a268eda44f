package pgstore

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/longrunning-go/longrunning/store"
)

const (
	// burySQL marks the lapsed dead, if the claimer has not lapsed too. One whose
	// heartbeat is under way is passed over.
	burySQL = `
UPDATE {schema}.lro_owners SET dead = true, until = statement_timestamp() WHERE id IN (
	SELECT w.id FROM {schema}.lro_owners w WHERE NOT w.dead AND w.until <= statement_timestamp()
		AND EXISTS (SELECT FROM {schema}.lro_owners c WHERE c.id = $1 AND NOT c.dead AND c.until > statement_timestamp())
	ORDER BY w.id FOR UPDATE SKIP LOCKED)`
	aliveSQL = `SELECT EXISTS (SELECT FROM {schema}.lro_owners w WHERE w.id = $1 AND NOT w.dead)`
)

// claimSQL takes orphans, and then what is due. Owners of running records are
// found one index probe each, orphans and due records by method, so that all
// stays fast however many records there are. Candidates are chosen without locks,
// some more than are wanted, and then locked in their order until there are
// enough: those that are locked are somebody else's.
const claimSQL = `
WITH RECURSIVE owners AS (
	(SELECT o.owner FROM {schema}.lro_operations o WHERE $4::boolean AND o.state = 2 ORDER BY o.owner LIMIT 1)
	UNION ALL
	SELECT (SELECT o.owner FROM {schema}.lro_operations o WHERE o.state = 2 AND o.owner > p.owner ORDER BY o.owner LIMIT 1)
	FROM owners p WHERE p.owner IS NOT NULL
), dead AS MATERIALIZED (
	SELECT p.owner FROM owners p
	WHERE p.owner IS NOT NULL AND NOT EXISTS (SELECT FROM {schema}.lro_owners w WHERE w.id = p.owner AND NOT w.dead)
), methods AS MATERIALIZED (
	SELECT DISTINCT unnest($2::text[]) AS method
), lost AS MATERIALIZED (
	SELECT n.name, d.owner FROM dead d CROSS JOIN LATERAL (
		SELECT o.name FROM {schema}.lro_operations o
		WHERE o.state = 2 AND o.cancel_requested AND o.owner = d.owner LIMIT 3 * $3
	) n
	UNION
	SELECT n.name, d.owner FROM dead d CROSS JOIN methods m CROSS JOIN LATERAL (
		SELECT o.name FROM {schema}.lro_operations o
		WHERE o.state = 2 AND o.owner = d.owner AND o.method = m.method ORDER BY o.method, o.id LIMIT 3 * $3
	) n
), orphans AS MATERIALIZED (
	SELECT o.name FROM lost n JOIN {schema}.lro_operations o ON o.name = n.name AND o.owner = n.owner
	LIMIT $3 FOR NO KEY UPDATE OF o SKIP LOCKED
), waiting AS MATERIALIZED (
	SELECT n.name, n.due_time FROM methods m CROSS JOIN LATERAL (
		SELECT o.name, o.due_time FROM {schema}.lro_operations o
		WHERE o.state = 1 AND o.method = m.method AND o.due_time <= statement_timestamp()
		ORDER BY o.due_time, o.id LIMIT 3 * $3
	) n
), due AS MATERIALIZED (
	SELECT o.name FROM waiting n JOIN {schema}.lro_operations o ON o.name = n.name AND o.due_time = n.due_time
	ORDER BY n.due_time LIMIT $3 - (SELECT count(*) FROM orphans) FOR NO KEY UPDATE OF o SKIP LOCKED
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
		if err := s.transact(ctx, s.pool, statement{sql: s.sql.bury, args: []any{c.Owner}}); err != nil {
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
		statement{sql: noBitmaps},
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
