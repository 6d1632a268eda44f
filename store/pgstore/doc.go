// Package pgstore keeps operations in Postgres, for services of many processes.
//
//	pool, err := pgxpool.New(ctx, url)
//	st, err := pgstore.New(ctx, pool, &pgstore.Options{Migrate: true})
//	m, err := lro.New(st, nil)
//
// The pool may be the application's own. [Store] uses it for what handlers and
// calls ask for; besides it opens up to six connections of the same
// configuration: two that commit what waits to be written, many writes at once;
// one that listens; and heartbeats have theirs, so that a pool that busy handlers
// have emptied costs no lease.
//
// All times are the database's, so the clocks of the processes do not matter.
// Postgres 13 or later, in UTF-8, is required. The user of [Migrate], or of
// Options.Migrate, owns the tables; a service that does without needs no more than
//
//	GRANT USAGE ON SCHEMA public TO app;
//	GRANT SELECT, INSERT, UPDATE, DELETE ON lro_operations, lro_owners TO app;
//	GRANT SELECT ON lro_schema TO app;
//
// Close the Store after the Run of the Manager has returned, and the pool after the
// Store. Foreign keys that refer to lro_operations need ON DELETE CASCADE or SET
// NULL: expiry deletes.
//
// # Transactions of the application
//
// With [WithTx] the start of an operation, or its completion, becomes part of a
// transaction of the application's:
//
//	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
//		if _, err := tx.Exec(ctx, "INSERT INTO orders …"); err != nil {
//			return err
//		}
//		op, err = ship.Start(pgstore.WithTx(ctx, tx), req, nil)
//		return err
//	})
//
// The operation exists exactly when the order does. A handler ends its operation
// together with what it did:
//
//	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
//		if _, err := tx.Exec(ctx, "UPDATE stock …"); err != nil {
//			return err
//		}
//		return task.Complete(pgstore.WithTx(ctx, tx), res)
//	})
//	if err != nil {
//		return nil, lro.Retry(err, 0) // a transaction may fail for passing reasons
//	}
//
// See examples/orders for both.
//
// # Poolers
//
// Behind a pooler in transaction mode, such as PgBouncer, three things differ.
// Prepared statements need its support, or default_query_exec_mode=exec in the
// connection's URL. LISTEN does not work there; the store finds that out, logs it,
// and tells its listeners to look every second instead. And each transaction brings
// its settings, which makes a lone write take a tenth longer. So it does where
// the pool has one of the hooks BeforeAcquire, PrepareConn and AfterRelease, or sends
// statements by the simple protocol.
package pgstore
