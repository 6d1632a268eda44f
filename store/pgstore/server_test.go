package pgstore_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
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

	// A Store whose server is replaced by one that only reads.
	config := pool.Config()
	var demoted atomic.Bool
	config.BeforeConnect = func(_ context.Context, c *pgx.ConnConfig) error {
		if demoted.Load() {
			c.Port = replica.Config().ConnConfig.Port
		}
		return nil
	}
	moved, err := pgxpool.NewWithConfig(t.Context(), config)
	must(t, err)
	defer moved.Close()
	st, err := pgstore.New(t.Context(), moved, nil)
	must(t, err)
	defer st.Close()
	demoted.Store(true)
	if _, err := st.Create(t.Context(), draft(store.External)); err == nil || !strings.Contains(err.Error(), "standby") {
		t.Errorf("Create on a standby answers %v; want an error that says so", err)
	}
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
	rec := create(t, st, edited(draft(store.External), func(r *store.Record) { r.RequestID = "request" }))
	_, err = st.Update(t.Context(), ended(rec))
	must(t, err)
	if again := create(t, st, edited(draft(store.External), func(r *store.Record) { r.RequestID = "request" })); again.ID != rec.ID {
		t.Errorf("a repeated Create answers %s, want %s", again.ID, rec.ID)
	}
}

func errOf[T any](_ T, err error) error { return err }

// Whatever locks the tables, every call comes back.
func TestLockedTables(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.opts.Timeout = 100 * time.Millisecond
	st, pool := d.open(t), d.pool(t)
	rec := create(t, st, draft(store.External))
	_, tx := transact(t, pool, pgx.ReadCommitted)
	_, err := tx.Exec(t.Context(), `LOCK TABLE lro.lro_operations, lro.lro_owners IN ACCESS EXCLUSIVE MODE`)
	must(t, err)
	var wg sync.WaitGroup
	for what, call := range map[string]func(context.Context) error{
		"Create": func(ctx context.Context) error { return errOf(st.Create(ctx, draft(store.External))) },
		"Update": func(ctx context.Context) error { return errOf(st.Update(ctx, ended(rec))) },
		"stale": func(ctx context.Context) error {
			return errOf(st.Update(ctx, edited(rec, func(r *store.Record) { r.Version = 7 })))
		},
		"Get":  func(ctx context.Context) error { return errOf(st.Get(ctx, rec.Name)) },
		"List": func(ctx context.Context) error { return errOf(st.List(ctx, &store.Query{Limit: 1})) },
		"Claim": func(ctx context.Context) error {
			return errOf(st.Claim(ctx, &store.Claim{Owner: "o", Limit: 1, Adopt: true}))
		},
		"Heartbeat": func(ctx context.Context) error { return errOf(st.Heartbeat(ctx, "o", time.Hour)) },
		"Expire":    func(ctx context.Context) error { return errOf(st.Expire(ctx, 1)) },
	} {
		wg.Go(func() {
			callErr := call(t.Context())
			if callErr == nil || errors.Is(callErr, store.ErrInvalid) || errors.Is(callErr, store.ErrConflict) || errors.Is(callErr, store.ErrNotFound) {
				t.Errorf("%s of tables that are locked: got error %v, want one that is no sentinel", what, callErr)
			}
		})
	}
	wg.Wait()
	must(t, tx.Rollback(t.Context()))
	_, err = st.Update(t.Context(), ended(rec))
	must(t, err)
}

