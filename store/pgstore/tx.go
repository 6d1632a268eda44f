package pgstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/longrunning-go/longrunning/store"
)

// WithTx answers a context whose writes of operations become part of tx: with it,
// Method.Start and Task.Complete of package lro take effect when tx commits, and
// leave no trace when it is rolled back. Hints leave with the commit, so an
// operation that was started so is picked up at once. Reads by name with such a
// context see what tx has written.
//
// An error of theirs leaves tx usable, with two exceptions: when a serialization
// failure, a deadlock, or another transaction that holds the operation gets in
// the way, they answer ABORTED, and the caller rolls back and begins anew; and
// when the context ends during a call, pgx closes the connection. As with any use
// of a pgx.Tx, one call at a time.
//
// tx must be on the database of the Store; its schema need not be on the
// search_path. Any isolation level will do, though SERIALIZABLE has Postgres fail
// transactions that only come near each other: expect to repeat them. Each start
// with a request id holds a lock until tx ends, so one transaction should not
// start thousands (max_locks_per_transaction).
func WithTx(ctx context.Context, tx pgx.Tx) context.Context {
	if tx == nil {
		return store.WithTx(ctx, noTx{})
	}
	return store.WithTx(ctx, tx)
}

// noTx is what WithTx makes of nil, so that nothing is written outside the
// transaction that was meant.
type noTx struct{}

// InTx implements [store.Transactional].
func (s *Store) InTx(ctx context.Context) bool {
	_, ok := store.TxOf(ctx).(pgx.Tx)
	return ok
}

// A transaction is one of the caller's, as this store uses it.
type transaction struct {
	pgx.Tx
	store *Store
}

// txOf answers the caller's transaction, nil if there is none.
func (s *Store) txOf(ctx context.Context) (*transaction, error) {
	if s.closed.Load() {
		return nil, errClosed
	}
	switch tx := store.TxOf(ctx).(type) {
	case nil:
		return nil, nil //nolint:nilnil // no transaction is no error
	case pgx.Tx:
		return &transaction{tx, s}, nil
	case noTx:
		return nil, fmt.Errorf("%w: WithTx was called with nil", store.ErrTx)
	default:
		return nil, fmt.Errorf("%w: pgstore takes a pgx.Tx, found a %T", store.ErrTx, tx)
	}
}

const (
	savepoint = `SAVEPOINT lro`
	release   = `RELEASE SAVEPOINT lro`
	undo      = `ROLLBACK TO SAVEPOINT lro`
	whose     = `SELECT id FROM {schema}.lro_schema`
)

// run runs a statement between a savepoint and its release, so that no error of it
// aborts the caller's transaction. The savepoint goes ahead, since preparing what
// follows may fail too.
func (t *transaction) run(ctx context.Context, q statement) error {
	if _, err := t.Exec(ctx, savepoint); err != nil {
		return err
	}
	batch := &pgx.Batch{}
	batch.Queue(t.store.sql.whose)
	batch.Queue(q.sql, q.args...)
	results := t.SendBatch(ctx, batch)
	err := t.read(results, q)
	if closeErr := results.Close(); err == nil {
		err = closeErr
	}
	end := release
	if err != nil {
		end = undo + `; ` + release
	}
	if _, endErr := t.Exec(ctx, end, pgx.QueryExecModeSimpleProtocol); endErr != nil {
		// Without its savepoint the transaction is beyond use; err says why, if any.
		return errors.Join(err, endErr)
	}
	return err
}

func (t *transaction) read(results pgx.BatchResults, q statement) error {
	var id pgtype.UUID
	if err := results.QueryRow().Scan(&id); err != nil {
		return err
	}
	if err := readRows(results, q); err != nil {
		return err
	}
	if id != t.store.id {
		return errForeignTx
	}
	return nil
}
