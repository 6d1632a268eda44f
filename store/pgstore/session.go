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

	// sessionSettings are what a session of ours has besides: how its transactions
	// begin, and that a reload of the server's configuration does not change how they
	// are committed.
	sessionSettings = `, set_config('default_transaction_isolation', 'read committed', false),
	set_config('default_transaction_read_only', 'off', false),
	CASE WHEN current_setting('synchronous_commit') <> 'off' THEN set_config('synchronous_commit', current_setting('synchronous_commit'), false) END`

	// backend tells whose session this is, and whether it is new, as far as its role
	// may know.
	backend = `SELECT pid, coalesce(clock_timestamp() - backend_start < interval '30 seconds', false) FROM pg_stat_activity WHERE pid = pg_backend_pid()`

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
// that hands sessions to others, which it has had for a while, and tells its clients
// process ids of its own. Two kinds of session stay as they are: one that the
// application has left in a transaction, which only a COMMIT ends; and one of the
// simple protocol, where an error of the commit cannot be told from one of the
// statement.
//
// The context that a pool gives AfterConnect has no deadline.
func (s *Store) own(ctx context.Context, conn *pgx.Conn) error {
	if conn.PgConn().TxStatus() != idle || conn.Config().DefaultQueryExecMode == pgx.QueryExecModeSimpleProtocol {
		return nil
	}
	ctx, stop := context.WithTimeout(ctx, s.opts.Timeout+time.Second)
	defer stop()
	var pid uint32
	var isNew bool
	if err := conn.QueryRow(ctx, backend).Scan(&pid, &isNew); err != nil {
		return err
	}
	if pid != conn.PgConn().PID() || !isNew {
		return nil
	}
	if _, err := conn.Exec(ctx, s.sql.session); err != nil {
		return err
	}
	conn.PgConn().CustomData()[ownKey] = true
	return nil
}

// idle is the status of a connection that is in no transaction.
const idle = 'I'
