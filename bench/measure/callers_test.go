package measure_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/longrunning-go/longrunning/bench/measure"
)

// Callers call at the same time, and each call is made once.
func TestCallers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls sync.Map
		sample, err := measure.Timed(t.Context(), 4, 12, func(_ context.Context, i int) error {
			if _, twice := calls.LoadOrStore(i, true); twice {
				t.Errorf("call %d: got it twice, want it once", i)
			}
			time.Sleep(time.Second)
			return nil
		})
		if err != nil || sample.Count != 12 || sample.Took != 3*time.Second || len(sample.Times) != 12 {
			t.Errorf("12 calls of 1 s by 4 callers: got %+v, %v, want 12 in 3 s", sample, err)
		}
		for i, took := range sample.Times {
			if took != time.Second {
				t.Errorf("call %d: got %v, want 1s", i, took)
			}
		}
	})
}

// An error ends the calls of all.
func TestCallersError(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	var calls atomic.Int64
	_, err := measure.Shared(t.Context(), 1, 100, func(context.Context, int) error {
		if calls.Add(1) == 3 {
			return broken
		}
		return nil
	})
	if !errors.Is(err, broken) || calls.Load() != 3 {
		t.Errorf("the third of 100 calls fails: got %v after %d calls, want %v after 3", err, calls.Load(), broken)
	}
}
