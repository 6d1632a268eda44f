package poller_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
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

func TestFailedCallNamesMethodAndOperation(t *testing.T) {
	t.Parallel()
	errDenied := status.Error(codes.PermissionDenied, "not yours")
	p, _ := setup(t, nil, pollertest.Step{Err: errDenied})
	_, err := p.Wait(t.Context())
	wantCode(t, err, codes.PermissionDenied)
	wantText(t, err, "WaitOperation", name, "not yours")
	if !errors.Is(err, errDenied) {
		t.Errorf("got error %v, want it to wrap the client's", err)
	}
}

// A Client that waits for another operation on its way may fail with that one's
// error.
func TestFailedCallIsNeverAFailedOperation(t *testing.T) {
	t.Parallel()
	_, other := poller.New[*wrapperspb.StringValue](&pollertest.Client{}, pollertest.Failed("operations/other", status.Error(codes.Aborted, "boom")), nil).Result()
	p, _ := setup(t, nil, pollertest.Step{Err: other})
	for range 2 {
		err := p.Poll(t.Context())
		wantCode(t, err, codes.Aborted)
		wantText(t, err, "boom", name)
		if e, ok := errors.AsType[*poller.Error](err); ok {
			t.Errorf("the failed poll is reported as *poller.Error %v", e)
		}
	}
}

func TestClientWithoutAnswerIsAnError(t *testing.T) {
	t.Parallel()
	p, _ := setup(t, nil, pollertest.Step{})
	_, err := p.Wait(t.Context())
	wantText(t, err, "neither an operation nor an error")
	if p.Operation().GetName() != name {
		t.Errorf("got operation %v, want it unchanged", p.Operation())
	}
}

func TestCodesOfBareErrors(t *testing.T) {
	t.Parallel()
	p, c := setup(t, nil, pollertest.Step{Err: context.Canceled}, pollertest.Step{Err: errors.New("broken wire")})
	for _, want := range []string{"context canceled", "broken wire"} {
		_, err := p.Wait(t.Context())
		wantText(t, err, want)
	}
	if got := len(c.Calls()); got != 2 {
		t.Errorf("got %d calls, want 2: neither is transient", got)
	}
}

func TestWaitSurvivesTransientFailures(t *testing.T) {
	t.Parallel()
	for _, code := range []codes.Code{codes.Unavailable, codes.DeadlineExceeded} {
		t.Run(code.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ten := repeat(10, failing(code), pollertest.Step{Operation: running()})
				p, c := setup(t, nil, append(slices.Concat(ten, ten), pollertest.Step{Operation: succeeded()})...)
				res, err := p.Wait(t.Context())
				wantResponse(t, res, err)
				if got := len(c.Calls()); got != 23 {
					t.Errorf("got %d calls, want 23: the budget counts failures in a row", got)
				}
			})
		})
	}
}

func TestWaitGivesUpAfterTheBudget(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ maxRetries, calls int }{{0, 11}, {2, 3}, {-1, 1}} {
		t.Run(strconv.Itoa(tt.maxRetries), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p, c := setup(t, &poller.Options{MaxRetries: tt.maxRetries}, failing(codes.Unavailable))
				_, err := p.Wait(t.Context())
				wantCode(t, err, codes.Unavailable)
				wantText(t, err, fmt.Sprintf("allows %d transient", tt.calls-1))
				if got := len(c.Calls()); got != tt.calls {
					t.Errorf("got %d calls, want %d", got, tt.calls)
				}
			})
		})
	}
}

func TestWaitEndsAtOnceWithOtherCodes(t *testing.T) {
	t.Parallel()
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		if slices.Contains([]codes.Code{codes.Unavailable, codes.DeadlineExceeded, codes.Unimplemented, codes.ResourceExhausted}, code) {
			continue
		}
		t.Run(code.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p, c := setup(t, nil, failing(code))
				_, err := p.Wait(t.Context())
				wantCode(t, err, code)
				if _, ok := errors.AsType[*poller.Error](err); ok {
					t.Errorf("the failed poll is reported as *poller.Error: %v", err)
				}
				if got := len(c.Calls()); got != 1 {
					t.Errorf("got %d calls, want 1: AIP-194 retries UNAVAILABLE only", got)
				}
			})
		})
	}
}

// A server with no room for another parked call still answers GetOperation.
func TestWaitPollsWhereNoCallMayPark(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		full := failing(codes.ResourceExhausted)
		p, c := setup(t, nil, full, pollertest.Step{Operation: running()}, full, pollertest.Step{Operation: succeeded()})
		res, err := p.Wait(t.Context())
		wantResponse(t, res, err)
		if got, want := methods(c.Calls()), []string{"WaitOperation", "GetOperation", "WaitOperation", "GetOperation"}; !slices.Equal(got, want) {
			t.Errorf("got calls %v, want %v", got, want)
		}

		p, c = setup(t, nil, full)
		_, err = p.Wait(t.Context())
		wantCode(t, err, codes.ResourceExhausted)
		if got := len(c.Calls()); got != 2 {
			t.Errorf("got %d calls, want 2: for GetOperation it is final", got)
		}
	})
}

// Proxies cut parked calls off, and some servers answer an error when the
// asked time is over. Neither may spend the budget of a long operation.
func TestWaitSurvivesWhatBreaksParkedCalls(t *testing.T) {
	t.Parallel()
	for _, code := range []codes.Code{codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted} {
		t.Run(code.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				calls := 0
				c := &client{
					wait: func(context.Context, time.Duration) (*longrunningpb.Operation, error) {
						calls++
						time.Sleep(30 * time.Second)
						return nil, status.Error(code, "cut off")
					},
					get: func(context.Context) (*longrunningpb.Operation, error) {
						calls++
						if time.Since(began) < time.Hour {
							return running(), nil
						}
						return succeeded(), nil
					},
				}
				res, err := poller.Resume[*wrapperspb.StringValue](c, name, nil).Wait(t.Context())
				wantResponse(t, res, err)
				if over := time.Since(began) - time.Hour; over > 35*time.Second {
					t.Errorf("Wait returned %v after the end, want at most a parked call and two pauses: its back-off does not grow behind parked calls", over)
				}
				if calls > 250 {
					t.Errorf("got %d calls in an hour, want two per parked one", calls)
				}
			})
		})
	}
}

func TestWaitIsNotHeldByASilentServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		silent := pollertest.Step{Delay: 24 * time.Hour}
		p, c := setup(t, nil, silent, silent, pollertest.Step{Operation: succeeded()})
		res, err := p.Wait(t.Context())
		wantResponse(t, res, err)
		for i, want := range []time.Duration{70 * time.Second, 10 * time.Second} {
			if got := intervals(c.Calls())[i]; got < want || got > want+2*time.Second {
				t.Errorf("call %d was given up after %v, want %v: the parked time and CallTimeout", i, got, want)
			}
		}
	})
}

// Clients that are no gRPC clients answer bare context errors.
func TestWaitTakesBareDeadlineForTransient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, _ := setup(t, nil, pollertest.Step{Err: context.DeadlineExceeded}, pollertest.Step{Operation: succeeded()})
		res, err := p.Wait(t.Context())
		wantResponse(t, res, err)
	})
}

func TestWaitSaysThatTheOperationIsGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, _ := setup(t, nil, pollertest.Step{Operation: running()}, failing(codes.NotFound))
		_, err := p.Wait(t.Context())
		wantCode(t, err, codes.NotFound)
		wantText(t, err, name, "deleted", "expired")
	})
}
