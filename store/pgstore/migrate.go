package pgstore

import (
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	// latest is the version of the schema that this library brings.
	latest = 2
	// compatible is the oldest one whose library may use a schema of version latest.
	// Migrations only add, so it rises only when an older library would do harm.
	compatible = 1
)

// Migrate brings the tables to the version of this library: it creates them, or
// adds what is missing. Any number of processes may call it at once, beside others
// that serve. Tables of a later version it leaves as they are.
func Migrate(ctx context.Context, pool *pgxpool.Pool, opts *Options) error {
	o, err := opts.withDefaults()
	if err != nil {
		return err
	}
	if err := checkServer(ctx, pool); err != nil {
		return err
	}
	return migrate(ctx, pool, o, latest)
}

// migrate waits for the locks of what is open on the tables only so long, since
// all that comes later queues behind it; then it lets others pass and tries again.
func migrate(ctx context.Context, pool *pgxpool.Pool, o *Options, target int) error {
	for {
		err := migrateOnce(ctx, pool, o, target)
		if code(err) != lockTimeout || !pause(ctx, lockPatience) {
			if err != nil {
				return failure("Migrate", err)
			}
			return nil
		}
		o.Logger.WarnContext(ctx, "pgstore: Migrate waits for transactions that are open on the tables")
	}
}

func migrateOnce(ctx context.Context, pool *pgxpool.Pool, o *Options, target int) error {
	return pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{IsoLevel: pgx.ReadCommitted, AccessMode: pgx.ReadWrite}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('lro migrations of ' || $1, 0))`, o.Schema); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, fmt.Sprintf(`SET LOCAL lock_timeout = %d`, lockPatience.Milliseconds())); err != nil {
			return err
		}
		if err := createSchema(ctx, tx, o.Schema); err != nil {
			return err
		}
		version, _, err := schemaVersion(ctx, tx, o.Schema)
		for version++; err == nil && version <= target; version++ {
			err = apply(ctx, tx, o.Schema, version)
		}
		return err
	})
}

// createSchema asks first, since who may not create schemas may use one.
func createSchema(ctx context.Context, tx pgx.Tx, schema string) error {
	var exists bool
	err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)`, schema).Scan(&exists)
	if err != nil || exists {
		return err
	}
	_, err = tx.Exec(ctx, inSchema(`CREATE SCHEMA {schema}`, schema))
	return err
}

// schemaVersion answers the version of the tables, 0 if there are none, and the
// oldest version whose library may use them.
func schemaVersion(ctx context.Context, q querier, schema string) (version, compatible int, err error) {
	var exists bool
	err = q.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, inSchema(`{schema}.lro_schema`, schema)).Scan(&exists)
	if err != nil || !exists {
		return 0, 0, err
	}
	err = q.QueryRow(ctx, inSchema(`SELECT version, compatible FROM {schema}.lro_schema`, schema)).Scan(&version, &compatible)
	return version, compatible, err
}

type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

func apply(ctx context.Context, tx pgx.Tx, schema string, version int) error {
	files, err := fs.Glob(migrations, fmt.Sprintf("migrations/%04d_*.sql", version))
	if err != nil || len(files) != 1 {
		return errors.Join(fmt.Errorf("pgstore: migration %d: %d files", version, len(files)), err)
	}
	text, err := migrations.ReadFile(files[0])
	if err != nil {
		return err
	}
	// Several statements in one text need the simple protocol.
	if _, err = tx.Conn().PgConn().Exec(ctx, inSchema(string(text), schema)).ReadAll(); err != nil {
		return err
	}
	if version == 1 {
		secret := make([]byte, 32)
		_, _ = rand.Read(secret) // never fails: see crypto/rand
		_, err = tx.Exec(ctx, inSchema(`INSERT INTO {schema}.lro_schema (version, compatible, secret) VALUES (1, 1, $1)`, schema), secret)
		return err
	}
	_, err = tx.Exec(ctx, inSchema(`UPDATE {schema}.lro_schema SET version = $1, compatible = $2`, schema), version, compatible)
	return err
}

// checkSchema turns away tables that this library cannot use, and reads what they
// say of themselves.
func (s *Store) checkSchema(ctx context.Context) error {
	version, oldest, err := schemaVersion(ctx, s.pool, s.opts.Schema)
	switch {
	case err != nil:
		return failure("New", err)
	case version < latest:
		return fmt.Errorf("pgstore: the tables in schema %q are of version %d, and this library needs %d: set Options.Migrate, or call Migrate once", s.opts.Schema, version, latest)
	case version > latest && oldest > latest:
		return fmt.Errorf("pgstore: the tables in schema %q are of version %d, which libraries that bring version %d or later may use; this one brings %d: use a later one", s.opts.Schema, version, oldest, latest)
	}
	var allowed bool
	err = s.pool.QueryRow(ctx, inSchema(schemaSQL, s.opts.Schema), inSchema(`{schema}`, s.opts.Schema)).Scan(&s.id, &s.secret, &allowed)
	switch {
	case err != nil:
		return failure("New", err)
	case !allowed:
		return fmt.Errorf("pgstore: this user may not write the tables in schema %q: GRANT SELECT, INSERT, UPDATE, DELETE on lro_operations and lro_owners to it", s.opts.Schema)
	}
	return nil
}

const schemaSQL = `
SELECT s.id, s.secret, (SELECT bool_and(has_table_privilege($1 || t, p))
	FROM unnest(array['.lro_operations', '.lro_owners']) t, unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE']) p)
FROM {schema}.lro_schema s`
