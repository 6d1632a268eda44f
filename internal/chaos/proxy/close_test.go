package proxy_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/longrunning-go/longrunning/internal/chaos/proxy"
)

// Close returns although connections are held; that nothing of them is left is
// what TestMain looks for.
func TestClose(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		strike func(*proxy.Proxy)
	}{
		{"plain", func(*proxy.Proxy) {}},
		{"delayed", func(p *proxy.Proxy) { p.Delay(time.Hour, time.Hour) }},
		{"half-open", func(p *proxy.Proxy) { p.HalfOpen(time.Hour) }},
		{"delayed, then half-open", func(p *proxy.Proxy) { p.Delay(time.Hour, time.Hour); p.HalfOpen(time.Hour) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := setup(t)
			idle, busy := r.conn(t), r.conn(t)
			test.strike(r.Proxy)
			failed := make(chan error, 1)
			go func() {
				_, err := busy.Exec(context.WithoutCancel(t.Context()), `SELECT pg_sleep(60)`)
				failed <- err
			}()
			var wg sync.WaitGroup
			for range 2 {
				wg.Go(func() {
					if err := r.Close(); err != nil {
						t.Errorf("Close answered %v", err)
					}
				})
			}
			wg.Wait()
			if err := <-failed; err == nil {
				t.Error("a query survived Close")
			}
			if _, err := idle.Exec(t.Context(), `SELECT 1`); err == nil {
				t.Error("a connection survived Close")
			}
			if conn, err := pgx.Connect(t.Context(), r.through); err == nil {
				_ = conn.Close(t.Context())
				t.Error("a connection was made after Close")
			}
			if n := r.HalfOpen(0) + r.Cut(); n != 0 {
				t.Errorf("%d connections were left after Close", n)
			}
		})
	}
}
