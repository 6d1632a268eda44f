package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// ErrMissing says that the machine has no Postgres that we can start. Tests that
// need one are skipped then.
var ErrMissing = errors.New("pgtest: no Postgres found")

// Required reports whether LRO_TEST_REQUIRE demands a Postgres, so that nothing may
// be skipped without one.
func Required() bool {
	return slices.Contains(strings.Split(os.Getenv("LRO_TEST_REQUIRE"), ","), "postgres")
}

// shared is the cluster of Database, started by its first call. The lock is
// held while it starts, since no other caller could go on without it.
//
//nolint:gochecknoglobals // the tests of a process share one cluster, and know nothing of each other
var shared struct {
	sync.Mutex
	cluster *Cluster
	err     error // why it did not start; it is not tried again
}

// Database answers the URL of a fresh, empty database. It is dropped when the
// test ends, even if somebody is still connected. The test is skipped, or
// fails, where there is no Postgres: see LRO_TEST_REQUIRE.
func Database(tb testing.TB) string {
	tb.Helper()
	server, err := sharedServer(tb.Context())
	need(tb, err)
	name, err := createDatabase(tb.Context(), server)
	need(tb, err)
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), time.Minute)
		defer cancel()
		if err := dropDatabase(ctx, server, name); err != nil {
			tb.Error(err)
		}
	})
	return databaseURL(server, name)
}

// New starts a cluster for one test, as [Start] does, and stops it when the
// test ends. The test is skipped, or fails, where Postgres is not installed:
// see LRO_TEST_REQUIRE.
func New(tb testing.TB, settings ...string) *Cluster {
	tb.Helper()
	c, err := Start(tb.Context(), settings...)
	need(tb, err)
	tb.Cleanup(func() {
		if err := c.Stop(); err != nil {
			tb.Error(err)
		}
	})
	return c
}

// Main is m, followed by [Stop]. A package that looks for leaked goroutines
// needs it: goleak.VerifyTestMain(pgtest.Main(m)). Any other may leave it out.
func Main(m *testing.M) interface{ Run() int } { return runner{m} }

type runner struct{ m *testing.M }

func (r runner) Run() int {
	code := r.m.Run()
	if err := Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(code, 1)
	}
	return code
}

// Stop stops the cluster that the tests of this process share, if one was
// started. The next [Database] starts another.
func Stop() error {
	shared.Lock()
	defer shared.Unlock()
	c := shared.cluster
	shared.cluster, shared.err = nil, nil
	if c == nil {
		return nil
	}
	return c.Stop()
}

// sharedServer answers the URL of a server on which databases can be made.
func sharedServer(ctx context.Context) (*url.URL, error) {
	if server := os.Getenv("LRO_TEST_POSTGRES_URL"); server != "" {
		return parseServer(server)
	}
	shared.Lock()
	defer shared.Unlock()
	if shared.cluster == nil && shared.err == nil {
		shared.cluster, shared.err = startIn(ctx, inMemory(), []string{"max_wal_size=256MB"})
	}
	if shared.err != nil {
		return nil, shared.err
	}
	return shared.cluster.server, nil
}

// need ends the test if err is set: it is skipped if Postgres is missing and
// not required.
func need(tb testing.TB, err error) {
	tb.Helper()
	switch {
	case err == nil:
	case !errors.Is(err, ErrMissing):
		tb.Fatal(err)
	case Required():
		tb.Fatalf("LRO_TEST_REQUIRE demands postgres: %v", err)
	default:
		tb.Skip(err)
	}
}
