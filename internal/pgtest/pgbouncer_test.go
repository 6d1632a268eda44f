//go:build pgbouncer

package pgtest_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/longrunning-go/longrunning/internal/pgtest"
)

func TestPgBouncer(t *testing.T) {
	t.Parallel()
	c := pgtest.New(t)
	pooler, err := c.PgBouncer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 2 {
			if err := pooler.Stop(); err != nil {
				t.Errorf("Stop, which may be repeated: got %v, want nil", err)
			}
		}
	})
	direct, one, two := setup(t, c.URL("postgres")), setup(t, pooler.URL("postgres")), setup(t, pooler.URL("postgres"))
	execute(t, one, "CREATE TABLE pooled ()")
	if !value[bool](t, direct, "SELECT to_regclass('pooled') IS NOT NULL") {
		t.Error("the pooler must stand before the cluster: got no table that was made through it")
	}
	const session = "SELECT pg_backend_pid()"
	simple := pgx.QueryExecModeSimpleProtocol
	if a, b := value[int](t, one, session, simple), value[int](t, two, session, simple); a != b {
		t.Errorf("two idle clients must share a session in transaction mode: got sessions %d and %d", a, b)
	}
	tx, err := one.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a, b := value[int](t, one, session, simple), value[int](t, two, session, simple)
	if a == b {
		t.Errorf("a transaction must have its session alone: got session %d for another client too", a)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
}
