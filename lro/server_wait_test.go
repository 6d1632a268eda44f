package lro_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// TestWaitOperation: it answers after at most the timeout that was asked for,
// the server's MaxWait and the call's deadline, and never with an error.
func TestWaitOperation(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		maxWait  time.Duration
		timeout  *durationpb.Duration
		deadline time.Duration
		least    time.Duration
		most     time.Duration
	}{
		{"no timeout", 0, nil, 0, time.Minute, time.Minute},
		{"a timeout under a second", 0, durationpb.New(300 * time.Millisecond), 0, 300 * time.Millisecond, 300 * time.Millisecond},
		{"a nanosecond", 0, durationpb.New(1), 0, 0, time.Millisecond},
		{"zero", 0, durationpb.New(0), 0, 0, 0},
		{"over MaxWait", 5 * time.Second, durationpb.New(time.Hour), 0, 5 * time.Second, 5 * time.Second},
		{"over the default MaxWait", 0, durationpb.New(2 * time.Minute), 0, time.Minute, time.Minute},
		{"the longest there is", 5 * time.Second, &durationpb.Duration{Seconds: 315_576_000_000}, 0, 5 * time.Second, 5 * time.Second},
		{"MaxWait over a minute", time.Hour, nil, 0, time.Hour, time.Hour},
		{"the call's deadline", 0, nil, 10 * time.Second, 9 * time.Second, 10*time.Second - time.Millisecond},
		{"a short deadline", 0, durationpb.New(time.Minute), 100 * time.Millisecond, 80 * time.Millisecond, 100*time.Millisecond - 1},
		{"a deadline after the timeout", 0, durationpb.New(time.Second), time.Minute, time.Second, time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := setup(t, memstore.New(), untilCancelled, nil, nil)
				name := p.start("x", &lro.StartOptions{Metadata: &testpb.PrintMetadata{Stage: "queued"}})
				client := longrunningpb.NewOperationsClient(p.dial(lro.AllowAll, &lro.ServerOptions{MaxWait: c.maxWait}))
				ctx := t.Context()
				if c.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.deadline)
					defer cancel()
				}
				began := time.Now()
				op, err := client.WaitOperation(ctx, &longrunningpb.WaitOperationRequest{Name: name, Timeout: c.timeout})
				took := time.Since(began)
				if err != nil || op.GetDone() || op.GetName() != name || op.GetMetadata() == nil {
					t.Errorf("WaitOperation answered %v, %v; want the latest state and no error", op, err)
				}
				if took < c.least || took > c.most {
					t.Errorf("WaitOperation took %v; want %v to %v", took, c.least, c.most)
				}
			})
		})
	}
}

// TestWaitOperationDone: it answers when the operation ends, and at once when it
// has already.
func TestWaitOperationDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), new(gauge).around(10*time.Second), nil, nil)
		client := longrunningpb.NewOperationsClient(p.dial(lro.AllowAll, nil))
		name := p.start("dune", nil)
		for _, want := range []time.Duration{10 * time.Second, 0} {
			began := time.Now()
			op, err := client.WaitOperation(t.Context(), &longrunningpb.WaitOperationRequest{Name: name})
			if took := time.Since(began); err != nil || !op.GetDone() || took != want {
				t.Errorf("WaitOperation answered %v, %v after %v; want the done operation after %v", op, err, took, want)
			}
		}
	})
}

// TestWaitOperationTimeoutRefused: a timeout that is none is INVALID_ARGUMENT.
func TestWaitOperationTimeoutRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), untilCancelled, nil, nil)
		name := p.start("x", nil)
		client := longrunningpb.NewOperationsClient(p.dial(lro.AllowAll, nil))
		for _, timeout := range []*durationpb.Duration{
			durationpb.New(-time.Nanosecond), durationpb.New(-time.Hour), {Nanos: 1_000_000_000}, {Seconds: 1, Nanos: -1}, {Seconds: 1 << 62},
		} {
			_, err := client.WaitOperation(t.Context(), &longrunningpb.WaitOperationRequest{Name: name, Timeout: timeout})
			wantRefusal(t, "timeout "+timeout.String(), err, codes.InvalidArgument, "INVALID_ARGUMENT", "timeout")
		}
	})
}

// TestWaitOperationFresh: on time-out the latest state is read, though reports
// of another process wake nobody.
func TestWaitOperationFresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := memstore.New()
		front := setup(t, st, untilCancelled, &lro.Options{Capacity: -1}, nil)
		setup(t, st, func(ctx context.Context, task *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			time.Sleep(500 * time.Millisecond)
			task.Report(&testpb.PrintMetadata{PagesDone: 7})
			<-ctx.Done()
			return nil, context.Cause(ctx)
		}, nil, nil)
		client := longrunningpb.NewOperationsClient(front.dial(lro.AllowAll, nil))
		op, err := client.WaitOperation(t.Context(), &longrunningpb.WaitOperationRequest{Name: front.start("x", nil), Timeout: durationpb.New(700 * time.Millisecond)})
		if err != nil {
			t.Fatal(err)
		}
		meta := new(testpb.PrintMetadata)
		if op.GetMetadata().UnmarshalTo(meta) != nil || meta.GetPagesDone() != 7 {
			t.Errorf("WaitOperation answered metadata %v; want what was reported while it waited", op.GetMetadata())
		}
	})
}

// TestWaitOperationTooMany: waits beyond MaxWaits are turned away, but not those
// that have nothing to wait for.
func TestWaitOperationTooMany(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), untilCancelled, nil, nil)
		name, done := p.start("x", nil), p.fill("", 1)[0]
		client := longrunningpb.NewOperationsClient(p.dial(lro.AllowAll, &lro.ServerOptions{MaxWaits: 2}))
		wait := func(name string, timeout time.Duration) error {
			_, err := client.WaitOperation(t.Context(), &longrunningpb.WaitOperationRequest{Name: name, Timeout: durationpb.New(timeout)})
			return err
		}
		parked := make(chan error, 2)
		for range 2 {
			go func() { parked <- wait(name, 10*time.Second) }()
		}
		synctest.Wait()
		wantRefusal(t, "the third WaitOperation", wait(name, 10*time.Second), codes.ResourceExhausted, "TOO_MANY_WAITS", "2", "GetOperation")
		if err := wait(done, 10*time.Second); err != nil {
			t.Errorf("WaitOperation for a done operation answered %v; want the operation at once: it does not wait", err)
		}
		for range 2 {
			if err := <-parked; err != nil {
				t.Errorf("a parked WaitOperation answered %v", err)
			}
		}
		if err := wait(name, time.Second); err != nil {
			t.Errorf("with room again WaitOperation answered %v", err)
		}
	})
}

// TestWaitOperationWithoutRun: a Manager that does not run answers at once.
func TestWaitOperationWithoutRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setupIdle(t, memstore.New(), echo, nil, nil)
		name := p.start("x", nil)
		client := longrunningpb.NewOperationsClient(p.dial(lro.AllowAll, nil))
		began := time.Now()
		op, err := client.WaitOperation(t.Context(), &longrunningpb.WaitOperationRequest{Name: name})
		if took := time.Since(began); err != nil || op.GetDone() || took > 0 {
			t.Errorf("WaitOperation answered %v, %v after %v; want the latest state at once", op, err, took)
		}
	})
}
