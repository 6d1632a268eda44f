package lro_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// TestClaimsAndStartsShareSlots: Concurrency holds also while a claim is under way.
func TestClaimsAndStartsShareSlots(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared := memstore.New()
		f := &flaky{Store: shared}
		f.claim = func(ctx context.Context, c *store.Claim) ([]*store.Record, error) {
			time.Sleep(20 * time.Millisecond)
			recs, err := shared.Claim(ctx, c)
			time.Sleep(20 * time.Millisecond)
			return recs, err
		}
		var running, most atomic.Int64
		p := setup(t, f, func(context.Context, *printTask, *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			if n := running.Add(1); n > most.Load() {
				most.Store(n)
			}
			time.Sleep(100 * time.Millisecond)
			running.Add(-1)
			return &testpb.PrintResponse{}, nil
		}, nil, &lro.MethodOptions{Concurrency: 1})
		var names []string
		for range 100 {
			names = append(names, p.start("", nil))
			time.Sleep(30 * time.Millisecond)
		}
		for _, name := range names {
			p.end(name)
		}
		if most.Load() != 1 {
			t.Errorf("%d handlers at once; want Concurrency 1", most.Load())
		}
	})
}

// TestSuspectsTakeNoSlots: suspects that wait for their turn leave the slots to others.
func TestSuspectsTakeNoSlots(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared := memstore.New()
		l := newLink(shared)
		slow := func(ctx context.Context, _ *printTask, req *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			if req.GetText() == "suspect" {
				time.Sleep(5 * time.Minute)
			}
			return &testpb.PrintResponse{}, nil
		}
		dying := setup(t, l, slow, nil, &lro.MethodOptions{MaxAttempts: 2})
		for range 10 {
			dying.start("suspect", nil)
		}
		l.kill()
		heir := setup(t, shared, slow, &lro.Options{Capacity: 10}, &lro.MethodOptions{MaxAttempts: 2})
		time.Sleep(time.Minute)
		began := time.Now()
		heir.end(heir.start("healthy", nil))
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("1 of 10 slots runs a handler, and a new operation waited %v", took)
		}
		time.Sleep(2 * time.Hour) // all suspects end
	})
}
