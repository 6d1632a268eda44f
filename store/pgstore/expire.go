package pgstore

import (
	"context"

	"github.com/jackc/pgx/v5"
)

const (
	expireSQL = `
WITH expired AS (
	DELETE FROM {schema}.lro_operations WHERE name IN (
		SELECT o.name FROM {schema}.lro_operations o WHERE o.state = 4 AND o.expire_time <= statement_timestamp()
		ORDER BY o.expire_time LIMIT $1 FOR UPDATE SKIP LOCKED)
	RETURNING 1
)
SELECT count(*) FROM expired`

	// forgetSQL drops owners that have been dead for a day, so that one that was
	// paused for hours still learns of its death.
	forgetSQL = `
DELETE FROM {schema}.lro_owners w
WHERE w.dead AND w.until <= statement_timestamp() - interval '1 day'
	AND NOT EXISTS (SELECT FROM {schema}.lro_operations o WHERE o.state = 2 AND o.owner = w.id)`
)

// Expire implements [store.Store].
func (s *Store) Expire(ctx context.Context, limit int) (int, error) {
	var n int
	err := s.transact(ctx, s.pool,
		statement{sql: noBitmaps},
		statement{sql: s.sql.forget},
		statement{s.sql.expire, []any{max(0, limit)}, func(rows pgx.Rows) (err error) {
			n, err = pgx.CollectExactlyOneRow(rows, pgx.RowTo[int])
			return err
		}})
	if err != nil {
		return 0, failure("Expire", err)
	}
	return n, nil
}