// What fails at the commit has not been written, and nobody is told otherwise.
func TestCommitFails(t *testing.T) {
	t.Parallel()
	d := setup(t)
	st, pool := d.open(t), d.pool(t)
	script(t, pool, `
		CREATE FUNCTION lro.late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF NEW.checkpoint = 'refused' THEN RAISE EXCEPTION 'no' USING ERRCODE = 'check_violation'; END IF;
			IF NEW.checkpoint = 'limit' THEN RAISE EXCEPTION 'no' USING ERRCODE = '54000'; END IF;
			RETURN NULL;
		END $$;
		CREATE CONSTRAINT TRIGGER late AFTER INSERT OR UPDATE ON lro.lro_operations
			DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lro.late()`)
	var wg sync.WaitGroup
	for i := range 64 {
		checkpoint := []string{"", "", "refused"}[i%3]
		wg.Go(func() {
			rec := create(t, st, draft(store.External))
			next := edited(ended(rec), func(r *store.Record) { r.Checkpoint = []byte(checkpoint) })
			got, err := st.Update(t.Context(), next)
			stored := read(t.Context(), t, st, rec.Name)
			switch {
			case checkpoint == "" && (err != nil || stored.State != store.Done || got.Version != stored.Version):
				t.Errorf("a good Update beside bad ones answers %v, %v; stored is %v", got, err, stored)
			case checkpoint != "" && (!errors.Is(err, store.ErrInvalid) || stored.State == store.Done):
				t.Errorf("an Update that is refused at the commit answers %v, %v; stored is %v; want ErrInvalid and the record as it was", got, err, stored)
			}
		})
	}
	wg.Wait()
	rec := edited(draft(store.External), func(r *store.Record) { r.Checkpoint = []byte("limit") })
	if _, err := st.Create(t.Context(), rec); err == nil || errors.Is(err, store.ErrInvalid) {
		t.Errorf("Create where a limit of the server fails the commit: got error %v, want one that does not blame the record", err)
	}
}

func TestTakenID(t *testing.T) {
	t.Parallel()
	st := setup(t).open(t)
	rec := create(t, st, draft(store.External))
	if _, err := st.Create(t.Context(), edited(draft(store.External), func(r *store.Record) { r.ID = rec.ID })); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("Create with the ID of another record: got error %v, want ErrInvalid", err)
	}
}

// More than one batch may carry, at once.
func TestLargeRecords(t *testing.T) {
	t.Parallel()
	st := setup(t).open(t)
	var wg sync.WaitGroup
	for range 24 {
		wg.Go(func() {
			rec := create(t, st, edited(draft(store.External), func(r *store.Record) { r.Request = make([]byte, 1<<20) }))
			_, err := st.Update(t.Context(), edited(ended(rec), func(r *store.Record) { r.Response = make([]byte, 1<<20) }))
			must(t, err)
		})
	}
	wg.Wait()
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
		"at most 63":       {Schema: strings.Repeat("é", 32)},
		"1ms to 1h":        {Timeout: 600 * time.Hour},
		"1 to 4096":        {MaxBatch: 5000},
	} {
		if _, err := pgstore.New(t.Context(), pool, opts); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New with a bad %s answers %v; want an error that names it", want, err)
		}
	}
}

// The longest name there may be, whose channel must be a name too.
func TestLongSchema(t *testing.T) {
	t.Parallel()
	d := within(t, pgtest.Database(t), strings.Repeat("é", 25)+"abcdefgh-schem"[:13])
	st := d.open(t)
	l := listen(t, st)
	create(t, st, draft(store.Pending))
	l.await("the hint of a Create", func(h store.Hint) bool { return h.Due && !h.All })
}

func TestClose(t *testing.T) {
	t.Parallel()
	d := setup(t)
	st, other := d.open(t), d.open(t)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			rec := draft(store.External)
			if _, err := st.Create(t.Context(), rec); err == nil && read(t.Context(), t, other, rec.Name) == nil {
				t.Error("a Create that succeeded beside Close is lost")
			}
		})
	}
	st.Close()
	wg.Wait()
	st.Close()
	for what, call := range map[string]func() error{
		"Create":    func() error { return errOf(st.Create(t.Context(), draft(store.External))) },
		"Update":    func() error { return errOf(st.Update(t.Context(), draft(store.External))) },
		"Get":       func() error { return errOf(st.Get(t.Context(), "operations/1")) },
		"List":      func() error { return errOf(st.List(t.Context(), &store.Query{Limit: 1})) },
		"Claim":     func() error { return errOf(st.Claim(t.Context(), &store.Claim{Owner: "o", Limit: 1})) },
		"Heartbeat": func() error { return errOf(st.Heartbeat(t.Context(), "o", time.Hour)) },
		"Expire":    func() error { return errOf(st.Expire(t.Context(), 1)) },
	} {
		if err := call(); err == nil || !strings.Contains(err.Error(), "closed") {
			t.Errorf("%s after Close answers %v; want an error that says so", what, err)
		}
	}
}
