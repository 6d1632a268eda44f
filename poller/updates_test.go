package poller_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/longrunning-go/longrunning/poller"
	"github.com/longrunning-go/longrunning/poller/pollertest"
)

// at is an operation that has come so far.
func at(n int64) pollertest.Step {
	return pollertest.Step{Operation: pollertest.Running(name, progress(n)), Park: true}
}

func done() pollertest.Step { return pollertest.Step{Operation: succeeded()} }

// collect answers the progress of each yielded operation, "done", and "error",
// and the error that was yielded.
func collect(ctx context.Context, t *testing.T, p *poller.Poller[*wrapperspb.StringValue]) ([]string, error) {
	t.Helper()
	var got []string
	var yielded error
	for op, err := range p.Updates(ctx) {
		switch {
		case err != nil && op != nil:
			t.Errorf("got %v and %v at once, want one of them", op, err)
		case err != nil:
			got, yielded = append(got, "error"), err
		case op.GetDone():
			got = append(got, "done")
		default:
			meta, err := poller.Metadata[*wrapperspb.Int64Value](op)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, strconv.FormatInt(meta.GetValue(), 10))
		}
	}
	return got, yielded
}

func wantUpdates(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got updates %v, want %v", got, want)
	}
}

func TestUpdatesYieldsChangedStates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, c := setup(t, nil, at(1), at(1), at(2), at(2), at(2), at(3), done())
		got, err := collect(t.Context(), t, p)
		if err != nil {
			t.Fatal(err)
		}
		wantUpdates(t, got, "1", "2", "3", "done")
		for i, call := range c.Calls() {
			if want := "WaitOperation"; i > 0 && (call.Method != want || call.Timeout != time.Second) {
				t.Errorf("got call %+v, want %s for a second, since a parked call shows no progress", call, want)
			}
		}
		if first := c.Calls()[0]; first.Method != "GetOperation" {
			t.Errorf("the first call is %v, want GetOperation: nothing is known yet", first.Method)
		}
		if slices.Max(intervals(c.Calls())) > time.Second {
			t.Errorf("got intervals %v, want a second at most", intervals(c.Calls()))
		}
		res, err := p.Result()
		wantResponse(t, res, err)
	})
}

func TestUpdatesBeginsWithTheKnownState(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &pollertest.Client{Polls: []pollertest.Step{at(1), at(2), done()}}
		p := poller.New[*wrapperspb.StringValue](c, pollertest.Running(name, progress(1)), nil)
		got, err := collect(t.Context(), t, p)
		if err != nil {
			t.Fatal(err)
		}
		wantUpdates(t, got, "1", "2", "done")

		got, err = collect(t.Context(), t, p)
		if err != nil {
			t.Fatal(err)
		}
		wantUpdates(t, got, "done")
		if got := len(c.Calls()); got != 3 {
			t.Errorf("got %d calls, want 3: a done operation is not polled", got)
		}
	})
}

func TestUpdatesYieldsAFailedOperation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, _ := setup(t, nil, pollertest.Step{Operation: pollertest.Failed(name, status.Error(codes.Aborted, "no"))})
		got, err := collect(t.Context(), t, p)
		if err != nil {
			t.Errorf("got error %v, want the done operation: no poll failed", err)
		}
		wantUpdates(t, got, "done")
		_, err = p.Result()
		wantCode(t, err, codes.Aborted)
	})
}

func TestUpdatesSurvivesTransientFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		steps := slices.Concat(repeat(10, failing(codes.Unavailable)), []pollertest.Step{at(1)}, repeat(10, failing(codes.DeadlineExceeded)), []pollertest.Step{at(2), done()})
		p, _ := setup(t, nil, steps...)
		got, err := collect(t.Context(), t, p)
		if err != nil {
			t.Fatal(err)
		}
		wantUpdates(t, got, "1", "2", "done")
	})
}

func TestUpdatesEndsWithOneError(t *testing.T) {
	t.Parallel()
	for what, tt := range map[string]struct {
		steps []pollertest.Step
		code  codes.Code
		want  []string
	}{
		"at once":           {[]pollertest.Step{failing(codes.PermissionDenied)}, codes.PermissionDenied, []string{"error"}},
		"after a state":     {[]pollertest.Step{at(1), failing(codes.NotFound)}, codes.NotFound, []string{"1", "error"}},
		"budget, at once":   {[]pollertest.Step{failing(codes.Unavailable)}, codes.Unavailable, []string{"error"}},
		"budget, after one": {[]pollertest.Step{at(1), failing(codes.Unavailable)}, codes.Unavailable, []string{"1", "error"}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p, _ := setup(t, nil, tt.steps...)
				got, err := collect(t.Context(), t, p)
				wantUpdates(t, got, tt.want...)
				wantCode(t, err, tt.code)
			})
		})
	}
}

func TestUpdatesEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for _, cancels := range []bool{false, true} {
		for what, steps := range map[string][]pollertest.Step{
			"before a state": {{Delay: time.Hour}},
			"after a state":  {at(1)},
		} {
			t.Run(fmt.Sprint(what, cancels), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					p, c := setup(t, &poller.Options{CancelOnContextDone: cancels}, steps...)
					ctx, cancel := context.WithTimeout(t.Context(), 4500*time.Millisecond)
					defer cancel()
					began := time.Now()
					got, err := collect(ctx, t, p)
					if !errors.Is(err, context.DeadlineExceeded) || got[len(got)-1] != "error" {
						t.Errorf("got updates %v and error %v, want context.DeadlineExceeded last", got, err)
					}
					if took := time.Since(began); took != 4500*time.Millisecond {
						t.Errorf("Updates took %v, want 4.5s", took)
					}
					if got := slices.Contains(methods(c.Calls()), "CancelOperation"); got != cancels {
						t.Errorf("cancelled the operation: %v, want %v", got, cancels)
					}
				})
			})
		}
	}
}

func TestLeavingUpdatesEndsThePolling(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, leaveAt := range []int{1, 2, 3} {
			p, c := setup(t, &poller.Options{CancelOnContextDone: true}, at(1), at(2), done())
			yields := 0
			for _, err := range p.Updates(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				if yields++; yields == leaveAt {
					break
				}
			}
			if got := len(c.Calls()); got != leaveAt {
				t.Errorf("leaving after %d states took calls %v, want as many", leaveAt, methods(c.Calls()))
			}
		}
	})
}

func TestLeavingUpdatesAtTheKnownStateCallsNothing(t *testing.T) {
	t.Parallel()
	c := &pollertest.Client{}
	for _, err := range poller.New[*wrapperspb.StringValue](c, running(), nil).Updates(t.Context()) {
		if err != nil {
			t.Error(err)
		}
		break
	}
	if calls := c.Calls(); len(calls) != 0 {
		t.Errorf("got calls %v, want none", calls)
	}
}

func TestUpdatesFallsBackToGet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &pollertest.Client{NoWait: true, Polls: []pollertest.Step{at(1), at(1), at(1), at(1), at(2), at(3), done()}}
		p := poller.Resume[*wrapperspb.StringValue](c, name, &poller.Options{BackoffJitter: -1})
		began := time.Now()
		got, err := collect(t.Context(), t, p)
		if err != nil {
			t.Fatal(err)
		}
		wantUpdates(t, got, "1", "2", "3", "done")
		var gets []pollertest.Call
		for _, call := range c.Calls() {
			if call.Method == "GetOperation" {
				gets = append(gets, call)
			}
		}
		want := []time.Duration{0, 1000, 2500, 4750, 8125, 9125, 10125}
		for i := range want {
			want[i] *= time.Millisecond
		}
		if got := starts(gets, began); !slices.Equal(got, want) {
			t.Errorf("polled at %v, want %v: the back-off starts anew when the state changes", got, want)
		}
	})
}

func TestUpdatesHonoursTheRecommendedInterval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := at(1)
		slow.Trailer = pollertest.RetryInfo(20 * time.Second)
		p, c := setup(t, nil, slow, slow, slow, done())
		if _, err := collect(t.Context(), t, p); err != nil {
			t.Fatal(err)
		}
		for _, d := range intervals(c.Calls()) {
			if d != 20*time.Second {
				t.Errorf("got intervals %v, want 20s each", intervals(c.Calls()))
			}
		}
	})
}

func TestUpdatesYieldsCopies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, _ := setup(t, nil, at(1), done())
		for op, err := range p.Updates(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			op.Name, op.Metadata, op.Result = "mine", nil, nil
		}
		res, err := p.Result()
		wantResponse(t, res, err)
	})
}

func TestUpdatesYieldsNothingAfterAnError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &client{
			Client: &pollertest.Client{Polls: []pollertest.Step{at(1)}},
			wait: func(context.Context, time.Duration) (*longrunningpb.Operation, error) {
				time.Sleep(time.Second)
				return nil, status.Error(codes.PermissionDenied, "no")
			},
		}
		p := poller.New[*wrapperspb.StringValue](c, running(), nil)
		var wg sync.WaitGroup
		wg.Go(func() {
			got, err := collect(t.Context(), t, p)
			wantCode(t, err, codes.PermissionDenied)
			wantUpdates(t, got, "0", "error")
		})
		synctest.Wait()
		if err := p.Poll(t.Context()); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
	})
}

func TestUpdatesYieldsAnEndThatAnotherGoroutineLearnt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &client{
			Client: &pollertest.Client{Polls: []pollertest.Step{{Operation: running()}, {Operation: succeeded()}}},
			wait: func(context.Context, time.Duration) (*longrunningpb.Operation, error) {
				return nil, status.Error(codes.Unavailable, "no")
			},
		}
		p := poller.Resume[*wrapperspb.StringValue](c, name, &poller.Options{InitialBackoff: time.Hour})
		var wg sync.WaitGroup
		wg.Go(func() {
			got, err := collect(t.Context(), t, p)
			if err != nil {
				t.Error(err)
			}
			wantUpdates(t, got, "0", "done")
		})
		synctest.Wait()
		if err := p.Poll(t.Context()); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
	})
}
