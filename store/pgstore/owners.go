package pgstore

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/longrunning-go/longrunning/store"
)

// heartbeatSQL answers no row to a dead owner, one to a living one, and one for
// each operation that it must cancel.
const heartbeatSQL = `
WITH alive AS (
	INSERT INTO {schema}.lro_owners AS w (id, until, dead)
	VALUES ($1, statement_timestamp() + $2::bigint * interval '1 microsecond', $2::bigint = 0)
	ON CONFLICT (id) DO UPDATE SET until = excluded.until, dead = excluded.dead WHERE NOT w.dead
	RETURNING w.dead
), hinted AS (
	SELECT pg_notify($3, 'D') FROM alive WHERE dead
)
SELECT '' FROM alive, (SELECT count(*) FROM hinted) h
UNION ALL
SELECT o.name FROM alive, {schema}.lro_operations o WHERE o.state = 2 AND o.cancel_requested AND o.owner = $1`

// Heartbeat implements [store.Store].
func (s *Store) Heartbeat(ctx context.Context, owner string, ttl time.Duration) ([]string, error) {
	if err := store.ValidateHeartbeat(owner, ttl); err != nil {
		return nil, err
	}
	var answered bool
	var cancelled []string
	err := s.transact(ctx, s.reserved, statement{s.sql.heartbeat, []any{owner, ttl.Microseconds(), s.channel}, func(rows pgx.Rows) error {
		var name string
		_, err := pgx.ForEachRow(rows, []any{&name}, func() error {
			if answered = true; name != "" {
				cancelled = append(cancelled, name)
			}
			return nil
		})
		return err
	}})
	switch {
	case err != nil:
		return nil, writeError("Heartbeat", owner, err)
	case !answered:
		return nil, fmt.Errorf("%w: %q is dead", store.ErrOwnerLost, owner)
	}
	return cancelled, nil
}
