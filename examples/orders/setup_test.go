package main

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/longrunning-go/longrunning/internal/pgtest"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store/pgstore"
)

// TestMain lets the test binary be a shop, for the test that kills one.
func TestMain(m *testing.M) {
	if url := os.Getenv("ORDERS_KILLED"); url != "" {
		killed(context.Background(), url)
		return
	}
	os.Exit(pgtest.Main(m).Run())
}

// A program is a shop with its Manager, and what a test looks at it with.
type program struct {
	*shop
	m     *lro.Manager
	close func()
}

// open makes a program that does not run yet. The fault is that of its
// connections; nil is none.
func open(ctx context.Context, url string, f *fault) (*program, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	if f != nil {
		config.ConnConfig.Tracer = f
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	st, err := pgstore.New(ctx, pool, &pgstore.Options{Migrate: true})
	if err != nil {
		pool.Close()
		return nil, err
	}
	p := &program{close: func() { st.Close(); pool.Close() }}
	p.m, err = lro.New(st, &lro.Options{LeaseTTL: time.Second, Logger: slog.New(slog.DiscardHandler)})
	if err == nil {
		p.shop, err = newShop(ctx, p.m, pool)
	}
	return p, err
}

// setup is open for the length of a test.
func setup(t *testing.T, url string, f *fault) *program {
	t.Helper()
	p, err := open(t.Context(), url, f)
	must(t, err)
	t.Cleanup(p.close)
	return p
}

// run runs p for the rest of the test.
func (p *program) run(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ran := make(chan error, 1)
	go func() { ran <- p.m.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		must(t, <-ran)
	})
}

// operations answers all there are.
func (p *program) operations(t *testing.T) []*longrunningpb.Operation {
	t.Helper()
	var all []*longrunningpb.Operation
	for op, err := range p.m.List(t.Context(), "", nil) {
		must(t, err)
		all = append(all, op)
	}
	return all
}

// want checks what is in the tables: how many orders there are, the parcel of
// the last one, "" if it has none, and how many teapots are left.
func (p *program) want(t *testing.T, when string, orders int, parcel string, onHand int) {
	t.Helper()
	var got struct {
		orders, onHand int
		parcel         string
	}
	must(t, p.pool.QueryRow(t.Context(), `
		SELECT (SELECT count(*) FROM orders), coalesce((SELECT parcel FROM orders ORDER BY id DESC LIMIT 1), ''), on_hand
		FROM stock WHERE item = 'teapot'`).Scan(&got.orders, &got.parcel, &got.onHand))
	if got.orders != orders || got.parcel != parcel || got.onHand != onHand {
		t.Errorf("%s: got %d orders, parcel %q, %d on hand, want %d, %q, %d", when, got.orders, got.parcel, got.onHand, orders, parcel, onHand)
	}
}

// A fault strikes once: when a transaction is to be committed that has run a
// statement of this beginning.
type fault struct {
	statement string
	strike    func(context.Context) context.Context // answers that of the commit

	mu    sync.Mutex
	armed *pgx.Conn
	once  sync.Once
}

// TraceQueryStart implements pgx.QueryTracer.
func (f *fault) TraceQueryStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case strings.HasPrefix(data.SQL, f.statement):
		f.armed = conn
	case data.SQL == "commit" && f.armed == conn:
		f.once.Do(func() { ctx = f.strike(ctx) })
	}
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (f *fault) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// lost is a commit that never reaches the server, which then rolls back.
func lost(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return ctx
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
