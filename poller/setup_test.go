package poller_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/longrunning-go/longrunning/poller"
	"github.com/longrunning-go/longrunning/poller/pollertest"
)

const name = "shelves/1/operations/7"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// response is what succeeded operations answer.
func response() *wrapperspb.StringValue { return wrapperspb.String("snapshot") }

func progress(n int64) *wrapperspb.Int64Value { return wrapperspb.Int64(n) }

func running() *longrunningpb.Operation   { return pollertest.Running(name, nil) }
func succeeded() *longrunningpb.Operation { return pollertest.Succeeded(name, response()) }

func failing(code codes.Code) pollertest.Step {
	return pollertest.Step{Err: status.Error(code, "no")}
}

// repeat is the step n times, followed by the others.
func repeat(n int, step pollertest.Step, then ...pollertest.Step) []pollertest.Step {
	var steps []pollertest.Step
	for range n {
		steps = append(steps, step)
	}
	return append(steps, then...)
}

// A client answers like the scripted one, except where a function is set.
type client struct {
	*pollertest.Client
	get    func(context.Context) (*longrunningpb.Operation, error)
	wait   func(context.Context, time.Duration) (*longrunningpb.Operation, error)
	cancel func(context.Context) error
}

func (c *client) GetOperation(ctx context.Context, req *longrunningpb.GetOperationRequest, opts ...grpc.CallOption) (*longrunningpb.Operation, error) {
	if c.get != nil {
		return c.get(ctx)
	}
	return c.Client.GetOperation(ctx, req, opts...)
}

func (c *client) WaitOperation(ctx context.Context, req *longrunningpb.WaitOperationRequest, opts ...grpc.CallOption) (*longrunningpb.Operation, error) {
	if c.wait != nil {
		return c.wait(ctx, req.GetTimeout().AsDuration())
	}
	return c.Client.WaitOperation(ctx, req, opts...)
}

func (c *client) CancelOperation(ctx context.Context, req *longrunningpb.CancelOperationRequest, opts ...grpc.CallOption) (*emptypb.Empty, error) {
	if c.cancel != nil {
		return &emptypb.Empty{}, c.cancel(ctx)
	}
	return c.Client.CancelOperation(ctx, req, opts...)
}

// setup follows the operation by its name, at a client with these steps.
func setup(t *testing.T, opts *poller.Options, steps ...pollertest.Step) (*poller.Poller[*wrapperspb.StringValue], *pollertest.Client) {
	t.Helper()
	c := &pollertest.Client{Polls: steps}
	t.Cleanup(func() {
		for _, call := range c.Calls() {
			if call.Name != name {
				t.Errorf("got call %+v, want all calls about %s", call, name)
			}
		}
	})
	return poller.Resume[*wrapperspb.StringValue](c, name, opts), c
}

// wantResponse fails the test unless Wait answered the response.
func wantResponse(t *testing.T, got proto.Message, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("got error %v, want the response", err)
	}
	if !proto.Equal(got, response()) {
		t.Fatalf("got response %v, want %v", got, response())
	}
}

// wantCode fails the test unless err has that code.
func wantCode(t *testing.T, err error, want codes.Code) {
	t.Helper()
	if got := status.Code(err); err == nil || got != want {
		t.Errorf("got code %v of error %v, want code %v", got, err, want)
	}
}

// starts answers when each call started, since began.
func starts(calls []pollertest.Call, began time.Time) []time.Duration {
	var at []time.Duration
	for _, c := range calls {
		at = append(at, c.Time.Sub(began))
	}
	return at
}

// intervals answers the times from each call's start to the next one's.
func intervals(calls []pollertest.Call) []time.Duration {
	var d []time.Duration
	for i := range len(calls) - 1 {
		d = append(d, calls[i+1].Time.Sub(calls[i].Time))
	}
	return d
}

func methods(calls []pollertest.Call) []string {
	var m []string
	for _, c := range calls {
		m = append(m, c.Method)
	}
	return m
}

// wantText fails the test unless err's message contains all the parts.
func wantText(t *testing.T, err error, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("got error %v, want it to say %q", err, part)
		}
	}
}
