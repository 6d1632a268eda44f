package pollertest_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/longrunning-go/longrunning/poller"
	"github.com/longrunning-go/longrunning/poller/pollertest"
)

var _ poller.Client = (*pollertest.Client)(nil)

const name = "operations/1"

// setup answers a client with these polls, and short ways to call it.
func setup(t *testing.T, polls ...pollertest.Step) (c *pollertest.Client, get, wait func(context.Context, ...grpc.CallOption) (*longrunningpb.Operation, error)) {
	t.Helper()
	c = &pollertest.Client{Polls: polls}
	get = func(ctx context.Context, opts ...grpc.CallOption) (*longrunningpb.Operation, error) {
		return c.GetOperation(ctx, &longrunningpb.GetOperationRequest{Name: name}, opts...)
	}
	wait = func(ctx context.Context, opts ...grpc.CallOption) (*longrunningpb.Operation, error) {
		return c.WaitOperation(ctx, &longrunningpb.WaitOperationRequest{Name: name, Timeout: durationpb.New(time.Minute)}, opts...)
	}
	return c, get, wait
}

func TestPollsShareOneScriptWhoseLastStepRepeats(t *testing.T) {
	t.Parallel()
	errBroken := errors.New("broken")
	_, get, wait := setup(t, pollertest.Step{Operation: pollertest.Running("a", nil)}, pollertest.Step{Err: errBroken}, pollertest.Step{Operation: pollertest.Running("c", nil)})
	if op, err := get(t.Context()); err != nil || op.GetName() != "a" {
		t.Errorf("first poll: got %v, %v; want a", op, err)
	}
	if op, err := wait(t.Context()); !errors.Is(err, errBroken) || op != nil {
		t.Errorf("second poll: got %v, %v; want the error", op, err)
	}
	for range 3 {
		if op, err := get(t.Context()); err != nil || op.GetName() != "c" {
			t.Errorf("later poll: got %v, %v; want c", op, err)
		}
	}
}

func TestAnswersAreCopies(t *testing.T) {
	t.Parallel()
	_, get, _ := setup(t, pollertest.Step{Operation: pollertest.Running(name, nil)})
	for range 2 {
		op, err := get(t.Context())
		if err != nil || op.GetName() != name {
			t.Fatalf("got %v, %v; want %s", op, err, name)
		}
		op.Name = "changed"
	}
}

func TestEmptyScripts(t *testing.T) {
	t.Parallel()
	c, get, wait := setup(t)
	if _, err := get(t.Context()); status.Code(err) != codes.NotFound {
		t.Errorf("GetOperation: got error %v, want code NotFound", err)
	}
	if _, err := wait(t.Context()); status.Code(err) != codes.NotFound {
		t.Errorf("WaitOperation: got error %v, want code NotFound", err)
	}
	if _, err := c.CancelOperation(t.Context(), &longrunningpb.CancelOperationRequest{Name: name}); err != nil {
		t.Errorf("CancelOperation: %v", err)
	}
	if _, err := c.DeleteOperation(t.Context(), &longrunningpb.DeleteOperationRequest{Name: name}); err != nil {
		t.Errorf("DeleteOperation: %v", err)
	}
}

func TestCancelsAndDeletesHaveTheirOwnScripts(t *testing.T) {
	t.Parallel()
	c, _, _ := setup(t)
	c.Cancels = []pollertest.Step{{Err: status.Error(codes.Unavailable, "no")}, {}}
	c.Deletes = []pollertest.Step{{Err: status.Error(codes.Internal, "no")}, {}}
	for i, want := range []codes.Code{codes.Unavailable, codes.OK} {
		if _, err := c.CancelOperation(t.Context(), &longrunningpb.CancelOperationRequest{}); status.Code(err) != want {
			t.Errorf("cancel %d: got error %v, want code %v", i, err, want)
		}
	}
	for i, want := range []codes.Code{codes.Internal, codes.OK} {
		if _, err := c.DeleteOperation(t.Context(), &longrunningpb.DeleteOperationRequest{}); status.Code(err) != want {
			t.Errorf("delete %d: got error %v, want code %v", i, err, want)
		}
	}
}

