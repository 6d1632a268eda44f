package poller

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// A reply is how one call went.
type reply struct {
	err         error         // nil, or the failure as the caller shall see it
	code        codes.Code    // of err
	cut         bool          // the caller's context has ended, and the call with it
	asked       time.Duration // for how long the server might park the call; 0 for all but WaitOperation
	took        time.Duration
	recommended time.Duration // the interval that the server recommends; 0 is none
}

// transient reports whether the failure may be gone at the next call. AIP-194
// allows UNAVAILABLE alone; the deadline is the call's own, since the caller's
// is looked at first. A server with no room for another parked call says
// RESOURCE_EXHAUSTED to WaitOperation, and may still answer GetOperation.
func (r reply) transient() bool {
	return r.code == codes.Unavailable || r.code == codes.DeadlineExceeded ||
		r.code == codes.ResourceExhausted && r.asked > 0
}

// parked reports whether the server held the call for about as long as asked.
// The tenth allows for clocks that run at different speeds.
func (r reply) parked() bool { return r.asked > 0 && r.took >= r.asked-r.asked/10 }

// ask makes one poll and keeps the state that it answers: WaitOperation parked
// for at most park, or GetOperation if park is 0 or the server has no
// WaitOperation.
//
// That a server has none is remembered for each Poller, not each Client: a
// shared memory would outlive its Clients, could not tell Clients apart that
// do not compare, and would miss the day when the server gets the method. The
// price is one failed call an operation, and a negative LongPoll saves it.
func (p *Poller[T]) ask(ctx context.Context, park time.Duration) reply {
	if park <= 0 || p.noWait.Load() {
		return p.call(ctx, "GetOperation", 0, func(ctx context.Context, opts ...grpc.CallOption) error {
			return p.take(p.client.GetOperation(ctx, &longrunningpb.GetOperationRequest{Name: p.name}, opts...))
		})
	}
	r := p.call(ctx, "WaitOperation", park, func(ctx context.Context, opts ...grpc.CallOption) error {
		req := &longrunningpb.WaitOperationRequest{Name: p.name, Timeout: durationpb.New(park)}
		return p.take(p.client.WaitOperation(ctx, req, opts...))
	})
	if r.code == codes.Unimplemented {
		p.noWait.Store(true)
		return p.ask(ctx, 0)
	}
	return r
}

// take keeps what a poll has answered.
func (p *Poller[T]) take(op *longrunningpb.Operation, err error) error {
	if err != nil {
		return err
	}
	if op == nil {
		return status.Error(codes.Internal, "the client answered neither an operation nor an error")
	}
	p.learn(op)
	return nil
}

// call makes one call under a deadline of its own, so that a connection which
// swallows everything cannot hold it.
func (p *Poller[T]) call(ctx context.Context, method string, asked time.Duration, do func(context.Context, ...grpc.CallOption) error) reply {
	limited, stop := context.WithTimeout(ctx, asked+p.opts.CallTimeout)
	defer stop()
	var trailer metadata.MD
	start := time.Now()
	err := do(limited, grpc.Trailer(&trailer))
	r := reply{cut: ctx.Err() != nil, asked: asked, took: time.Since(start), recommended: recommended(trailer, err)}
	if err != nil {
		s := statusOf(err)
		r.code = s.Code()
		r.err = callError(method, p.name, s, err)
	}
	return r
}

// statusOf also knows the bare context errors of a Client that is no gRPC client.
func statusOf(err error) *status.Status {
	if s, ok := status.FromError(err); ok {
		return s
	}
	return status.FromContextError(err)
}

// callError says which call failed. The status stays readable, but two things
// do not. An *Error: a Client that polls another operation on the way may answer
// one, and here it would say that this operation failed. And a context's error,
// which would say that the caller's has ended, and not that of the call.
func callError(method, name string, s *status.Status, err error) error {
	_, failed := errors.AsType[*Error](err)
	if failed || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		err = s.Err()
	}
	if s.Code() == codes.NotFound {
		return fmt.Errorf("poller: %s %q: the operation was deleted, has expired or never existed: %w", method, name, err)
	}
	return fmt.Errorf("poller: %s %q: %w", method, name, err)
}

// retry makes the call until it succeeds, fails for good, or ctx ends.
func (p *Poller[T]) retry(ctx context.Context, call func() reply) error {
	pace := newPace(&p.opts)
	for ctx.Err() == nil {
		r := call()
		if r.err == nil {
			return nil
		}
		d, err := pace.afterFailure(r)
		if err != nil {
			return p.endedOr(ctx, err)
		}
		pause(ctx, d, nil)
	}
	return newContextError(ctx, p.name, pace.failed)
}
