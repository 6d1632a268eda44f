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

// TestOverdueBesideAHeldRecord: an overdue operation that cannot be written, since
// an open transaction of the application holds it, keeps no other from its timeout.
func TestOverdueBesideAHeldRecord(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFlaky()
		p := setup(t, f, nil, nil, nil)
		create := func(timeout time.Duration) string {
			op, err := p.Create(t.Context(), &lro.CreateOptions{Timeout: timeout})
			if err != nil {
				t.Fatal(err)
			}
			return op.GetName()
		}
		older := create(10 * time.Minute)
		time.Sleep(time.Second)
		held := create(time.Minute)
		f.set(func(f *flaky) {
			f.update = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				if rec.Name == held {
					return nil, errStore
				}
				return f.Store.Update(ctx, rec)
			}
		})
		time.Sleep(10*time.Minute + 2*time.Second) // three seconds after the timeout of the older one: a jittered sweep
		op, err := p.Get(t.Context(), older)
		if err != nil || !op.GetDone() {
			t.Fatalf("three seconds after its timeout, beside a record that cannot be written, an operation is %v, %v; want it done", op, err)
		}
		wantError(t, op, codes.DeadlineExceeded, "OPERATION_TIMEOUT")
	})
}

// TestFailedRereads: what the store says of an attempt here is read again soon
// when a read fails, whether a hint or the clock had asked for it.
func TestFailedRereads(t *testing.T) {
	t.Parallel()
	for name, mute := range map[string]bool{"after a hint": false, "while reconciling": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const ttl = 10 * time.Minute
				shared := memstore.New()
				f := &flaky{Store: shared, mute: mute}
				var fail atomic.Bool
				f.get = func(ctx context.Context, names ...string) ([]*store.Record, error) {
					if fail.CompareAndSwap(true, false) {
						return nil, errStore
					}
					return shared.Get(ctx, names...)
				}
				told := make(chan struct{})
				p := setup(t, f, func(ctx context.Context, _ *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
					<-ctx.Done()
					close(told)
					return nil, ctx.Err()
				}, &lro.Options{LeaseTTL: ttl}, nil)
				other := setup(t, shared, nil, nil, nil)
				op := p.start("", nil)
				fail.Store(true)
				began := time.Now()
				if err := other.Complete(t.Context(), op, &testpb.PrintResponse{}); err != nil {
					t.Fatal(err)
				}
				<-told
				want := 10 * time.Second
				if mute {
					want += ttl
				}
				if took := time.Since(began); took > want || fail.Load() {
					t.Errorf("a handler heard after %v that its operation had ended, a read failed before: %v; want at most %v and true", took, !fail.Load(), want)
				}
			})
		})
	}
}
