package pgstore_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"github.com/longrunning-go/longrunning/internal/pgtest"
	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/pgstore"
	"github.com/longrunning-go/longrunning/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.Main(m)) }

// A database is a schema of its own in a real Postgres. Its clock can be moved: the
// sessions of its pools find a statement_timestamp of ours before Postgres's own.
type database struct {
	url    string
	pooled bool // behind a pooler, which takes no search_path: the database has it
	opts   pgstore.Options
	tb     testing.TB
}

const clock = `
CREATE SCHEMA %[1]s;
CREATE TABLE %[1]s.ahead (by interval NOT NULL);
INSERT INTO %[1]s.ahead VALUES ('0');
CREATE FUNCTION %[1]s.statement_timestamp() RETURNS timestamptz STABLE LANGUAGE sql
	AS 'SELECT pg_catalog.statement_timestamp() + (SELECT by FROM %[1]s.ahead)';`

// setup answers an empty database with a clock.
func setup(tb testing.TB) *database {
	tb.Helper()
	return within(tb, pgtest.Database(tb), "lro")
}

// within answers an empty schema with a clock, in a database.
func within(tb testing.TB, url, schema string) *database {
	tb.Helper()
	log := slog.New(slog.NewTextHandler(tb.Output(), nil))
	d := &database{url: url, tb: tb, opts: pgstore.Options{Schema: schema, Migrate: true, Logger: log}}
	script(tb, d.pool(tb), fmt.Sprintf(clock, d.clock()))
	return d
}

func (d *database) clock() string { return pgx.Identifier{d.opts.Schema + " clock"}.Sanitize() }

// pool answers a new pool, as one process would have it.
func (d *database) pool(tb testing.TB) *pgxpool.Pool {
	tb.Helper()
	config, err := pgxpool.ParseConfig(d.url)
	must(tb, err)
	if !d.pooled {
		config.ConnConfig.RuntimeParams["search_path"] = d.clock() + ", pg_catalog"
	}
	pool, err := pgxpool.NewWithConfig(tb.Context(), config)
	must(tb, err)
	tb.Cleanup(pool.Close)
	return pool
}

// open answers the store of a new process.
func (d *database) open(tb testing.TB) *pgstore.Store {
	tb.Helper()
	return d.openOn(tb, d.pool(tb))
}

// openOn answers a store that shares pool with the test.
func (d *database) openOn(tb testing.TB, pool *pgxpool.Pool) *pgstore.Store {
	tb.Helper()
	st, err := pgstore.New(tb.Context(), pool, &d.opts)
	must(tb, err)
	tb.Cleanup(st.Close)
	return st
}

// Open implements storetest.Database.
func (d *database) Open(tb testing.TB) store.Store {
	tb.Helper()
	return d.open(tb)
}

// Advance implements storetest.Database.
func (d *database) Advance(by time.Duration) {
	pool := d.pool(d.tb)
	defer pool.Close()
	script(d.tb, pool, fmt.Sprintf(`UPDATE %s.ahead SET by = by + interval '%d microseconds'`, d.clock(), by.Microseconds()))
}

// inMode answers the URL for one of pgx's ways to send a statement.
func inMode(url, mode string) string {
	return url + map[bool]string{true: "&", false: "?"}[strings.Contains(url, "?")] + "default_query_exec_mode=" + mode
}

func script(tb testing.TB, pool *pgxpool.Pool, sql string) {
	tb.Helper()
	conn, err := pool.Acquire(context.WithoutCancel(tb.Context()))
	must(tb, err)
	defer conn.Release()
	_, err = conn.Conn().PgConn().Exec(context.WithoutCancel(tb.Context()), sql).ReadAll()
	must(tb, err)
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// Every case has a schema of its own, since a database of its own takes Postgres
// much longer. The names must be quoted.
func TestContract(t *testing.T) {
	t.Parallel()
	url := collated(t, pgtest.Database(t))
	var schemas atomic.Int64
	storetest.Run(t, storetest.Harness{New: func(tb testing.TB) storetest.Database {
		tb.Helper()
		return within(tb, url, fmt.Sprintf(`Case "%d"`, schemas.Add(1)))
	}})
}

// collated answers a database of the server whose order of texts is not that of
// their bytes, which must make no difference.
func collated(t *testing.T, url string) string {
	t.Helper()
	config, err := pgxpool.ParseConfig(url)
	must(t, err)
	name := config.ConnConfig.Database + "_icu"
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	must(t, err)
	defer pool.Close()
	if _, err := pool.Exec(t.Context(), `CREATE DATABASE `+name+` TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'`); err != nil {
		t.Logf("the server has no ICU, so texts are ordered by their bytes: %v", err)
		return url
	}
	t.Cleanup(func() {
		pool, err := pgxpool.New(context.WithoutCancel(t.Context()), url)
		must(t, err)
		defer pool.Close()
		_, err = pool.Exec(context.WithoutCancel(t.Context()), `DROP DATABASE `+name+` WITH (FORCE)`)
		must(t, err)
	})
	return strings.Replace(url, config.ConnConfig.Database, name, 1)
}
