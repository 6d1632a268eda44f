package lrotest

import (
	"cmp"
	"io"
	"log/slog"
	"sync"
	"testing"

	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store"
)

// NewManager is [lro.New] for tests: an error ends tb, and two defaults differ.
// What the Manager logs, at every level, becomes part of tb's log, so that a test
// that fails shows it; after tb has ended it is dropped. And Options.DrainTimeout
// is no time at all: a test that ends cancels the handlers that still run, with
// cause [lro.ErrShutdown], instead of waiting for them.
//
// The store is the one to share: [NewStore], or any other. In a bubble of
// testing/synctest both are made inside.
func NewManager(tb testing.TB, s store.Store, opts *lro.Options) *lro.Manager {
	tb.Helper()
	var o lro.Options
	if opts != nil {
		o = *opts
	}
	o.DrainTimeout = cmp.Or(o.DrainTimeout, 1)
	if o.Logger == nil {
		o.Logger = loggerOf(tb)
	}
	m, err := lro.New(s, &o)
	if err != nil {
		tb.Fatalf("lrotest: NewManager: %v", err)
	}
	return m
}

// loggerOf answers a logger that writes to tb's log until tb ends.
func loggerOf(tb testing.TB) *slog.Logger {
	tb.Helper()
	out := &output{to: tb.Output()}
	tb.Cleanup(func() { out.close() })
	return slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// An output drops what comes after its end, when a test must not be written to: a
// handler that was left behind may still log.
type output struct {
	mu sync.Mutex
	to io.Writer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.to.Write(p)
}

func (o *output) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.to = io.Discard
}
