package pgstore_test

import (
	"context"
	"errors"
	"fmt"
	"net"
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

// What the application has made of its sessions does not matter, whether the store
// may keep connections of its own or a hook touches each between two uses.
func TestSessions(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"default_transaction_isolation": "serializable",
		"default_transaction_read_only": "on",
		"synchronous_commit":            "off",
		"plan_cache_mode":               "force_custom_plan",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			meets(t, func(config *pgxpool.Config) { config.ConnConfig.RuntimeParams[name] = value })
		})
		t.Run(name+" at each use", func(t *testing.T) {
			t.Parallel()
			meets(t, func(config *pgxpool.Config) {
				config.PrepareConn = func(ctx context.Context, conn *pgx.Conn) (bool, error) {
					_, err := conn.Exec(ctx, `SELECT set_config($1, $2, false)`, name, value)
					return err == nil, err
				}
			})
		})
	}
}

// meets lets two stores on a pool that change has changed meet on the same records.
func meets(t *testing.T, change func(*pgxpool.Config)) {
	t.Helper()
	d := setup(t)
	d.open(t) // which migrates
	config := d.pool(t).Config()
	change(config)
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	must(t, err)
	t.Cleanup(pool.Close)
	stores := []store.Store{d.openOn(t, pool), d.openOn(t, pool)}
	_, err = stores[0].Heartbeat(t.Context(), "owner", time.Minute)
	must(t, err)
	requested := func() *store.Record {
		return edited(draft(store.External), func(r *store.Record) { r.RequestID = "request" })
	}
	rec := create(t, stores[0], requested())
	for range 64 {
		create(t, stores[1], draft(store.Pending))
	}
	var wg sync.WaitGroup
	var won, claimed atomic.Int64
	for i := range 64 {
		wg.Go(func() {
			st := stores[i%2]
			switch _, updateErr := st.Update(t.Context(), ended(rec)); {
			case updateErr == nil:
				won.Add(1)
			case !errors.Is(updateErr, store.ErrConflict):
				t.Errorf("an Update beside others: got error %v, want none or ErrConflict", updateErr)
			}
			if got, err := st.Create(t.Context(), requested()); err != nil || got.Name != rec.Name {
				t.Errorf("a repeated Create answers %v, %v; want %q", got, err, rec.Name)
			}
			recs, claimErr := st.Claim(t.Context(), &store.Claim{Owner: "owner", Methods: []string{"/m"}, Limit: 1, Adopt: true})
			if claimErr != nil {
				t.Errorf("a Claim beside others: got error %v, want none", claimErr)
			}
			claimed.Add(int64(len(recs)))
			if _, err := st.Expire(t.Context(), 10); err != nil {
				t.Errorf("Expire: got error %v, want none", err)
			}
		})
	}
	wg.Wait()
	if got := won.Load(); got != 1 {
		t.Errorf("%d Updates of one version succeeded, want 1", got)
	}
	recs, err := stores[0].List(t.Context(), &store.Query{Owner: "owner", Limit: 100})
	if err != nil || int64(len(recs)) != claimed.Load() || len(recs) == 0 {
		t.Errorf("%d records were claimed, and the owner has %d, %v; want as many, and some", claimed.Load(), len(recs), err)
	}
}

// What fails at the commit is told from what a statement refuses, in whichever way
// pgx sends it: a limit there, such as that of the queue of notifications, is no
// fault of the record.
func TestLimitAtCommit(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"cache_statement", "cache_describe", "describe_exec", "exec", "simple_protocol"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			d := setup(t)
			d.url = inMode(d.url, mode)
			st := d.open(t)
			script(t, d.pool(t), `
				CREATE FUNCTION lro.late() RETURNS trigger LANGUAGE plpgsql AS
					$$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'program_limit_exceeded'; END $$;
				CREATE CONSTRAINT TRIGGER late AFTER INSERT ON lro.lro_operations
					DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lro.late()`)
			if _, err := st.Create(t.Context(), draft(store.External)); err == nil || errors.Is(err, store.ErrInvalid) {
				t.Errorf("Create: got error %v, want one that does not blame the record", err)
			}
		})
	}
}