func TestNoWaitTakesNoStep(t *testing.T) {
	t.Parallel()
	c, get, wait := setup(t, pollertest.Step{Operation: pollertest.Running("a", nil)}, pollertest.Step{Operation: pollertest.Running("b", nil)})
	c.NoWait = true
	if _, err := wait(t.Context()); status.Code(err) != codes.Unimplemented {
		t.Errorf("got error %v, want code Unimplemented", err)
	}
	if op, err := get(t.Context()); err != nil || op.GetName() != "a" {
		t.Errorf("got %v, %v; want the first step", op, err)
	}
}

func TestDelaysAndParks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		delayed := pollertest.Step{Delay: 3 * time.Second}
		parked := pollertest.Step{Park: true}
		_, get, wait := setup(t, delayed, delayed, parked, parked)
		for i, tt := range []struct {
			call func(context.Context, ...grpc.CallOption) (*longrunningpb.Operation, error)
			want time.Duration
		}{{get, 3 * time.Second}, {wait, 3 * time.Second}, {get, 0}, {wait, time.Minute}} {
			began := time.Now()
			if _, err := tt.call(t.Context()); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took != tt.want {
				t.Errorf("call %d took %v, want %v", i, took, tt.want)
			}
		}
	})
}

func TestContextEndsADelay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, get, _ := setup(t, pollertest.Step{Delay: time.Hour}, pollertest.Step{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		for range 20 {
			if _, err := get(ctx); status.Code(err) != codes.DeadlineExceeded {
				t.Errorf("got error %v, want code DeadlineExceeded", err)
			}
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("all calls took %v, want 1s: the first ends with its context, the others at once", took)
		}
	})
}

func TestTrailerIsSentWithErrorsToo(t *testing.T) {
	t.Parallel()
	sent := pollertest.RetryInfo(time.Second)
	_, get, _ := setup(t, pollertest.Step{Trailer: sent}, pollertest.Step{Err: errors.New("broken"), Trailer: sent})
	for range 2 {
		var got metadata.MD
		_, _ = get(t.Context(), grpc.Trailer(&got))
		if !slices.Equal(got.Get("google.rpc.retryinfo-bin"), sent.Get("google.rpc.retryinfo-bin")) || got.Len() != 1 {
			t.Errorf("got trailer %v, want %v", got, sent)
		}
	}
}

func TestCallsAreRecorded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, get, wait := setup(t, pollertest.Step{Delay: time.Second})
		began := time.Now()
		_, _ = get(t.Context())
		_, _ = wait(t.Context())
		_, _ = c.CancelOperation(t.Context(), &longrunningpb.CancelOperationRequest{Name: name})
		_, _ = c.DeleteOperation(t.Context(), &longrunningpb.DeleteOperationRequest{Name: name})
		want := []pollertest.Call{
			{Method: "GetOperation", Name: name, Time: began},
			{Method: "WaitOperation", Name: name, Timeout: time.Minute, Time: began.Add(time.Second)},
			{Method: "CancelOperation", Name: name, Time: began.Add(2 * time.Second)},
			{Method: "DeleteOperation", Name: name, Time: began.Add(2 * time.Second)},
		}
		if got := c.Calls(); !slices.Equal(got, want) {
			t.Errorf("got calls %v, want %v", got, want)
		}
	})
}

func TestClientOfSeveralGoroutines(t *testing.T) {
	t.Parallel()
	c, get, _ := setup(t, pollertest.Step{Operation: pollertest.Running(name, nil)})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			_, _ = get(t.Context())
			c.Calls()
		})
	}
	wg.Wait()
	if got := len(c.Calls()); got != 8 {
		t.Errorf("got %d calls, want 8", got)
	}
}
