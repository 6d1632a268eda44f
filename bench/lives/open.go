package lives

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/longrunning-go/longrunning/bench/measure"
)

// tail is how many jobs River gets more than those that count. Its completer lets
// less than a hundred wait for more, up to a quarter of a second, which while jobs
// come does not hold it up, but would at the end of every turn.
const tail = 100

// mostEnded is more than what ends in one turn.
const mostEnded = 100_000

// An open contender does not wait for what it starts. It is of so many operations,
// which so many calls of start begin; ended tells of each, and left answers how many
// have not ended by what is stored. The clock stops when the first n have ended.
type open[Event any] struct {
	n, operations, calls int

	start func(context.Context, int) error
	ended <-chan Event
	left  func(context.Context) (int, error)
}

func (o open[Event]) contend(ctx context.Context) (measure.Sample, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	started := make(chan struct{})
	began := time.Now()
	go func() {
		defer close(started)
		if _, err := measure.Shared(ctx, callers, o.calls, o.start); err != nil {
			stop(err)
		}
	}()
	err := await(ctx, o.ended, o.n)
	sample := measure.Sample{Count: o.n, Took: time.Since(began)}
	if err == nil {
		err = await(ctx, o.ended, o.operations-o.n)
	}
	<-started
	if err != nil {
		return sample, err
	}
	left, err := o.left(ctx)
	if err == nil && left != 0 {
		err = fmt.Errorf("lives: all operations must be stored as done when that has been told, and %d are not", left)
	}
	return sample, err
}

// patience is how long none may end before those that are left are given up.
const patience = 30 * time.Second

// await returns when n have ended.
func await[Event any](ctx context.Context, ended <-chan Event, n int) error {
	none := time.NewTimer(patience)
	defer none.Stop()
	for i := range n {
		none.Reset(patience)
		select {
		case <-none.C:
			return fmt.Errorf("lives: %d operations must end, and after %d nothing was told for %v", n, i, patience)
		case _, ok := <-ended:
			if !ok {
				return errors.New("lives: nobody tells any more what has ended")
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
