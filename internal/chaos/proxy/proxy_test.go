package proxy_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/longrunning-go/longrunning/internal/chaos/proxy"
)

// Nothing that passes is changed, however large it is and however it is cut up.
func TestPasses(t *testing.T) {
	t.Parallel()
	r := setup(t)
	large := strings.Repeat("0123456789abcdef", 3<<20/16)
	var wg sync.WaitGroup
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
		conn := r.conn(t)
		wg.Go(func() {
			for range 3 {
				var got string
				if err := conn.QueryRow(t.Context(), `SELECT $1::text || 'z'`, mode, large).Scan(&got); err != nil || got != large+"z" {
					t.Errorf("mode %v: a text of 3 MB came back with %d bytes and error %v; want it as it was", mode, len(got), err)
				}
				rows, _ := conn.Query(t.Context(), `SELECT repeat('x', i) FROM generate_series(1, 2000) i`, mode)
				lengths, err := pgx.CollectRows(rows, pgx.RowTo[string])
				if err != nil || len(lengths) != 2000 {
					t.Errorf("mode %v: got %d rows and error %v; want 2000", mode, len(lengths), err)
				}
				for i, s := range lengths {
					if len(s) != i+1 {
						t.Errorf("mode %v: row %d has %d bytes; want %d", mode, i, len(s), i+1)
						return
					}
				}
				// An error makes the server skip what follows it.
				if _, err := conn.Exec(t.Context(), `SELECT 1/0`, mode); err == nil {
					t.Errorf("mode %v: got no error of the server", mode)
				}
			}
		})
	}
	wg.Wait()
	if got := r.Struck(); got != (proxy.Counts{}) {
		t.Errorf("nothing was armed and %+v was struck", got)
	}
}

// A client that would like TLS goes on without it.
func TestDeclinesTLS(t *testing.T) {
	t.Parallel()
	r := setup(t)
	url := strings.Replace(r.through, "sslmode=disable", "sslmode=prefer", 1)
	if n := ask(t, connect(t, url), `SELECT 7`); n != 7 {
		t.Errorf("got %d, want 7", n)
	}
	conn, err := pgx.Connect(t.Context(), strings.Replace(url, "prefer", "require", 1))
	if err == nil {
		_ = conn.Close(t.Context())
		t.Error("a client that requires TLS got a connection without")
	}
}

// The request to cancel a query comes on a connection of its own, and is no frame.
func TestCancelRequest(t *testing.T) {
	t.Parallel()
	r := setup(t)
	conn, past := r.conn(t), r.past(t)
	const sleeping = `SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND state = 'active'`
	pid := conn.PgConn().PID()
	failed := make(chan error, 1)
	go func() {
		_, err := conn.Exec(context.WithoutCancel(t.Context()), `SELECT pg_sleep(60)`)
		failed <- err
	}()
	eventually(t, 1, past, sleeping, pid)
	must(t, conn.PgConn().CancelRequest(t.Context()))
	if err := <-failed; err == nil || !strings.Contains(err.Error(), "57014") {
		t.Errorf("a cancelled query answered %v; want SQLSTATE 57014", err)
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	r := setup(t)
	if n := r.Cut(); n != 0 {
		t.Errorf("Cut broke %d connections before there were any", n)
	}
	conns := []*pgx.Conn{r.conn(t), r.conn(t), r.conn(t)}
	exec(t, conns[0], `BEGIN`, `INSERT INTO t VALUES (2)`)
	if n := r.Cut(); n != len(conns) {
		t.Errorf("Cut broke %d connections, want %d", n, len(conns))
	}
	for i, conn := range conns {
		if _, err := conn.Exec(t.Context(), `SELECT 1`); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("connection %d answers %v after Cut; want that it was reset", i, err)
		}
	}
	// The server has noticed too.
	eventually(t, 0, r.past(t), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND state LIKE 'idle in%'`)
	exec(t, r.conn(t), `INSERT INTO t VALUES (2)`)
}

// What the server says before it hangs up arrives.
func TestServerHangsUp(t *testing.T) {
	t.Parallel()
	r := setup(t)
	conn, past := r.conn(t), r.past(t)
	failed := make(chan error, 1)
	go func() {
		_, err := conn.Exec(context.WithoutCancel(t.Context()), `SELECT pg_sleep(60)`)
		failed <- err
	}()
	eventually(t, 1, past, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid = $1 AND state = 'active'`, conn.PgConn().PID())
	if err := <-failed; err == nil || !strings.Contains(err.Error(), "57P01") {
		t.Errorf("the query of a terminated backend answered %v; want SQLSTATE 57P01", err)
	}
}

