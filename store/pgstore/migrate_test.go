package pgstore_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/longrunning-go/longrunning/internal/pgtest"
	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/pgstore"
)

// TestMigrateProcess is one of the processes of TestMigrateTogether.
func TestMigrateProcess(t *testing.T) {
	t.Parallel()
	url := os.Getenv("PGSTORE_TEST_MIGRATE")
	if url == "" {
		return // it is no test of its own
	}
	pool, err := pgxpool.New(t.Context(), url)
	must(t, err)
	defer pool.Close()
	st, err := pgstore.New(t.Context(), pool, &pgstore.Options{Migrate: true})
	must(t, err)
	st.Close()
}

func TestMigrateTogether(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestMigrateProcess$")
			cmd.Env = append(os.Environ(), "PGSTORE_TEST_MIGRATE="+url)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("one of ten processes: %v: %s", err, out)
			}
		})
	}
	wg.Wait()
	pool, err := pgxpool.New(t.Context(), url)
	must(t, err)
	defer pool.Close()
	st, err := pgstore.New(t.Context(), pool, nil)
	must(t, err)
	defer st.Close()
	create(t, st, draft(store.Pending))
}

// A schema of an older version keeps its records, and gets what is missing.
func TestMigrateOlder(t *testing.T) {
	t.Parallel()
	d := setup(t)
	pool := d.pool(t)
	d.opts.Migrate = false
	if _, err := pgstore.New(t.Context(), pool, &d.opts); err == nil || !strings.Contains(err.Error(), "Migrate") {
		t.Errorf("New without tables answers %v; want an error that says to migrate", err)
	}
	must(t, pgstore.MigrateTo(t.Context(), pool, &d.opts, 1))
	statement(t, pool, `INSERT INTO lro.lro_operations (name, parent, id, method, request_id, version, epoch, create_time, update_time,
		state, owner, released, retried, cancel_requested, deleted) VALUES ('operations/1', '', '1', '', '', 1, 0, now(), now(), 3, '', 0, 0, false, false)`)
	if _, err := pgstore.New(t.Context(), pool, &d.opts); err == nil || !strings.Contains(err.Error(), "are of version 1") {
		t.Errorf("New with old tables answers %v; want an error that names their version", err)
	}
	must(t, pgstore.Migrate(t.Context(), pool, &d.opts))
	must(t, pgstore.Migrate(t.Context(), pool, &d.opts)) // nothing is left to do
	st := d.openOn(t, pool)
	rec := read(t.Context(), t, st, "operations/1")
	if rec == nil {
		t.Fatal("the record is gone")
	}
	rec, err := st.Update(t.Context(), ended(rec))
	must(t, err)
	if err := breakIn(t, pool, `version = version - 1`, rec.Name); err == nil {
		t.Error("the migrated schema lets a version fall")
	}
}

func statement(t *testing.T, pool *pgxpool.Pool, sql string) {
	t.Helper()
	_, err := pool.Exec(t.Context(), sql)
	must(t, err)
}

// Migrate waits for a transaction that is open on the tables, and others do not
// wait for Migrate.
func TestMigrateBesideOthers(t *testing.T) {
	t.Parallel()
	d := setup(t)
	pool := d.pool(t)
	must(t, pgstore.MigrateTo(t.Context(), pool, &d.opts, 1))
	insert := `INSERT INTO lro.lro_owners VALUES ($1, now(), false)`
	_, tx := transact(t, pool, pgx.ReadCommitted)
	_, err := tx.Exec(t.Context(), insert, "open")
	must(t, err)
	migrated := make(chan error, 1)
	go func() { migrated <- pgstore.Migrate(t.Context(), pool, &d.opts) }()
	for waiting := false; !waiting; {
		must(t, pool.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'lro.lro_owners'::regclass)`).Scan(&waiting))
	}
	_, err = pool.Exec(t.Context(), insert, "other")
	must(t, err) // it comes through while the transaction is open
	must(t, tx.Commit(t.Context()))
	must(t, <-migrated)
	d.opts.Migrate = false
	d.openOn(t, pool)
}

func TestMigrateNewer(t *testing.T) {
	t.Parallel()
	for compatible, works := range map[int]bool{pgstore.Latest: true, pgstore.Latest + 1: false} {
		d := setup(t)
		pool := d.pool(t)
		d.open(t)
		statement(t, pool, fmt.Sprintf(`UPDATE lro.lro_schema SET version = %d, compatible = %d`, pgstore.Latest+1, compatible))
		st, err := pgstore.New(t.Context(), pool, &d.opts)
		if works != (err == nil) || err != nil && !strings.Contains(err.Error(), "use a later one") {
			t.Errorf("a schema for libraries of version %d and later: New answers %v", compatible, err)
		}
		if err == nil {
			create(t, st, draft(store.Pending))
			st.Close()
		}
	}
}

// breakIn sets columns of a record by hand.
func breakIn(t *testing.T, pool *pgxpool.Pool, set, name string) error {
	t.Helper()
	_, err := pool.Exec(t.Context(), `UPDATE lro.lro_operations SET `+set+` WHERE name = $1`, name)
	return err
}

// What the store would never write the database refuses, whoever writes.
func TestInvariants(t *testing.T) {
	t.Parallel()
	d := setup(t)
	st, pool := d.open(t), d.pool(t)
	open := create(t, st, draft(store.External))
	done := create(t, st, ended(draft(store.Done)))
	for _, set := range []string{
		`version = version - 1`, `epoch = epoch - 1`, `id = 'other'`, `parent = 'other'`, `method = 'other'`, `request_id = 'other'`,
		`name = 'other'`, `create_time = now()`, `request = 'x'`, `carrier = 'x'`, `deadline = now()`, `response = 'x'`, `error = 'x'`, `state = 2`, `owner = 'x'`, `state = 4`, `state = 0`,
	} {
		if err := breakIn(t, pool, set, open.Name); err == nil {
			t.Errorf("an operation that is open lets itself be changed by SET %s", set)
		}
	}
	for _, set := range []string{
		`response = 'other'`, `response = NULL`, `response = NULL, error = 'x'`, `error = 'x'`, `metadata = 'x'`, `checkpoint = 'x'`,
		`end_time = now()`, `epoch = 7`, `released = 7`, `retried = 7`, `cancel_requested = true`,
		`state = 3, response = NULL, end_time = NULL, expire_time = NULL`,
	} {
		if err := breakIn(t, pool, set, done.Name); err == nil {
			t.Errorf("a done operation lets itself be changed by SET %s", set)
		}
	}
	must(t, breakIn(t, pool, `deleted = true, expire_time = now(), version = version + 1`, done.Name))
	must(t, breakIn(t, pool, `state = 9, version = version + 1`, open.Name)) // of a later library
	if rec := read(t.Context(), t, st, open.Name); rec.State != 9 {
		t.Errorf("a state of a later library reads as %v", rec.State)
	}
	statement(t, pool, `INSERT INTO lro.lro_owners VALUES ('gone', now(), true)`)
	if _, err := pool.Exec(t.Context(), `UPDATE lro.lro_owners SET dead = false`); err == nil {
		t.Error("a dead owner can be revived")
	}
}
