package pgstore

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// settings are those that our statements need, whatever the session has. Without
	// statistics the planner would read whole tables to join them with a batch; and to
	// plan a statement for each of its arguments takes longer than to run it.
	settings = `SELECT set_config('enable_seqscan', 'off', {local}), set_config('plan_cache_mode', 'force_generic_plan', {local}),
	set_config('statement_timeout', '%d', {local}), set_config('lock_timeout', '%d', {local}),
	CASE WHEN current_setting('synchronous_commit') = 'off' THEN set_config('synchronous_commit', 'on', {local}) END`

	// sessionSettings are what the transactions of a session of ours have besides.
	sessionSettings = `, set_config('default_transaction_isolation', 'read committed', false),
	set_config('default_transaction_read_only', 'off', false)`

	// noBitmaps is for statements that want the order of an index, which a bitmap of
	// another, sorted, would give them too.
	noBitmaps = `SELECT set_config('enable_bitmapscan', 'off', true)`

	begin  = `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE`
	commit = `COMMIT`
)

// lockPatience bounds the wait for a lock that no statement of ours should wait
// for, such as that of a migration on a whole table.
const lockPatience = time.Second

// ownKey is where a connection says that its session is ours alone.
const ownKey = "longrunning pgstore session"

func isOwn(conn *pgx.Conn) bool { return conn.PgConn().CustomData()[ownKey] != nil }

// reserve makes the pool that is ours. Where it can, its sessions get our settings
// once: a transaction that brings them, and a BEGIN and a COMMIT, makes a lone write
// take a tenth longer. It can where no hook of the application's touches a
// connection between two uses.
func (s *Store) reserve(ctx context.Context) (*pgxpool.Pool, error) {
	config := s.pool.Config()
	config.MaxConns, config.MinConns, config.MinIdleConns = reservedConns, 0, 0
	if params := config.ConnConfig.RuntimeParams; params["application_name"] == "" {
		params["application_name"] = "longrunning"
	}
	hooked := config.PrepareConn != nil || config.AfterRelease != nil ||
		config.BeforeAcquire != nil //nolint:staticcheck // deprecated, and applications have it still
	if connected := config.AfterConnect; !hooked {
		config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
			if connected != nil {
				if err := connected(ctx, conn); err != nil {
					return err
				}
			}
			return s.own(ctx, conn)
		}
	}
	// The pool outlives ctx; Close ends it.
	return pgxpool.NewWithConfig(context.WithoutCancel(ctx), config)
}

// own makes the session of a connection ours, unless a pooler stands in between:
// that hands sessions to others, and tells its clients process ids of its own.
func (s *Store) own(ctx context.Context, conn *pgx.Conn) error {
	var pid uint32
	err := conn.QueryRow(ctx, `SELECT pg_backend_pid()`).Scan(&pid)
	if err != nil || pid != conn.PgConn().PID() {
		return err
	}
	if _, err := conn.Exec(ctx, s.sql.session); err != nil {
		return err
	}
	conn.PgConn().CustomData()[ownKey] = true
	return nil
}
