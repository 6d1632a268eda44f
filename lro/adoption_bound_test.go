package lro_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// TestAdoptionByOneSurvivor: however many orphans a kill leaves, one survivor with
// free slots has taken them all within LeaseTTL, a sweep and a second. What it
// leaves to others costs no more than that.
func TestAdoptionByOneSurvivor(t *testing.T) {
	t.Parallel()
	for range 3 { // chance decides by how much it would be late
		t.Run("", func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, testAdoptionByOneSurvivor)
		})
	}
}

func testAdoptionByOneSurvivor(t *testing.T) {
	t.Helper()
	const orphans, bound = 1000, 15*time.Second + 2*time.Second + time.Second
	shared := memstore.New()
	var mu sync.Mutex
	var adopted []time.Time
	all := make(chan struct{})
	setup(t, shared, func(ctx context.Context, _ *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
		mu.Lock()
		if adopted = append(adopted, time.Now()); len(adopted) == orphans {
			close(all)
		}
		mu.Unlock()
		<-ctx.Done()
		return nil, ctx.Err()
	}, &lro.Options{Capacity: orphans}, nil)
	time.Sleep(time.Minute)
	l := newLink(shared)
	dying := setup(t, l, untilCancelled, &lro.Options{Capacity: orphans}, nil)
	for range orphans {
		dying.start("", nil)
	}
	l.kill()
	began := time.Now()
	<-all
	if took := time.Since(began); took > bound {
		t.Errorf("the last of %d orphans was adopted %v after the kill, with slots free; want at most %v", orphans, took, bound)
	}
}

// TestOrphanTakesTheFirstSlot: all slots are busy and thousands are due, of methods
// with bounds of their own, which together fill all slots. An orphan of a third
// method is the first to start once its owner's lease has lapsed.
func TestOrphanTakesTheFirstSlot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared := memstore.New()
		var mu sync.Mutex
		var begun []string // methods, by start
		busy := func(method string) {
			mu.Lock()
			begun = append(begun, method)
			mu.Unlock()
			time.Sleep(time.Second)
		}
		handle := func(name string, concurrency int) func(*lro.Manager) {
			return func(m *lro.Manager) {
				lro.Handle(m, func(context.Context, *printTask, *testpb.PrintRequest) (*testpb.PrintResponse, error) {
					busy(name)
					return &testpb.PrintResponse{}, nil
				}, &lro.MethodOptions{Name: name, AnyResponse: true, Concurrency: concurrency})
			}
		}
		starter, err := lro.New(shared, &lro.Options{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		start := func(name string, n int) {
			h := lro.Declare[*testpb.PrintRequest, *testpb.PrintResponse, *testpb.PrintMetadata](starter, &lro.MethodOptions{Name: name, AnyResponse: true})
			for range n {
				if _, err := h.Start(t.Context(), &testpb.PrintRequest{}, nil); err != nil {
					t.Fatal(err)
				}
			}
		}
		const one, two, three = "/test.Press/One", "/test.Press/Two", testpb.Library_Print_FullMethodName
		start(one, 1000)
		start(two, 1000)
		setup(t, shared, nil, &lro.Options{Capacity: 4}, nil, handle(one, 2), handle(two, 2), handle(three, 0))
		time.Sleep(time.Minute)
		l := newLink(shared)
		dying := setup(t, l, untilCancelled, nil, nil)
		dying.start("", nil)
		l.kill()
		time.Sleep(15*time.Second - time.Millisecond) // its first heartbeat was its last
		mu.Lock()
		before := len(begun)
		mu.Unlock()
		time.Sleep(3 * time.Second)
		mu.Lock()
		defer mu.Unlock()
		switch at := slices.Index(begun, three); {
		case at < 0:
			t.Errorf("three seconds after its owner's lease an orphan has not started, %d others have; want it in the first slot", len(begun)-before)
		case at >= before+4:
			t.Errorf("%d others started before an orphan whose owner's lease had lapsed; want it in the first slot", at-before)
		}
	})
}
