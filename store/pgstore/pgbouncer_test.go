//go:build pgbouncer

package pgstore_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/longrunning-go/longrunning/internal/pgtest"
	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/storetest"
)

// TestPgBouncerContract runs the suite through a real pooler in transaction mode.
// Hints are polls there: they keep every rule but the one on what sends none.
func TestPgBouncerContract(t *testing.T) {
	t.Parallel()
	cluster := pgtest.New(t)
	bouncer, err := cluster.PgBouncer(t.Context())
	must(t, err)
	t.Cleanup(func() { must(t, bouncer.Stop()) })
	for _, v := range storetest.Check(t, storetest.Harness{New: func(tb testing.TB) storetest.Database {
		return behind(tb, cluster, bouncer)
	}}) {
		if v.Rule != "A write of metadata or of a checkpoint sends no hint." {
			t.Error(v)
		}
	}
}

// What a store sets must not stay with the sessions of a pooler, where others get
// them.
func TestPgBouncerSessions(t *testing.T) {
	t.Parallel()
	cluster := pgtest.New(t)
	bouncer, err := cluster.PgBouncer(t.Context())
	must(t, err)
	t.Cleanup(func() { must(t, bouncer.Stop()) })
	d := behind(t, cluster, bouncer)
	pool := d.pool(t)
	st := d.openOn(t, pool)
	for range 50 {
		_, err := st.Update(t.Context(), ended(create(t, st, draft(store.External))))
		must(t, err)
		var seqscan, timeout string
		must(t, pool.QueryRow(t.Context(), `SELECT current_setting('enable_seqscan'), current_setting('lock_timeout')`).Scan(&seqscan, &timeout))
		if seqscan != "on" || timeout != "0" {
			t.Fatalf("a session of the application has enable_seqscan %q and lock_timeout %q; want those of the server, on and 0", seqscan, timeout)
		}
	}
}

// TestPgBouncerProtocols runs the suite in the modes of pgx that poolers may need.
func TestPgBouncerProtocols(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"exec", "simple_protocol"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			url := inMode(pgtest.Database(t), mode)
			var schemas atomic.Int64
			storetest.Run(t, storetest.Harness{New: func(tb testing.TB) storetest.Database {
				return within(tb, url, fmt.Sprint("case ", schemas.Add(1)))
			}})
		})
	}
}

// behind answers a database of its own behind the pooler, with a clock.
func behind(tb testing.TB, cluster *pgtest.Cluster, bouncer *pgtest.PgBouncer) *database {
	tb.Helper()
	url, err := cluster.CreateDatabase(tb.Context())
	must(tb, err)
	d := within(tb, url, "lro")
	config, err := pgxpool.ParseConfig(url)
	must(tb, err)
	name := config.ConnConfig.Database
	script(tb, d.pool(tb), fmt.Sprintf(`ALTER DATABASE %s SET search_path = %s, pg_catalog`, pgx.Identifier{name}.Sanitize(), d.clock()))
	d.pooled, d.url = true, inMode(bouncer.URL(name), "exec")
	return d
}
