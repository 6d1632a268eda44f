package sqlitestore

import (
	"context"
	"crypto/rand"
	"database/sql/driver"
	"embed"
	"fmt"
	"io/fs"
	"os"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Migrate brings the schema of the file up to date, and makes the file where there
// is none. It may be called by any number of processes at the same time, and while
// stores are open on the file. A file of a newer schema is left as it is.
//
// It refuses what is no database, or is one of another application.
func Migrate(ctx context.Context, path string) error {
	f, err := newFile(path, new(Options).withDefaults())
	if err != nil {
		return err
	}
	return f.migrate(ctx)
}

func (f *file) migrate(ctx context.Context) error {
	// Before SQLite makes it for all to read: requests and responses lie there.
	if made, err := os.OpenFile(f.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err == nil {
		if err := made.Close(); err != nil {
			return f.failed("make", err)
		}
	}
	c, err := f.open(ctx, creating)
	if err != nil {
		return f.failed("open", err)
	}
	err = f.migrateWith(ctx, c)
	if closeErr := c.close(); err == nil && closeErr != nil {
		return f.failed("close", closeErr)
	}
	return err
}

func (f *file) migrateWith(ctx context.Context, c *conn) error {
	// Nothing of a foreign file may change, its journal mode neither.
	has, err := f.schema(ctx, c)
	if err != nil || has.version >= len(oldest()) {
		return err // nothing is left to do, and nobody to wait for
	}
	if err := f.useWAL(ctx, c); err != nil {
		return err
	}
	if err := begin(ctx, c, f.busy); err != nil {
		return f.failed("migrate", err)
	}
	if err := f.upgrade(ctx, c); err != nil {
		_ = rollback(ctx, c) // SQLite may have done it already
		return err
	}
	if _, err := c.exec(ctx, "COMMIT"); err != nil {
		_ = rollback(ctx, c)
		return f.failed("migrate", err)
	}
	return nil
}

// upgrade applies the migrations that the file lacks. It runs in a transaction.
func (f *file) upgrade(ctx context.Context, c *conn) error {
	has, err := f.schema(ctx, c)
	if err != nil {
		return err
	}
	steps, err := migrations()
	if err != nil {
		return err
	}
	for i := has.version; i < len(steps); i++ {
		if _, err := c.exec(ctx, steps[i]); err != nil {
			return f.failed(fmt.Sprintf("migrate to schema %d", i+1), err)
		}
	}
	if has.version >= len(steps) {
		return nil
	}
	return f.record(ctx, c, schema{version: len(steps), oldest: oldest()[len(steps)-1]})
}

// record notes in the file what schema it has, and gives it its secret.
func (f *file) record(ctx context.Context, c *conn, s schema) error {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails: see crypto/rand
	for _, note := range []struct {
		sql  string
		args []driver.Value
	}{
		{fmt.Sprintf("PRAGMA application_id = %d", applicationID), nil},
		{"CREATE TABLE IF NOT EXISTS schema_version (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, oldest INTEGER NOT NULL) STRICT", nil},
		{
			"INSERT INTO schema_version (id, version, oldest) VALUES (1, ?, ?) ON CONFLICT (id) DO UPDATE SET version = excluded.version, oldest = excluded.oldest",
			[]driver.Value{int64(s.version), int64(s.oldest)},
		},
		{"INSERT INTO secrets (id, secret) VALUES (1, ?) ON CONFLICT DO NOTHING", []driver.Value{secret}},
	} {
		if _, err := c.exec(ctx, note.sql, note.args...); err != nil {
			return f.failed("note the schema", err)
		}
	}
	return nil
}

// migrations answers the SQL that leads from each schema to the next.
func migrations() ([]string, error) {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql") // sorted
	if err != nil {
		return nil, err
	}
	steps := make([]string, len(names))
	for i, name := range names {
		text, err := migrationFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		steps[i] = string(text)
	}
	return steps, nil
}
