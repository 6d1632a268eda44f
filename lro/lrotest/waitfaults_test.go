package lrotest_test

import (
	"context"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"
)

// waited is a wire that changes what Wait answers. It is told whether the operation
// was done before.
func waited(change func(before bool, op *operation)) wire {
	return on(func(ctx context.Context, s *shop, req *waitRequest, next func(any) (any, error)) (any, error) {
		before := s.done(ctx, req.GetName())
		res, err := next(req)
		if err == nil {
			change(before, res.(*operation))
		}
		return res, err
	})
}

// waitFaults are faults of Wait.
func waitFaults() []fault {
	asked := func(change func(ctx context.Context, req *waitRequest)) wire {
		return on(func(ctx context.Context, _ *shop, req *waitRequest, next func(any) (any, error)) (any, error) {
			change(ctx, req)
			return next(req)
		})
	}
	return []fault{
		{name: "a wait for a done operation lasts", rule: "wait: Wait of a done operation", wire: on(func(ctx context.Context, s *shop, req *waitRequest, next func(any) (any, error)) (any, error) {
			if s.done(ctx, req.GetName()) {
				time.Sleep(25 * time.Second)
			}
			return next(req)
		})},
		{name: "a wait that runs out is DEADLINE_EXCEEDED", rule: "wait: A wait that runs out", wire: on(func(_ context.Context, _ *shop, req *waitRequest, next func(any) (any, error)) (any, error) {
			res, err := next(req)
			if op, ok := res.(*operation); ok && err == nil && !op.GetDone() {
				return nil, refusal(codes.DeadlineExceeded)
			}
			return res, err
		})},
		{name: "a timeout below a second is none", rule: "wait: A wait that runs out", wire: asked(func(_ context.Context, req *waitRequest) {
			if d := req.GetTimeout().AsDuration(); d > 0 && d < time.Second {
				req.Timeout = nil
			}
		})},
		{name: "a timeout of 0 is none", rule: "wait: A timeout of 0", wire: asked(func(_ context.Context, req *waitRequest) {
			if req.GetTimeout().AsDuration() == 0 {
				req.Timeout = nil
			}
		})},
		{name: "the deadline is ignored", rule: "wait: A wait ends before the deadline", wire: on(func(ctx context.Context, _ *shop, req *waitRequest, next func(any) (any, error)) (any, error) {
			res, err := next(req)
			if deadline, ok := ctx.Deadline(); ok && req.GetTimeout().AsDuration() > time.Until(deadline) && time.Until(deadline) > 0 {
				<-ctx.Done()
				return nil, status.FromContextError(ctx.Err()).Err()
			}
			return res, err
		})},
		{name: "nobody is woken", rule: "wait: A waiter is woken by the end", wire: on(func(ctx context.Context, s *shop, req *waitRequest, next func(any) (any, error)) (any, error) {
			if d := req.GetTimeout().AsDuration(); d > 20*time.Second && !s.done(ctx, req.GetName()) {
				select {
				case <-time.After(d):
				case <-ctx.Done():
				}
				req.Timeout = &durationpb.Duration{}
			}
			return next(req)
		})},
		{name: "a timeout is required", rule: "wait: Without a timeout", wire: on(func(_ context.Context, _ *shop, req *waitRequest, next func(any) (any, error)) (any, error) {
			if req.GetTimeout() == nil {
				return nil, refusal(codes.InvalidArgument)
			}
			return next(req)
		})},
		{name: "a negative timeout is none", rule: "wait: A timeout that is negative", wire: asked(func(_ context.Context, req *waitRequest) {
			if req.GetTimeout().AsDuration() < 0 {
				req.Timeout = nil
			}
		})},
		{name: "a timeout that is no duration is INTERNAL", rule: "wait: A timeout that is negative", wire: on(func(_ context.Context, _ *shop, req *waitRequest, next func(any) (any, error)) (any, error) {
			if req.Timeout != nil && req.GetTimeout().CheckValid() != nil {
				return nil, refusal(codes.Internal)
			}
			return next(req)
		})},
		{name: "a timeout below 8 s is 8 s", rule: "wait: A wait that runs out", wire: asked(func(_ context.Context, req *waitRequest) {
			if d := req.GetTimeout().AsDuration(); d > 0 && d < 8*time.Second {
				req.Timeout = durationpb.New(8 * time.Second)
			}
		})},
		{name: "a waiter that is woken gets another response", rule: "wait: Wait shows an operation", wire: waited(func(before bool, op *operation) {
			if !before && op.GetDone() {
				op.Result = &longrunningpb.Operation_Response{Response: packed(&emptypb.Empty{})}
			}
		})},
		{name: "a wait that runs out hides the metadata", rule: "wait: Wait shows an operation", wire: waited(func(_ bool, op *operation) {
			if !op.GetDone() {
				op.Metadata = nil
			}
		})},
		{name: "the deadline is ignored, and waits last 14 s at most", rule: "wait: A wait ends before the deadline", wire: on(func(ctx context.Context, _ *shop, req *waitRequest, next func(any) (any, error)) (any, error) {
			const most = 14 * time.Second
			if req.Timeout != nil && req.GetTimeout().AsDuration() < most {
				return next(req)
			}
			if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < most {
				<-ctx.Done()
				return nil, status.FromContextError(ctx.Err()).Err()
			}
			req.Timeout = durationpb.New(most)
			return next(req)
		})},
	}
}
