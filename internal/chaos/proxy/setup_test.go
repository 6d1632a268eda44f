package proxy_test

import (
	"context"
	"net"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/longrunning-go/longrunning/internal/chaos/proxy"
	"github.com/longrunning-go/longrunning/internal/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.Main(m)) }

// A rig is a proxy before an empty database.
type rig struct {
	*proxy.Proxy
	direct  string // the URL of the database
	through string // the same by way of the proxy
}

// setup answers a rig whose database has a table t with one row, 1.
func setup(t *testing.T) *rig {
	t.Helper()
	direct := pgtest.Database(t)
	config, err := pgx.ParseConfig(direct)
	must(t, err)
	p, err := proxy.Listen(t.Context(), net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port))))
	must(t, err)
	t.Cleanup(func() { must(t, p.Close()) })
	u, err := url.Parse(direct)
	must(t, err)
	u.Host = p.Addr()
	r := &rig{Proxy: p, direct: direct, through: u.String()}
	exec(t, r.past(t), `CREATE TABLE t (id int PRIMARY KEY, v int NOT NULL DEFAULT 0)`, `INSERT INTO t VALUES (1)`)
	return r
}

// conn answers a new connection by way of the proxy.
func (r *rig) conn(t *testing.T) *pgx.Conn {
	t.Helper()
	return connect(t, r.through)
}

// past answers a new connection that goes past the proxy.
func (r *rig) past(t *testing.T) *pgx.Conn {
	t.Helper()
	return connect(t, r.direct)
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	must(t, err)
	t.Cleanup(func() {
		ctx, stop := context.WithTimeout(context.WithoutCancel(t.Context()), time.Second)
		defer stop()
		_ = conn.Close(ctx)
	})
	return conn
}

func exec(t *testing.T, conn *pgx.Conn, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s answered %v", sql, err)
		}
	}
}

// ask answers the number that a query does.
func ask(t *testing.T, conn *pgx.Conn, sql string, args ...any) (n int) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
		t.Fatalf("%s answered %v", sql, err)
	}
	return n
}

// eventually asks until the answer is want.
func eventually(t *testing.T, want int, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	for {
		got := ask(t, conn, sql, args...)
		if got == want {
			return
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("%s answers %d for 20 s; want %d", sql, got, want)
		}
	}
}

// soon answers a context that is long for a query and short for a test.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 200*time.Millisecond)
	t.Cleanup(stop)
	return ctx
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