// A write is acknowledged when it is on disk, also after the server was told, while
// the store was open, that commits need not wait.
func TestReload(t *testing.T) {
	t.Parallel()
	cluster := pgtest.New(t)
	url, err := cluster.CreateDatabase(t.Context())
	must(t, err)
	pool, err := pgxpool.New(t.Context(), url)
	must(t, err)
	defer pool.Close()
	configure := func(value string) {
		script(t, pool, `ALTER SYSTEM SET synchronous_commit = `+value)
		script(t, pool, `SELECT pg_reload_conf()`)
		for got := ""; got != value; {
			must(t, pool.QueryRow(t.Context(), `SELECT current_setting('synchronous_commit')`).Scan(&got))
		}
	}
	configure("on")
	st, err := pgstore.New(t.Context(), pool, &pgstore.Options{Migrate: true})
	must(t, err)
	defer st.Close()
	script(t, pool, `
		CREATE TABLE seen (setting text);
		CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS
			$$ BEGIN INSERT INTO public.seen VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$;
		CREATE TRIGGER see AFTER INSERT ON lro_operations FOR EACH ROW EXECUTE FUNCTION see()`)
	create(t, st, draft(store.External))
	configure("off")
	for range 50 {
		create(t, st, draft(store.External))
	}
	var lax int
	must(t, pool.QueryRow(t.Context(), `SELECT count(*) FROM seen WHERE setting = 'off'`).Scan(&lax))
	if lax > 0 {
		t.Errorf("%d of 51 Creates were committed without waiting for the disk", lax)
	}
}

// A mute connection swallows what is written from some moment on, as a network
// does that fails without a word.
type mute struct {
	net.Conn
	on atomic.Bool
}

func (m *mute) Write(b []byte) (int, error) {
	if m.on.Load() {
		return len(b), nil
	}
	return m.Conn.Write(b)
}

// Connections that fall silent as they are made cost their calls, and not the
// store's own connections for ever.
func TestSilence(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.opts.Timeout = 100 * time.Millisecond
	d.open(t) // which migrates
	config := d.pool(t).Config()
	var silent atomic.Bool
	dial := config.ConnConfig.DialFunc
	config.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		return &mute{Conn: conn}, err
	}
	config.AfterConnect = func(_ context.Context, conn *pgx.Conn) error {
		conn.PgConn().Conn().(*mute).on.Store(silent.Load())
		return nil
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	must(t, err)
	t.Cleanup(pool.Close)
	st := d.openOn(t, pool)
	beat := func() error { return errOf(st.Heartbeat(t.Context(), "owner", time.Minute)) }
	silent.Store(true)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if beat() == nil {
				t.Error("a Heartbeat on a connection that is silent succeeded")
			}
		})
	}
	wg.Wait()
	silent.Store(false)
	err = beat()
	for tries := 1; err != nil && tries < 5; tries++ {
		err = beat()
	}
	if err != nil {
		t.Errorf("when the network is back Heartbeat answers %v, want success", err)
	}
}

// What is answered is committed, also where the application has left the session in
// a transaction.
func TestOpenTransaction(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.open(t) // which migrates
	config := d.pool(t).Config()
	var open atomic.Bool
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		if !open.Load() {
			return nil
		}
		return errOf(conn.Exec(ctx, `BEGIN`))
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	must(t, err)
	t.Cleanup(pool.Close)
	st := d.openOn(t, pool)
	open.Store(true)
	rec := create(t, st, draft(store.External))
	if read(t.Context(), t, d.open(t), rec.Name) == nil {
		t.Error("Create answered a record, and nothing is stored")
	}
}

// The application may take on a role in its sessions that may see less than its user.
func TestRole(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.open(t) // which migrates
	pool := d.pool(t)
	role := "app_" + pool.Config().ConnConfig.Database
	script(t, pool, fmt.Sprintf(`
		CREATE ROLE %[1]s;
		GRANT USAGE ON SCHEMA lro, %[2]s TO %[1]s;
		GRANT SELECT ON %[2]s.ahead TO %[1]s;
		GRANT SELECT, INSERT, UPDATE, DELETE ON lro.lro_operations, lro.lro_owners TO %[1]s;
		GRANT SELECT ON lro.lro_schema TO %[1]s`, role, d.clock()))
	t.Cleanup(func() { script(t, pool, `DROP OWNED BY `+role+`; DROP ROLE `+role) })
	config := pool.Config()
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		return errOf(conn.Exec(ctx, `SET ROLE `+role))
	}
	d.opts.Migrate = false
	lesser, err := pgxpool.NewWithConfig(t.Context(), config)
	must(t, err)
	t.Cleanup(lesser.Close)
	st := d.openOn(t, lesser)
	_, err = st.Update(t.Context(), ended(create(t, st, draft(store.External))))
	must(t, err)
}