// The server learns that a client has hung up, without a word even.
func TestClientHangsUp(t *testing.T) {
	t.Parallel()
	r := setup(t)
	conn, past := r.conn(t), r.past(t)
	exec(t, conn, `BEGIN`)
	must(t, conn.PgConn().Conn().Close())
	eventually(t, 0, past, `SELECT count(*) FROM pg_stat_activity WHERE pid = $1`, conn.PgConn().PID())
	if n := r.Cut(); n != 0 {
		t.Errorf("Cut broke %d connections that had ended", n)
	}
}

func TestDelay(t *testing.T) {
	t.Parallel()
	r := setup(t)
	old := r.conn(t)
	r.Delay(5*time.Millisecond, time.Hour)
	for _, conn := range []*pgx.Conn{old, r.conn(t)} {
		before := r.Struck().Delayed
		if n := ask(t, conn, `SELECT count(*) FROM (SELECT repeat('x', 1000) FROM generate_series(1, 100)) s`); n != 100 {
			t.Errorf("got %d through a delay, want 100", n)
		}
		if got := r.Struck().Delayed - before; got < 2 {
			t.Errorf("%d chunks of a question and its answer were delayed; want 2 or more", got)
		}
	}
	r.Delay(time.Hour, time.Hour)
	if _, err := old.Exec(soon(t), `SELECT 1`); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a query that is held for an hour answered %v; want a deadline that is exceeded", err)
	}
	if conn, err := pgx.Connect(soon(t), r.through); err == nil {
		_ = conn.Close(t.Context())
		t.Error("a connection that is held for an hour was made")
	}
	r.Delay(time.Hour, 0)
	before := r.Struck().Delayed
	exec(t, r.conn(t), `SELECT 1`)
	if got := r.Struck().Delayed - before; got != 0 {
		t.Errorf("%d chunks were delayed after the end of the delay", got)
	}
}

func TestRefuse(t *testing.T) {
	t.Parallel()
	r := setup(t)
	old := r.conn(t)
	r.Refuse(time.Hour)
	for range 2 {
		if conn, err := pgx.Connect(t.Context(), r.through); err == nil {
			_ = conn.Close(t.Context())
			t.Error("a connection was made while the proxy refuses them")
		}
	}
	if got := r.Struck().Refused; got < 2 {
		t.Errorf("Struck counts %d refused connections, want 2 or more", got)
	}
	exec(t, old, `SELECT 1`)
	r.Refuse(0)
	exec(t, r.conn(t), `SELECT 1`)
}

func TestLoseNotifications(t *testing.T) {
	t.Parallel()
	r := setup(t)
	listener, past := r.conn(t), r.past(t)
	exec(t, listener, `LISTEN news`)
	exec(t, past, `NOTIFY news, 'first'`)
	hear(t, listener, "first")
	r.LoseNotifications(time.Hour)
	lost := strings.Repeat("x", 7000)
	for range 20 {
		exec(t, past, `NOTIFY news, '`+lost+`'`)
		if n := ask(t, listener, `SELECT 5`); n != 5 {
			t.Errorf("got %d while notifications are lost, want 5", n)
		}
	}
	if n, err := listener.WaitForNotification(soon(t)); err == nil {
		t.Errorf("heard %.20q while notifications are lost", n.Payload)
	}
	if got := r.Struck().Notifications; got != 20 {
		t.Errorf("Struck counts %d lost notifications, want 20", got)
	}
	r.LoseNotifications(0)
	exec(t, past, `NOTIFY news, 'last'`)
	hear(t, listener, "last")
}

func hear(t *testing.T, conn *pgx.Conn, want string) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	n, err := conn.WaitForNotification(ctx)
	must(t, err)
	if n.Payload != want {
		t.Errorf("heard %.20q, want %q", n.Payload, want)
	}
}
