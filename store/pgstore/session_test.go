package pgstore_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/longrunning-go/longrunning/store"
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
