package waits

import (
	"context"
	"sync/atomic"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
)

// A traffic counts the calls that a server gets.
type traffic struct {
	all     atomic.Int64
	parked  atomic.Int64  // WaitOperation, not yet answered
	entered chan struct{} // of one: there has been another
}

func newTraffic() *traffic { return &traffic{entered: make(chan struct{}, 1)} }

func (t *traffic) intercept(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	t.all.Add(1)
	if info.FullMethod == longrunningpb.Operations_WaitOperation_FullMethodName {
		t.parked.Add(1)
		defer t.parked.Add(-1)
		select {
		case t.entered <- struct{}{}:
		default:
		}
	}
	return handler(ctx, req)
}

// await returns once n calls of WaitOperation are there. One caller at a time.
func (t *traffic) await(ctx context.Context, n int) error {
	for t.parked.Load() < int64(n) {
		select {
		case <-t.entered:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
