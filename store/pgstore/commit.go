package pgstore

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// settings are those that a transaction of ours needs whatever the session has.
	// They last as long as the transaction: the session is the application's, or a
	// pooler's. Without statistics the planner would read whole tables to join them
	// with a batch; and to plan a statement for each of its arguments takes longer
	// than to run it.
	settings = `SELECT set_config('enable_seqscan', 'off', true), set_config('plan_cache_mode', 'force_generic_plan', true),
	set_config('statement_timeout', '%d', true), set_config('lock_timeout', '%d', true),
	CASE WHEN current_setting('synchronous_commit') = 'off' THEN set_config('synchronous_commit', 'on', true) END`

	// noBitmaps is for statements that want the order of an index, which a bitmap of
	// another, sorted, would give them too.
	noBitmaps = `SELECT set_config('enable_bitmapscan', 'off', true)`
)

// lockPatience bounds the wait for a lock that no statement of ours should wait
// for, such as that of a migration on a whole table.
const lockPatience = time.Second

const (
	begin  = `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE`
	commit = `COMMIT`
)

// A statement is SQL, its arguments, and what reads its rows.
type statement struct {
	sql  string
	args []any
	read func(pgx.Rows) error
}

// transact runs statements in one transaction and in one round trip. They commit
// together or, with an error of the server, not at all; of any other error the
// outcome is unknown.
func (s *Store) transact(ctx context.Context, pool *pgxpool.Pool, statements ...statement) error {
	if s.closed.Load() {
		return errClosed
	}
	ctx, stop := context.WithTimeout(ctx, s.opts.Timeout+time.Second)
	defer stop()
	err := s.pipeline(ctx, pool, statements)
	if err != nil && pgconn.SafeToRetry(err) && ctx.Err() == nil {
		err = s.pipeline(ctx, pool, statements) // the connection had died in the pool
	}
	return err
}

func (s *Store) pipeline(ctx context.Context, pool *pgxpool.Pool, statements []statement) error {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release() // which closes one that is left in a transaction
	batch := &pgx.Batch{}
	batch.Queue(begin)
	batch.Queue(s.sql.settings)
	for _, q := range statements {
		batch.Queue(q.sql, q.args...)
	}
	batch.Queue(commit)
	results := conn.SendBatch(ctx, batch)
	err = readAll(results, statements)
	if closeErr := results.Close(); err == nil {
		err = closeErr
	}
	if err != nil && conn.Conn().PgConn().TxStatus() != 'I' {
		_, _ = conn.Exec(ctx, `ROLLBACK`)
	}
	return err
}

// readAll reads the results of begin, settings, the statements and commit.
func readAll(results pgx.BatchResults, statements []statement) error {
	for range 2 {
		if _, err := results.Exec(); err != nil {
			return err
		}
	}
	for _, q := range statements {
		if err := readRows(results, q); err != nil {
			return err
		}
	}
	tag, err := results.Exec()
	switch {
	case err != nil:
		return &commitError{err}
	case tag.String() != commit:
		return fmt.Errorf("the transaction was ended by %v instead of COMMIT", tag)
	}
	return nil
}

func readRows(results pgx.BatchResults, q statement) error {
	rows, err := results.Query()
	if err != nil {
		return err
	}
	defer rows.Close()
	if q.read != nil {
		if err := q.read(rows); err != nil {
			return err
		}
	}
	rows.Close()
	return rows.Err()
}

// read runs one statement that only reads, with the settings, in one round trip.
func (s *Store) read(ctx context.Context, q statement) error {
	if s.closed.Load() {
		return errClosed
	}
	ctx, stop := context.WithTimeout(ctx, s.opts.Timeout+time.Second)
	defer stop()
	batch := &pgx.Batch{}
	batch.Queue(s.sql.settings)
	batch.Queue(noBitmaps)
	batch.Queue(q.sql, q.args...)
	results := s.pool.SendBatch(ctx, batch)
	_, err := results.Exec()
	if err == nil {
		_, err = results.Exec()
	}
	if err == nil {
		err = readRows(results, q)
	}
	if closeErr := results.Close(); err == nil {
		err = closeErr
	}
	return err
}
