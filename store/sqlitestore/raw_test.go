package sqlitestore_test

import (
	"database/sql"
	"fmt"
	"testing"

	_ "modernc.org/sqlite"
)

// rawDB opens the file as another application would, with one connection.
func rawDB(tb testing.TB, path string) *sql.DB {
	tb.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_busy_timeout=5000&_txlock=immediate&_synchronous=2&_pragma=cache_size(-8192)")
	if err != nil {
		tb.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	})
	return db
}

func prepare(tb testing.TB, db *sql.DB, query string) *sql.Stmt {
	tb.Helper()
	stmt, err := db.PrepareContext(tb.Context(), query)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = stmt.Close() })
	return stmt
}

func inTx(tb testing.TB, db *sql.DB, fn func(*sql.Tx)) {
	tb.Helper()
	tx, err := db.BeginTx(tb.Context(), nil)
	if err != nil {
		tb.Fatal(err)
	}
	fn(tx)
	if err := tx.Commit(); err != nil {
		tb.Fatal(err)
	}
}

// execute runs statements on the raw file.
func execute(tb testing.TB, db *sql.DB, query string, args ...any) {
	tb.Helper()
	if _, err := db.ExecContext(tb.Context(), query, args...); err != nil {
		tb.Fatalf("%v: %s", err, query)
	}
}

// fill writes done records by one statement, and answers their names.
func fill(tb testing.TB, path string, n int) []string {
	tb.Helper()
	const id = `printf('%08x-0000-7000-8000-000000000000', i)`
	execute(tb, rawDB(tb, path), `WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?)
		INSERT INTO operations (name, parent, id, method, request_id, version, epoch, create_time, update_time,
			end_time, deadline, expire_time, state, owner, released, retried, cancel_requested, deleted, metadata, response, request)
		SELECT 'projects/p/operations/' || `+id+`, 'projects/p', `+id+`, '/example.v1.Service/Method', '', 2, 1, 1, 2,
			2, 3, 4102444800000000, 4, '', 0, 0, 0, 0, zeroblob(100), zeroblob(300), zeroblob(300) FROM n`, n)
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("projects/p/operations/%08x-0000-7000-8000-000000000000", i)
	}
	return names
}

// fillRunning writes running records of one owner, the first of which is to be
// cancelled, and as many owners that run nothing.
func fillRunning(tb testing.TB, path string, n int) {
	tb.Helper()
	const id = `printf('f%07x-0000-7000-8000-000000000000', i)`
	db := rawDB(tb, path)
	execute(tb, db, `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO operations (name, parent, id, method, request_id, version, epoch, create_time, update_time,
			deadline, state, owner, released, retried, cancel_requested, deleted, metadata, request)
		SELECT 'projects/p/operations/' || `+id+`, 'projects/p', `+id+`, '/example.v1.Service/Method', '', 1, 1, 1, 2,
			4102444800000000, 2, 'owner', 0, 0, i = 1, 0, zeroblob(100), zeroblob(300) FROM n`, n)
	execute(tb, db, `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO owners (id, until, dead) SELECT printf('idle %d', i), 4102444800000000, i % 2 FROM n`, n)
}

// number answers the number that a query selects.
func number(tb testing.TB, db *sql.DB, query string) (n int) {
	tb.Helper()
	if err := db.QueryRowContext(tb.Context(), query).Scan(&n); err != nil {
		tb.Fatalf("%v: %s", err, query)
	}
	return n
}

// sound checks that nothing in the file is damaged.
func sound(tb testing.TB, db *sql.DB) {
	tb.Helper()
	var verdict string
	if err := db.QueryRowContext(tb.Context(), "PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		tb.Errorf("PRAGMA integrity_check: got %q and error %v, want ok", verdict, err)
	}
}
