package proxy_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestHalfOpen(t *testing.T) {
	t.Parallel()
	r := setup(t)
	past, busy, idle := r.past(t), r.conn(t), r.conn(t)
	exec(t, busy, `BEGIN`, `INSERT INTO t VALUES (2)`)
	pid := busy.PgConn().PID()
	if n := r.HalfOpen(time.Hour); n != 2 {
		t.Errorf("HalfOpen struck %d connections, want 2", n)
	}
	if n := r.HalfOpen(0); n != 0 {
		t.Errorf("HalfOpen struck %d black holes", n)
	}
	if _, err := busy.Exec(soon(t), `COMMIT`); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a query into a black hole answered %v; want a deadline that is exceeded", err)
	}
	// The client has hung up, and the server does not know.
	const there = `SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND state = 'idle in transaction'`
	exec(t, r.conn(t), `SELECT 1`)
	if n := ask(t, past, there, pid); n != 1 {
		t.Error("the server heard what was said into a black hole")
	}
	if n := r.Cut(); n < 2 {
		t.Errorf("Cut broke %d connections, want those in the black hole too", n)
	}
	eventually(t, 0, past, there, pid)
	if n := ask(t, past, `SELECT count(*) FROM t`); n != 1 {
		t.Errorf("t has %d rows, want 1: a COMMIT came out of a black hole", n)
	}
	if _, err := idle.Exec(t.Context(), `SELECT 1`); err == nil {
		t.Error("a connection answers after the end of the black hole")
	}
}

// A black hole ends by itself, by a cut, whether the server has spoken or not.
func TestHalfOpenEnds(t *testing.T) {
	t.Parallel()
	r := setup(t)
	waiting, asking := r.conn(t), r.conn(t)
	must(t, waiting.PgConn().Conn().SetReadDeadline(time.Now().Add(time.Minute)))
	if n := r.HalfOpen(100 * time.Millisecond); n != 2 {
		t.Errorf("HalfOpen struck %d connections, want 2", n)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	if _, err := asking.Exec(ctx, `INSERT INTO t VALUES (2)`); err == nil || ctx.Err() != nil {
		t.Errorf("a query into a black hole answered %v; want an error when that is over", err)
	}
	if n, err := waiting.PgConn().Conn().Read(make([]byte, 1)); n != 0 || err == nil || isTimeout(err) {
		t.Errorf("a connection in a black hole read %d bytes and error %v; want a cut when that is over", n, err)
	}
	if n := ask(t, r.conn(t), `SELECT count(*) FROM t`); n != 1 {
		t.Errorf("t has %d rows, want 1: an INSERT came out of a black hole", n)
	}
}

// A connection may become a black hole before its client has said anything.
func TestHalfOpenAtFirst(t *testing.T) {
	t.Parallel()
	r := setup(t)
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", r.Addr())
	must(t, err)
	defer conn.Close()
	answer := make([]byte, 1)
	_, err = conn.Write([]byte("\x00\x00\x00\x08\x04\xd2\x16\x2f")) // SSLRequest
	must(t, err)
	_, err = conn.Read(answer)
	must(t, err)
	if n := r.HalfOpen(time.Hour); n != 1 || answer[0] != 'N' {
		t.Errorf("got %q and %d connections struck; want N and 1", answer, n)
	}
	must(t, conn.SetReadDeadline(time.Now().Add(200*time.Millisecond)))
	if _, err := conn.Read(answer); !isTimeout(err) {
		t.Errorf("a connection in a black hole read %v; want silence", err)
	}
	if n := r.Cut(); n != 1 {
		t.Errorf("Cut broke %d connections, want 1", n)
	}
}

// What is held when a connection becomes a black hole is swallowed, and the black
// hole ends in its own time.
func TestHalfOpenWhileDelayed(t *testing.T) {
	t.Parallel()
	r := setup(t)
	conn, past := r.conn(t), r.past(t)
	exec(t, conn, `LISTEN news`)
	r.Delay(time.Hour, time.Hour)
	exec(t, past, `NOTIFY news`)
	failed := make(chan error, 1)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	go func() {
		_, err := conn.Exec(ctx, `INSERT INTO t VALUES (2)`, pgx.QueryExecModeSimpleProtocol)
		failed <- err
	}()
	for r.Struck().Delayed < 2 { // one chunk either way
		must(t, ctx.Err())
		exec(t, past, `SELECT pg_sleep(0.005)`)
	}
	if n := r.HalfOpen(time.Millisecond); n != 1 {
		t.Errorf("HalfOpen struck %d connections, want 1", n)
	}
	if err := <-failed; err == nil || ctx.Err() != nil {
		t.Errorf("a query that was delayed by an hour and then swallowed answered %v; want an error when the black hole is over", err)
	}
	if n := ask(t, past, `SELECT count(*) FROM t`); n != 1 {
		t.Errorf("t has %d rows, want 1: an INSERT came out of a black hole", n)
	}
}

func isTimeout(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout()
}
