package measure

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Shared lets so many callers share n calls of fn, whose argument counts them, and
// answers how long all took together.
func Shared(ctx context.Context, callers, n int, fn func(ctx context.Context, i int) error) (Sample, error) {
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
	return Sample{Count: n, Took: time.Since(began)}, context.Cause(ctx)
}

// Timed is Shared that also answers how long each call took.
func Timed(ctx context.Context, callers, n int, fn func(ctx context.Context, i int) error) (Sample, error) {
	times := make([]time.Duration, n)
	sample, err := Shared(ctx, callers, n, func(ctx context.Context, i int) error {
		began := time.Now()
		err := fn(ctx, i)
		times[i] = time.Since(began)
		return err
	})
	sample.Times = times
	return sample, err
}
