package lro_test

import (
	"context"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// A waiterKey is the context key of who waits.
type waiterKey struct{}

func callerOf(ctx context.Context) string {
	caller, _ := ctx.Value(waiterKey{}).(string)
	return caller
}

// waitAs calls WaitOperation without gRPC.
func waitAs(ctx context.Context, s *lro.Server, caller, name string) error {
	_, err := s.WaitOperation(context.WithValue(ctx, waiterKey{}, caller),
		&longrunningpb.WaitOperationRequest{Name: name, Timeout: durationpb.New(10 * time.Second)})
	return err
}

// TestMaxWaitsPerCaller: one caller cannot take the places of all; what has
// nothing to wait for is answered nevertheless, and a place that comes free is
// free again.
func TestMaxWaitsPerCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), untilCancelled, nil, nil)
		name, done := p.start("x", nil), p.fill("", 1)[0]
		s := lro.NewServer(p.Manager, lro.AllowAll, &lro.ServerOptions{MaxWaits: 5, MaxWaitsPerCaller: 2, Caller: callerOf})
		parked := make(chan error, 5)
		for _, caller := range []string{"ann", "ann", "ben", "ben", ""} {
			go func() { parked <- waitAs(t.Context(), s, caller, name) }()
		}
		synctest.Wait()
		if callers, calls := s.Waiting(); callers != 3 || calls != 5 {
			t.Errorf("%d callers have %d calls parked; want 3 with 5", callers, calls)
		}
		wantRefusal(t, "the third wait of ann", waitAs(t.Context(), s, "ann", name), codes.ResourceExhausted, "TOO_MANY_WAITS", "2 calls", "by this caller", "GetOperation")
		wantRefusal(t, "the sixth wait of all", waitAs(t.Context(), s, "cat", name), codes.ResourceExhausted, "TOO_MANY_WAITS", "5 calls", "GetOperation")
		if err := waitAs(t.Context(), s, "ann", done); err != nil {
			t.Errorf("the third wait of ann, for a done operation, answered %v; want it at once: it does not wait", err)
		}
		wantRefusal(t, "the third wait of ann, for nothing", waitAs(t.Context(), s, "ann", "operations/none"), codes.NotFound, "OPERATION_NOT_FOUND")
		for range 5 {
			if err := <-parked; err != nil {
				t.Errorf("a parked WaitOperation answered %v", err)
			}
		}
		if callers, calls := s.Waiting(); callers != 0 || calls != 0 {
			t.Errorf("when all were answered %d callers are remembered, with %d calls; want none", callers, calls)
		}
		if err := waitAs(t.Context(), s, "ann", name); err != nil {
			t.Errorf("with room again WaitOperation answered %v", err)
		}
	})
}

// TestWaitsAreCounted: whatever ends a call, its place and its caller's entry go.
func TestWaitsAreCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), untilCancelled, nil, nil)
		s := lro.NewServer(p.Manager, lro.AllowAll, &lro.ServerOptions{MaxWaitsPerCaller: 3, Caller: callerOf})
		names := []string{p.start("x", nil), p.start("y", nil), p.fill("", 1)[0], "operations/none", "malformed"}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{}, 1000)
		for i := range cap(ended) {
			go func() {
				_ = waitAs(ctx, s, strconv.Itoa(i%100), names[i%len(names)])
				ended <- struct{}{}
			}()
		}
		synctest.Wait()
		if callers, _ := s.Waiting(); callers == 0 {
			t.Error("nobody is parked; want some, or the test shows nothing")
		}
		if err := p.Cancel(t.Context(), names[0]); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		cancel()
		for range cap(ended) {
			<-ended
		}
		if callers, calls := s.Waiting(); callers != 0 || calls != 0 {
			t.Errorf("when all calls had ended %d callers are remembered, with %d calls; want none", callers, calls)
		}
	})
}

// TestCallersAreNotCountedWithoutBound: no entries where nothing asks for them.
func TestCallersAreNotCountedWithoutBound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), untilCancelled, nil, nil)
		name := p.start("x", nil)
		s := lro.NewServer(p.Manager, lro.AllowAll, &lro.ServerOptions{Caller: callerOf})
		parked := make(chan error, 1)
		go func() { parked <- waitAs(t.Context(), s, "ann", name) }()
		synctest.Wait()
		if callers, calls := s.Waiting(); callers != 0 || calls != 1 {
			t.Errorf("%d callers are remembered, with %d calls; want none, with the one that is parked", callers, calls)
		}
		if err := <-parked; err != nil {
			t.Error(err)
		}
	})
}
