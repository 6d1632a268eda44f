package lives_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/longrunning-go/longrunning/bench/lives"
)

// TestOpen: the clock stops when those that count have ended, and the turn when all
// have and are stored.
func TestOpen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		ended := make(chan struct{}, 10)
		start := func(_ context.Context, i int) error {
			go func() {
				time.Sleep(time.Duration(i+1) * time.Second)
				ended <- struct{}{}
			}()
			return nil
		}
		sample, err := lives.Open(t.Context(), 3, 5, 5, start, ended, 0)
		if err != nil || sample.Count != 3 || sample.Took != 3*time.Second || time.Since(began) != 5*time.Second {
			t.Errorf("3 of 5 that end after 1 to 5 s: got %d in %v, error %v, a turn of %v; want 3 in 3s, a turn of 5s",
				sample.Count, sample.Took, err, time.Since(began))
		}
		if _, err := lives.Open(t.Context(), 5, 5, 5, start, ended, 2); err == nil || !strings.Contains(err.Error(), "2 are not") {
			t.Errorf("2 are not stored as done: got error %v, want one that says so", err)
		}
		broken := errors.New("broken")
		start = func(context.Context, int) error { return broken }
		if _, err := lives.Open(t.Context(), 5, 5, 5, start, ended, 0); !errors.Is(err, broken) {
			t.Errorf("a start fails: got error %v, want %v", err, broken)
		}
		close(ended)
		start = func(context.Context, int) error { return nil }
		if _, err := lives.Open(t.Context(), 5, 5, 5, start, ended, 0); err == nil || !strings.Contains(err.Error(), "nobody tells") {
			t.Errorf("nobody tells of ends: got error %v, want one that says so", err)
		}
	})
}
