package durable

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/longrunning-go/longrunning/bench/measure"
)

// shared lets so many callers share n calls of fn, whose argument counts them, and
// answers how long all took together.
func shared(ctx context.Context, callers, n int, fn func(ctx context.Context, i int) error) (measure.Sample, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var next atomic.Int64
	var running sync.WaitGroup
	began := time.Now()
	for range callers {
		running.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				if err := fn(ctx, i); err != nil {
					stop(err)
				}
			}
		})
	}
	running.Wait()
	return measure.Sample{Count: n, Took: time.Since(began)}, context.Cause(ctx)
}
