package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/longrunning-go/longrunning/store/sqlitestore"
)

const sqlitePrefix = "sqlite:"

// SQLite is a temporary folder of files, which should lie on a disk: see TMPDIR.
// Writes wait for it.
type SQLite struct {
	dir  string
	made atomic.Int64
}

// NewSQLite makes the folder.
func NewSQLite() (*SQLite, error) {
	dir, err := os.MkdirTemp("", "lro-bench-")
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	return &SQLite{dir: dir}, nil
}

// Name implements [System].
func (s *SQLite) Name() string { return "sqlite" }

// Version implements [System].
func (s *SQLite) Version(ctx context.Context) (version string, err error) {
	err = sqliteDatabase(filepath.Join(s.dir, "version.db")).with(ctx, func(db *sql.DB) error {
		return db.QueryRowContext(ctx, "SELECT 'SQLite ' || sqlite_version()").Scan(&version)
	})
	return version, err
}

// New implements [System].
func (s *SQLite) New(ctx context.Context) (Database, error) {
	path := filepath.Join(s.dir, fmt.Sprintf("%d.db", s.made.Add(1)))
	return sqliteDatabase(path), sqlitestore.Migrate(ctx, path)
}

// Clear implements [System].
func (s *SQLite) Clear(context.Context) error {
	return errors.Join(os.RemoveAll(s.dir), os.Mkdir(s.dir, 0o700))
}

// Close implements [System].
func (s *SQLite) Close() error { return os.RemoveAll(s.dir) }

// A sqliteDatabase is its path.
type sqliteDatabase string

func (d sqliteDatabase) Address() string { return sqlitePrefix + string(d) }

func (d sqliteDatabase) Analyze(ctx context.Context) error {
	return d.with(ctx, func(db *sql.DB) error {
		_, err := db.ExecContext(ctx, "ANALYZE")
		return err
	})
}

// fillSQLite is fillPostgres for the numbers from ?1 to ?2.
const fillSQLite = `
INSERT INTO operations (name, parent, id, method, request_id, request, carrier,
	version, epoch, create_time, update_time, end_time, deadline, due_time, expire_time,
	state, owner, released, retried, cancel_requested, deleted, metadata, checkpoint, response, error)
WITH RECURSIVE numbers (i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM numbers WHERE i < ?2),
	made AS (
		SELECT i, printf('01990000-%08x-7000-8000-000000000000', i) AS id, i % 50 = 0 AS running,
			unixepoch() * 1000000 + i * 1000 AS at
		FROM numbers
	)
SELECT 'operations/' || id, '', id, '/bench.v1.Bench/Fill', '', zeroblob(400), NULL,
	2, 1, at, at, iif(running, NULL, at), at + 86400000000, NULL, iif(running, NULL, at + 2592000000000),
	iif(running, 2, 4), iif(running, 'somebody', ''), 0, 0, 0, 0,
	?3, NULL, iif(running, NULL, ?4), NULL
FROM made`

// Fill commits now and then, so that the log stays small.
func (d sqliteDatabase) Fill(ctx context.Context, n int) error {
	const each = 10_000
	return d.with(ctx, func(db *sql.DB) error {
		for from := 1; from <= n; from += each {
			if _, err := db.ExecContext(ctx, fillSQLite, from, min(n, from+each-1), metadata, response); err != nil {
				return err
			}
		}
		return nil
	})
}

func (d sqliteDatabase) with(ctx context.Context, fn func(*sql.DB) error) error {
	db, err := d.open(ctx, 1)
	if err != nil {
		return err
	}
	return errors.Join(fn(db), db.Close())
}

// open opens the file with the settings of sqlitestore.
func (d sqliteDatabase) open(ctx context.Context, conns int) (*sql.DB, error) {
	query := url.Values{
		"_pragma": {"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "cache_size(-8192)"},
		"_txlock": {"immediate"},
	}
	name := url.URL{Scheme: "file", Path: string(d), RawQuery: query.Encode()}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func openSQLite(ctx context.Context, path string, set Settings) (*Store, error) {
	st, err := sqlitestore.Open(ctx, path, &sqlitestore.Options{MaxBatch: set.MaxBatch})
	if err != nil {
		return nil, err
	}
	return &Store{st, st, st.Close}, nil
}
