package poller_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/longrunning-go/longrunning/poller"
	"github.com/longrunning-go/longrunning/poller/pollertest"
)

// endings are the places where a context may end.
func endings() map[string][]pollertest.Step {
	return map[string][]pollertest.Step{
		"while a call is parked":        {{Operation: running(), Park: true}},
		"while pausing for an interval": {{Operation: running(), Trailer: pollertest.RetryInfo(time.Minute)}},
		"while pausing for a failure":   repeat(1, pollertest.Step{Err: status.Error(codes.Unavailable, "no"), Trailer: pollertest.RetryInfo(time.Minute)}),
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for where, steps := range endings() {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p, c := setup(t, nil, steps...)
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				began := time.Now()
				_, err := p.Wait(ctx)
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got error %v, want context.DeadlineExceeded", err)
				}
				wantCode(t, err, codes.DeadlineExceeded)
				wantText(t, err, name)
				if took := time.Since(began); took != 5*time.Second {
					t.Errorf("Wait took %v, want 5s: it ends with its context", took)
				}
				if slices.Contains(methods(c.Calls()), "CancelOperation") {
					t.Error("the operation was cancelled, want it to go on")
				}
			})
		})
	}
}

func TestWaitTellsTheCauseOfItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		errCause := errors.New("the user left")
		p, c := setup(t, nil, pollertest.Step{Operation: running(), Park: true})
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(errCause) })
		_, err := p.Wait(ctx)
		if !errors.Is(err, context.Canceled) || !errors.Is(err, errCause) {
			t.Errorf("got error %v, want one that is context.Canceled and its cause", err)
		}
		wantCode(t, err, codes.Canceled)
		wantText(t, err, errCause.Error())

		calls := len(c.Calls())
		if _, err := p.Wait(ctx); !errors.Is(err, errCause) || len(c.Calls()) != calls {
			t.Errorf("Wait with an ended context: got error %v and %d calls, want the cause and none", err, len(c.Calls())-calls)
		}
	})
}

// An errgroup cancels its other members with the first one's error as cause.
func TestContextEndedByAnotherOperationIsNoFailureOfThisOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, other := poller.New[*wrapperspb.StringValue](&pollertest.Client{}, pollertest.Failed("operations/other", status.Error(codes.NotFound, "no such shelf")), nil).Wait(t.Context())
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(other)
		p, _ := setup(t, nil, pollertest.Step{Operation: running()})
		_, err := p.Wait(ctx)
		if e, ok := errors.AsType[*poller.Error](err); ok {
			t.Errorf("got %v as *poller.Error, want none: this operation goes on", e)
		}
		wantCode(t, err, codes.Canceled)
		wantText(t, err, name, "no such shelf")
	})
}

func TestCancelOnContextDone(t *testing.T) {
	t.Parallel()
	for where, steps := range endings() {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p, c := setup(t, &poller.Options{CancelOnContextDone: true}, steps...)
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				_, err := p.Wait(ctx)
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got error %v, want context.DeadlineExceeded", err)
				}
				calls := c.Calls()
				if last := calls[len(calls)-1]; last.Method != "CancelOperation" || last.Name != name {
					t.Errorf("the last call is %+v, want CancelOperation", last)
				}
			})
		})
	}
}

func TestCancelOnContextDoneIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &pollertest.Client{
			Polls:   []pollertest.Step{{Operation: running(), Park: true}},
			Cancels: []pollertest.Step{{Delay: time.Hour}},
		}
		p := poller.Resume[*wrapperspb.StringValue](c, name, &poller.Options{CancelOnContextDone: true, CallTimeout: 3 * time.Second})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		began := time.Now()
		_, err := p.Wait(ctx)
		if took := time.Since(began); took != 4*time.Second {
			t.Errorf("Wait took %v, want 4s: one until its context ended, and CallTimeout", took)
		}
		if !errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got error %v, want that of the caller's context alone", err)
		}
		wantText(t, err, "cancelling it failed")
	})
}

func TestCancelOnContextDoneLeavesADoneOperationAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &pollertest.Client{}
		p := poller.New[*wrapperspb.StringValue](c, succeeded(), &poller.Options{CancelOnContextDone: true})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		res, err := p.Wait(ctx)
		wantResponse(t, res, err)
		if got := c.Calls(); len(got) != 0 {
			t.Errorf("got calls %v, want none", got)
		}
	})
}

func TestCancelOnContextDoneKeepsTheValuesOfTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		c := &client{Client: &pollertest.Client{}}
		var got any
		c.cancel = func(ctx context.Context) error {
			got = ctx.Value(key{})
			return ctx.Err()
		}
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "credentials"))
		cancel()
		_, err := poller.Resume[*wrapperspb.StringValue](c, name, &poller.Options{CancelOnContextDone: true}).Wait(ctx)
		if got != "credentials" {
			t.Errorf("CancelOperation's context has value %v, want that of the caller's", got)
		}
		if !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "cancelling it failed") {
			t.Errorf("got error %v, want context.Canceled and no word of a failed cancel", err)
		}
	})
}

// Whoever gives a minute learns why it was not enough, and not of the call that the
// context ended.
func TestContextErrorTellsTheLastFailure(t *testing.T) {
	t.Parallel()
	refused := pollertest.Step{Err: status.Error(codes.Unavailable, "connection refused")}
	calls := map[string]func(*poller.Poller[*wrapperspb.StringValue], context.Context) error{
		"Wait": func(p *poller.Poller[*wrapperspb.StringValue], ctx context.Context) error {
			_, err := p.Wait(ctx)
			return err
		},
		"Cancel": (*poller.Poller[*wrapperspb.StringValue]).Cancel,
	}
	for name, call := range calls {
		for what, tt := range map[string]struct {
			steps []pollertest.Step
			told  bool
		}{
			"every call failed":            {[]pollertest.Step{refused}, true},
			"the last one hung":            {[]pollertest.Step{refused, {Delay: time.Hour}}, true},
			"only the context ended calls": {[]pollertest.Step{{Delay: time.Hour}}, false},
		} {
			t.Run(name+"/"+what, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					c := &pollertest.Client{Polls: tt.steps, Cancels: tt.steps}
					ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
					defer cancel()
					err := call(poller.Resume[*wrapperspb.StringValue](c, name, nil), ctx)
					if !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("got error %v, want the context's", err)
					}
					wantCode(t, err, codes.DeadlineExceeded)
					if told := strings.Contains(err.Error(), "connection refused"); told != tt.told {
						t.Errorf("got error %q; that the last call failed must be told: %t", err, tt.told)
					}
				})
			})
		}
	}
	t.Run("Wait/an answer came since", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			p, _ := setup(t, nil, refused, pollertest.Step{Operation: running()}, pollertest.Step{Delay: time.Hour})
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			if _, err := p.Wait(ctx); strings.Contains(err.Error(), "connection refused") {
				t.Errorf("got error %q, want nothing of a failure that has passed", err)
			}
		})
	})
}
