package lro_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"

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

// TestDeafHandlersKeepTheirSlot: a handler that ignores its context keeps the
// slot that it uses and no other, and its operation ends without it.
func TestDeafHandlersKeepTheirSlot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), func(_ context.Context, _ *printTask, req *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			if req.GetText() == "deaf" {
				time.Sleep(time.Hour)
			}
			time.Sleep(10 * time.Second)
			return &testpb.PrintResponse{}, nil
		}, &lro.Options{Capacity: 3}, &lro.MethodOptions{Timeout: 2 * time.Minute, CancelGrace: time.Minute})
		began := time.Now()
		late, cancelled := p.start("deaf", nil), p.start("deaf", nil)
		if err := p.Cancel(t.Context(), cancelled); err != nil {
			t.Fatal(err)
		}
		wantError(t, p.end(cancelled), codes.Canceled, "OPERATION_CANCELLED")
		if took := time.Since(began); took != time.Minute {
			t.Errorf("a cancelled operation whose handler is deaf ended after %v; want CancelGrace, 1m", took)
		}
		wantError(t, p.end(late), codes.DeadlineExceeded, "OPERATION_TIMEOUT")
		if took := time.Since(began); took < 2*time.Minute || took > 2*time.Minute+5*time.Second {
			t.Errorf("an operation whose handler is deaf to its timeout ended after %v; want 2m", took)
		}

		three := func() time.Duration {
			began := time.Now()
			var names []string
			for range 3 {
				names = append(names, p.start("", nil))
			}
			for _, name := range names {
				responseOf[*testpb.PrintResponse](t, p.end(name))
			}
			return time.Since(began)
		}
		if took := three(); took != 30*time.Second {
			t.Errorf("beside two deaf handlers, with three slots, three operations of 10 s took %v; want them one by one in the slot that is free", took)
		}
		time.Sleep(time.Hour)
		if took := three(); took != 10*time.Second {
			t.Errorf("after the deaf handlers had returned three operations of 10 s took %v; want all at once", took)
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
