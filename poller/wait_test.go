package poller_test

import (
	"context"
	"errors"
	"slices"
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

func TestWaitParksCallsBackToBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		parked := pollertest.Step{Operation: running(), Park: true}
		done := pollertest.Step{Operation: succeeded(), Delay: 20 * time.Second}
		p, c := setup(t, nil, parked, parked, done)
		began := time.Now()
		res, err := p.Wait(t.Context())
		wantResponse(t, res, err)

		want := []time.Duration{0, time.Minute, 2 * time.Minute}
		if got := starts(c.Calls(), began); !slices.Equal(got, want) {
			t.Errorf("calls started at %v, want %v: a parked call is followed by the next at once", got, want)
		}
		for _, call := range c.Calls() {
			if call.Method != "WaitOperation" || call.Name != name || call.Timeout != time.Minute {
				t.Errorf("got call %+v, want WaitOperation of %s for a minute", call, name)
			}
		}
		if got := time.Since(began); got != 2*time.Minute+20*time.Second {
			t.Errorf("Wait took %v, want 2m20s: it returns when the server answers", got)
		}
	})
}

func TestWaitUsesLongPollOfOptions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, c := setup(t, &poller.Options{LongPoll: 5 * time.Second}, pollertest.Step{Operation: running(), Park: true}, pollertest.Step{Operation: succeeded()})
		res, err := p.Wait(t.Context())
		wantResponse(t, res, err)
		if got := c.Calls()[0].Timeout; got != 5*time.Second {
			t.Errorf("WaitOperation was asked to park %v, want 5s", got)
		}
	})
}

func TestWaitFallsBackToGet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &pollertest.Client{NoWait: true, Polls: repeat(3, pollertest.Step{Operation: running()}, pollertest.Step{Operation: succeeded()})}
		p := poller.Resume[*wrapperspb.StringValue](c, name, &poller.Options{BackoffJitter: -1})
		began := time.Now()
		res, err := p.Wait(t.Context())
		wantResponse(t, res, err)

		want := []string{"WaitOperation", "GetOperation", "GetOperation", "GetOperation", "GetOperation"}
		if got := methods(c.Calls()); !slices.Equal(got, want) {
			t.Errorf("got calls %v, want %v: UNIMPLEMENTED is remembered", got, want)
		}
		at := []time.Duration{0, 0, time.Second, 2500 * time.Millisecond, 4750 * time.Millisecond}
		if got := starts(c.Calls(), began); !slices.Equal(got, at) {
			t.Errorf("calls started at %v, want %v: the back-off grows by half", got, at)
		}
	})
}

func TestWaitRemembersThatThereIsNoWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &pollertest.Client{NoWait: true, Polls: repeat(1, failing(codes.Internal), pollertest.Step{Operation: succeeded()})}
		p := poller.Resume[*wrapperspb.StringValue](c, name, nil)
		_, err := p.Wait(t.Context())
		wantCode(t, err, codes.Internal)
		res, err := p.Wait(t.Context())
		wantResponse(t, res, err)
		if got, want := methods(c.Calls()), []string{"WaitOperation", "GetOperation", "GetOperation"}; !slices.Equal(got, want) {
			t.Errorf("got calls %v, want %v: a second Wait knows", got, want)
		}
	})
}

func TestWaitNeverCallsWaitOperationIfToldSo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, c := setup(t, &poller.Options{LongPoll: -1}, pollertest.Step{Operation: running()}, pollertest.Step{Operation: succeeded()})
		res, err := p.Wait(t.Context())
		wantResponse(t, res, err)
		if got, want := methods(c.Calls()), []string{"GetOperation", "GetOperation"}; !slices.Equal(got, want) {
			t.Errorf("got calls %v, want %v", got, want)
		}
	})
}

// No budget may hide the end of a server that has neither method.
func TestWaitEndsIfGetIsUnimplementedToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, c := setup(t, nil, failing(codes.Unimplemented))
		_, err := p.Wait(t.Context())
		wantCode(t, err, codes.Unimplemented)
		if got := len(c.Calls()); got != 2 {
			t.Errorf("got %d calls, want 2", got)
		}
	})
}

func TestWaitNeedsNoCallForADoneOperation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		c := &pollertest.Client{}
		for _, op := range []*longrunningpb.Operation{succeeded(), pollertest.Succeeded("", response())} {
			res, err := poller.New[*wrapperspb.StringValue](c, op, nil).Wait(ended)
			wantResponse(t, res, err)
		}
		if got := c.Calls(); len(got) != 0 {
			t.Errorf("got calls %v, want none", got)
		}
	})
}

func TestWaitsOfSeveralGoroutines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, _ := setup(t, nil, repeat(40, pollertest.Step{Operation: running(), Delay: time.Second}, pollertest.Step{Operation: succeeded()})...)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				res, err := p.Wait(t.Context())
				if err != nil || res.GetValue() != response().GetValue() {
					t.Errorf("Wait answered %v, %v, want the response", res, err)
				}
			})
			wg.Go(func() {
				for !p.Done() {
					if err := p.Poll(t.Context()); err != nil {
						t.Errorf("Poll: %v", err)
					}
					if _, err := p.Result(); err != nil && !errors.Is(err, poller.ErrNotDone) {
						t.Errorf("Result: %v", err)
					}
					p.Operation().Name = "mine"
				}
			})
		}
		wg.Wait()
		if got := p.Operation().GetName(); got != name {
			t.Errorf("the poller's operation is named %q, want %q: Operation answers copies", got, name)
		}
	})
}

func TestWaitWakesWhenAnotherGoroutineLearnsTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, _ := setup(t, &poller.Options{LongPoll: -1, InitialBackoff: time.Hour}, pollertest.Step{Operation: running()}, pollertest.Step{Operation: succeeded()})
		began := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() {
			res, err := p.Wait(t.Context())
			wantResponse(t, res, err)
		})
		synctest.Wait()
		if err := p.Poll(t.Context()); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		if took := time.Since(began); took != 0 {
			t.Errorf("Wait returned %v after the end was known, want at once", took)
		}
	})
}

// Whoever saw the operation done is not told NOT_FOUND, because it was deleted
// meanwhile.
func TestWaitPrefersAKnownEndToAFailedPoll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &client{
			Client: &pollertest.Client{Polls: []pollertest.Step{{Operation: succeeded()}}},
			wait: func(context.Context, time.Duration) (*longrunningpb.Operation, error) {
				time.Sleep(time.Second)
				return nil, status.Error(codes.NotFound, "deleted")
			},
		}
		p := poller.Resume[*wrapperspb.StringValue](c, name, nil)
		var wg sync.WaitGroup
		wg.Go(func() {
			res, err := p.Wait(t.Context())
			wantResponse(t, res, err)
		})
		synctest.Wait()
		if err := p.Poll(t.Context()); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
	})
}

func TestWaitEndsTheContextOfEveryCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var ctxs []context.Context
		c := &client{}
		c.wait = func(ctx context.Context, _ time.Duration) (*longrunningpb.Operation, error) {
			ctxs = append(ctxs, ctx)
			if len(ctxs) < 3 {
				return running(), nil
			}
			return succeeded(), nil
		}
		res, err := poller.Resume[*wrapperspb.StringValue](c, name, nil).Wait(t.Context())
		wantResponse(t, res, err)
		for i, ctx := range ctxs {
			if ctx.Err() == nil {
				t.Errorf("the context of call %d goes on, and so does its timer", i)
			}
		}
	})
}
