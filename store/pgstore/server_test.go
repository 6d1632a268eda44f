package pgstore_test

import (
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/longrunning-go/longrunning/internal/pgtest"
	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/pgstore"
)

// A standby refuses to be written: New says so at once, and a Store whose server
// became one fails each call, clearly.
func TestStandby(t *testing.T) {
	t.Parallel()
	cluster := pgtest.New(t)
	url, err := cluster.CreateDatabase(t.Context())
	must(t, err)
	pool, err := pgxpool.New(t.Context(), url)
	must(t, err)
	defer pool.Close()
	must(t, pgstore.Migrate(t.Context(), pool, nil))
	standby, err := cluster.Standby(t.Context())
	must(t, err)
	defer func() { must(t, standby.Stop()) }()
	name := pool.Config().ConnConfig.Database
	replica, err := pgxpool.New(t.Context(), standby.URL(name))
	must(t, err)
	defer replica.Close()
	if _, err = pgstore.New(t.Context(), replica, nil); err == nil || !strings.Contains(err.Error(), "standby") {
		t.Errorf("New on a standby answers %v; want an error that says so", err)
	}
	if err = pgstore.Migrate(t.Context(), replica, nil); err == nil || !strings.Contains(err.Error(), "standby") {
		t.Errorf("Migrate on a standby answers %v; want an error that says so", err)
	}

	st, err := pgstore.New(t.Context(), pool, &pgstore.Options{Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	defer st.Close()
	rec := create(t, st, draft(store.External))
	must(t, err)
	_, err = pool.Exec(t.Context(), `ALTER SYSTEM SET default_transaction_read_only = on`)
	must(t, err)
	_, err = pool.Exec(t.Context(), `SELECT pg_reload_conf()`)
	must(t, err)
	_, err = st.Update(t.Context(), ended(rec)) // says READ WRITE
	must(t, err)
}

// After a restart of the server the store goes on by itself.
func TestRestart(t *testing.T) {
	t.Parallel()
	cluster := pgtest.New(t)
	url, err := cluster.CreateDatabase(t.Context())
	must(t, err)
	pool, err := pgxpool.New(t.Context(), url)
	must(t, err)
	defer pool.Close()
	st, err := pgstore.New(t.Context(), pool, &pgstore.Options{Migrate: true, Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	defer st.Close()
	l := listen(t, st)
	rec := create(t, st, draft(store.External))
	must(t, cluster.Restart(t.Context()))
	l.await("All and Due after the restart", everything)
	// What the pools still hold is dead: each connection may cost one call.
	for range 20 {
		if _, err = st.Update(t.Context(), ended(rec)); err == nil || errors.Is(err, store.ErrConflict) {
			break
		}
	}
	var recs []*store.Record
	for range 20 {
		if recs, err = st.Get(t.Context(), rec.Name); err == nil {
			break
		}
	}
	if err != nil || len(recs) != 1 || recs[0].State != store.Done {
		t.Errorf("after the restart Get answers %v, %v; want the record, and done", recs, err)
	}
}

// Heartbeats have a connection of their own: a pool that handlers have emptied
// costs no lease, and writes go on.
func TestBusyPool(t *testing.T) {
	t.Parallel()
	d := setup(t)
	pool := d.pool(t)
	st := d.openOn(t, pool)
	for range pool.Config().MaxConns {
		conn, err := pool.Acquire(t.Context())
		must(t, err)
		defer conn.Release()
	}
	_, err := st.Heartbeat(t.Context(), "owner", time.Minute)
	must(t, err)
	rec := create(t, st, draft(store.External))
	_, err = st.Update(t.Context(), ended(rec))
	must(t, err)
}

// The content of a row reaches no error, and no write that fails for it takes
// others along.
func TestErrorsTellNothing(t *testing.T) {
	t.Parallel()
	d := setup(t)
	st, pool := d.open(t), d.pool(t)
	script(t, pool, `
		ALTER TABLE lro.lro_operations ADD CHECK (method <> '/refused');
		CREATE FUNCTION lro.nosy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF NEW.method = '/nosy' THEN RAISE EXCEPTION 'found %', convert_from(NEW.metadata, 'UTF8'); END IF; RETURN NEW;
		END $$;
		CREATE TRIGGER nosy BEFORE INSERT ON lro.lro_operations FOR EACH ROW EXECUTE FUNCTION lro.nosy()`)
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			rec := draft(store.External)
			rec.Metadata = []byte("confidential")
			method := []string{"/m", "/refused", "/nosy"}[i%3]
			rec.Method = method
			_, err := st.Create(t.Context(), rec)
			switch {
			case method == "/m" && err != nil:
				t.Errorf("a good record among bad ones: got error %v, want none", err)
			case method == "/refused" && !errors.Is(err, store.ErrInvalid):
				t.Errorf("a record that a constraint refuses: got error %v, want ErrInvalid", err)
			case method == "/nosy" && err == nil:
				t.Error("a record that a trigger refuses was stored")
			case err != nil && strings.Contains(err.Error(), "confidential"):
				t.Errorf("the error tells what is stored: %v", err)
			}
		})
	}
	wg.Wait()
}

func TestOptions(t *testing.T) {
	t.Parallel()
	pool := setup(t).pool(t)
	for want, opts := range map[string]*pgstore.Options{
		"Options.Schema":   {Schema: strings.Repeat("x", 64)},
		"Options.MaxBatch": {MaxBatch: -1},
		"Options.Timeout":  {Timeout: -time.Second},
	} {
		if _, err := pgstore.New(t.Context(), pool, opts); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New with a bad %s answers %v; want an error that names it", want, err)
		}
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	d := setup(t)
	st := d.open(t)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			rec := draft(store.External)
			if _, err := st.Create(t.Context(), rec); err == nil && read(t.Context(), t, st, rec.Name) == nil {
				t.Error("a Create that succeeded beside Close is lost")
			}
		})
	}
	st.Close()
	wg.Wait()
	st.Close()
	if _, err := st.Create(t.Context(), draft(store.External)); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("Create after Close answers %v; want an error that says so", err)
	}
}
