package proxy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

const settings = `SELECT set_config('enable_seqscan', 'off', true)`

// A transaction is struck if it has written, and else is not.
func TestCutAfterCommit(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name       string
		statements []string
		struck     bool
	}{
		{name: "select", statements: []string{`SELECT * FROM t`, `SELECT id, 'insert_time' FROM t FOR UPDATE`, `SELECT 1 FROM t FOR NO KEY UPDATE`}},
		{name: "nothing to update", statements: []string{`UPDATE t SET v = 1 WHERE id = 99`, `DELETE FROM t WHERE id = 99`}},
		{name: "nothing to insert", statements: []string{`INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING`}},
		{name: "nothing updated by a select", statements: []string{`WITH w AS (UPDATE t SET v = 1 WHERE id = 99 RETURNING id) SELECT * FROM w`}},
		{name: "nothing counted by a select", statements: []string{`WITH w AS (DELETE FROM t WHERE id = 99 RETURNING id) SELECT count(*) FROM w`}},
		{name: "set", statements: []string{`SET LOCAL work_mem = '1MB'`, `;`}},
		{name: "after a rollback", statements: []string{`INSERT INTO t VALUES (3)`, `ROLLBACK`, `BEGIN`, `SELECT * FROM t`}},

		{name: "insert", statements: []string{`INSERT INTO t VALUES (2)`}, struck: true},
		{name: "update", statements: []string{`UPDATE t SET v = 1`, `SELECT * FROM t`, `DELETE FROM t WHERE id = 99`}, struck: true},
		{name: "delete", statements: []string{`DELETE FROM t`}, struck: true},
		{name: "select that inserts", statements: []string{`WITH w AS (INSERT INTO t VALUES (2) RETURNING id) SELECT * FROM w`}, struck: true},
		{name: "select that updates", statements: []string{`WITH w AS (UPDATE t SET v = 1 RETURNING id) SELECT count(*) FROM w`}, struck: true},
		{name: "select that deletes", statements: []string{`with w as (delete from t returning id) select * from w`}, struck: true},
		{name: "savepoint", statements: []string{`SAVEPOINT s`, `INSERT INTO t VALUES (2)`, `RELEASE SAVEPOINT s`}, struck: true},
		{name: "after a rollback to", statements: []string{`INSERT INTO t VALUES (2)`, `SAVEPOINT s`, `SELECT 1`, `ROLLBACK TO SAVEPOINT s`}, struck: true},
	} {
		for how, run := range map[string]func(*testing.T, *pgx.Conn, []string) error{
			"one by one": oneByOne(pgx.QueryExecModeCacheStatement), "unprepared": oneByOne(pgx.QueryExecModeExec),
			"simple": oneByOne(pgx.QueryExecModeSimpleProtocol), "pipeline": pipelined, "without BEGIN": implicit,
		} {
			if how == "without BEGIN" && slices.ContainsFunc(test.statements, func(sql string) bool { return strings.Contains(sql, "ROLLBACK") || strings.Contains(sql, "SAVEPOINT") }) {
				continue // these want a transaction block
			}
			t.Run(test.name+", "+how, func(t *testing.T) {
				t.Parallel()
				r := setup(t)
				conn, past := r.conn(t), r.past(t)
				state := `SELECT coalesce(sum(100 * id + v), 0)::int FROM t`
				before := ask(t, past, state)
				r.CutAfterCommit()
				exec(t, conn, `SELECT * FROM t`, `UPDATE t SET v = 1 WHERE id = 99`, `BEGIN`, settings, `COMMIT`)
				// An error makes the server skip what the proxy has seen the client say.
				if err := run(t, conn, []string{settings, `SELECT 1/0`, `INSERT INTO t VALUES (4)`}); err == nil {
					t.Fatal("got no error of the server")
				}
				exec(t, conn, `ROLLBACK`)
				if got := r.Struck().AfterCommit; got != 0 {
					t.Fatalf("%d connections were struck before the transaction", got)
				}
				err := run(t, conn, append([]string{settings}, test.statements...))
				after := ask(t, past, state)
				if !test.struck {
					if got := r.Struck().AfterCommit; got != 0 || err != nil {
						t.Errorf("a transaction that wrote nothing: %d connections were struck, COMMIT answered %v", got, err)
					}
					return
				}
				if got := r.Struck().AfterCommit; got != 1 || err == nil || !conn.IsClosed() {
					t.Errorf("a transaction that wrote: %d connections were struck, COMMIT answered %v, closed: %v; want 1, an error and true", got, err, conn.IsClosed())
				}
				if after == before {
					t.Error("the connection was cut before its transaction was committed; want after")
				}
				next := r.conn(t)
				exec(t, next, `BEGIN`, `INSERT INTO t VALUES (5)`, `COMMIT`)
			})
		}
	}
}

// oneByOne answers the error of the first failure, all of which but that of COMMIT
// or of a division end the test.
func oneByOne(mode pgx.QueryExecMode) func(*testing.T, *pgx.Conn, []string) error {
	return func(t *testing.T, conn *pgx.Conn, statements []string) error {
		t.Helper()
		exec(t, conn, `BEGIN`)
		for _, sql := range statements {
			rows, _ := conn.Query(t.Context(), sql, mode)
			rows.Close()
			if err := rows.Err(); err != nil {
				if sql != `SELECT 1/0` {
					t.Fatalf("%s answered %v", sql, err)
				}
				return err
			}
		}
		_, err := conn.Exec(t.Context(), `COMMIT`, mode)
		return err
	}
}

// pipelined sends all in one go. The answers that come before that of COMMIT must
// arrive.
func pipelined(t *testing.T, conn *pgx.Conn, statements []string) error {
	t.Helper()
	return send(t, conn, append([]string{`BEGIN`}, statements...), `COMMIT`)
}

// implicit sends all in one go, as pgstore does: what is sent so is a transaction.
func implicit(t *testing.T, conn *pgx.Conn, statements []string) error {
	t.Helper()
	return send(t, conn, statements)
}

func send(t *testing.T, conn *pgx.Conn, statements []string, last ...string) error {
	t.Helper()
	batch := &pgx.Batch{}
	for _, sql := range append(statements, last...) {
		batch.Queue(sql)
	}
	results := conn.SendBatch(t.Context(), batch)
	defer results.Close()
	for _, sql := range statements {
		rows, err := results.Query()
		if err == nil {
			rows.Close()
			err = rows.Err()
		}
		if err != nil {
			if sql != `SELECT 1/0` {
				t.Fatalf("%s in a pipeline answered %v", sql, err)
			}
			return err
		}
	}
	return results.Close()
}
