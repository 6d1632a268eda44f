package pollertest

import (
	"context"
	"slices"
	"sync"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
)

// A Client is a poller.Client that answers from scripts and records the calls.
// Set its fields before the first call. Every method may be called by several
// goroutines at a time.
//
// A script gives one step to each call, in the order in which they start; its
// last step is repeated.
type Client struct {
	// Polls answers GetOperation and WaitOperation alike, so that a test need
	// not know which of them the poller calls. Without a step both fail with
	// code NOT_FOUND.
	Polls []Step
	// Cancels answers CancelOperation. Default: success.
	Cancels []Step
	// Deletes answers DeleteOperation. Default: success.
	Deletes []Step
	// NoWait makes WaitOperation fail with code UNIMPLEMENTED, as servers do
	// that do not have it. Such a call takes no step.
	NoWait bool

	mu                         sync.Mutex
	polled, cancelled, deleted int // steps taken
	calls                      []Call
}

// A Step is the answer to one call.
type Step struct {
	// Operation is what a poll answers, as a copy.
	Operation *longrunningpb.Operation
	// Err, if set, is the answer instead.
	Err error
	// Delay is how long the call takes; default none. If its context ends first
	// the call fails as a gRPC call does, so a long Delay is a server that does
	// not answer.
	Delay time.Duration
	// Park makes a WaitOperation take the time that its request asks for.
	// GetOperation is not parked.
	Park bool
	// Trailer is sent along, also with an Err: see [RetryInfo].
	Trailer metadata.MD
}

// A Call is one call that the client has received.
type Call struct {
	Method  string        // such as "WaitOperation"
	Name    string        // of the operation
	Timeout time.Duration // of a WaitOperation's request
	Time    time.Time     // when the call started
}

// Calls answers all calls so far, in the order in which they started.
func (c *Client) Calls() []Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.calls)
}

// GetOperation answers the next step of c.Polls.
func (c *Client) GetOperation(ctx context.Context, req *longrunningpb.GetOperationRequest, opts ...grpc.CallOption) (*longrunningpb.Operation, error) {
	call := Call{Method: "GetOperation", Name: req.GetName()}
	return c.take(call, c.Polls, &c.polled, failing(codes.NotFound, "Polls has no step")).answer(ctx, 0, opts)
}

// WaitOperation answers the next step of c.Polls, unless c.NoWait is set.
func (c *Client) WaitOperation(ctx context.Context, req *longrunningpb.WaitOperationRequest, opts ...grpc.CallOption) (*longrunningpb.Operation, error) {
	call := Call{Method: "WaitOperation", Name: req.GetName(), Timeout: req.GetTimeout().AsDuration()}
	if c.NoWait {
		return c.take(call, nil, nil, failing(codes.Unimplemented, "NoWait is set")).answer(ctx, 0, opts)
	}
	return c.take(call, c.Polls, &c.polled, failing(codes.NotFound, "Polls has no step")).answer(ctx, call.Timeout, opts)
}

// CancelOperation answers the next step of c.Cancels.
func (c *Client) CancelOperation(ctx context.Context, req *longrunningpb.CancelOperationRequest, opts ...grpc.CallOption) (*emptypb.Empty, error) {
	call := Call{Method: "CancelOperation", Name: req.GetName()}
	_, err := c.take(call, c.Cancels, &c.cancelled, Step{}).answer(ctx, 0, opts)
	return &emptypb.Empty{}, err
}

// DeleteOperation answers the next step of c.Deletes.
func (c *Client) DeleteOperation(ctx context.Context, req *longrunningpb.DeleteOperationRequest, opts ...grpc.CallOption) (*emptypb.Empty, error) {
	call := Call{Method: "DeleteOperation", Name: req.GetName()}
	_, err := c.take(call, c.Deletes, &c.deleted, Step{}).answer(ctx, 0, opts)
	return &emptypb.Empty{}, err
}

// take records the call and answers its step: the next of the script, of which
// so many were taken, or otherwise if the script is empty.
func (c *Client) take(call Call, script []Step, taken *int, otherwise Step) Step {
	c.mu.Lock()
	defer c.mu.Unlock()
	call.Time = time.Now()
	c.calls = append(c.calls, call)
	if len(script) == 0 {
		return otherwise
	}
	i := min(*taken, len(script)-1)
	*taken++
	return script[i]
}

func failing(code codes.Code, why string) Step {
	return Step{Err: status.Error(code, "pollertest: Client."+why)}
}

// answer plays the step to one call.
func (s Step) answer(ctx context.Context, timeout time.Duration, opts []grpc.CallOption) (*longrunningpb.Operation, error) {
	delay := s.Delay
	if s.Park {
		delay += timeout
	}
	if err := pause(ctx, delay); err != nil {
		return nil, err
	}
	for _, o := range opts {
		if t, ok := o.(grpc.TrailerCallOption); ok {
			*t.TrailerAddr = s.Trailer.Copy()
		}
	}
	if s.Err != nil {
		return nil, s.Err
	}
	return proto.CloneOf(s.Operation), nil
}

// pause waits for d, or fails with the status that gRPC gives if ctx ends
// first.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	if ctx.Err() == nil {
		select {
		case <-t.C:
			return nil
		case <-ctx.Done():
		}
	}
	return status.FromContextError(ctx.Err()).Err()
}
