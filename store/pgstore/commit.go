package pgstore

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A statement is SQL, its arguments, and what reads its rows.
type statement struct {
	sql  string
	args []any
	read func(pgx.Rows) error
}

// transact runs statements in one transaction and in one round trip: what is sent
// in one go is a transaction by itself. They commit together or, with an error of
// the server, not at all; of any other error the outcome is unknown.
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
	own := isOwn(conn.Conn())
	if !own {
		statements = append([]statement{{sql: begin}, {sql: s.sql.settings}}, statements...)
	}
	batch := &pgx.Batch{}
	for _, q := range statements {
		batch.Queue(q.sql, q.args...)
	}
	if !own {
		batch.Queue(commit) // for Close to read
	}
	results := conn.SendBatch(ctx, batch)
	err = readAll(results, statements)
	if closeErr := results.Close(); err == nil && closeErr != nil {
		err = &commitError{closeErr}
	}
	if conn.Conn().PgConn().TxStatus() != idle {
		err = cmp.Or(err, errOpen)
		_, _ = conn.Exec(ctx, `ROLLBACK`)
	}
	return err
}

var errOpen = errors.New("the transaction is still open, so nothing is committed")

func readAll(results pgx.BatchResults, statements []statement) error {
	for _, q := range statements {
		if err := readRows(results, q); err != nil {
			return err
		}
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
