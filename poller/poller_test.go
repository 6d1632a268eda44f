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
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/longrunning-go/longrunning/poller"
	"github.com/longrunning-go/longrunning/poller/pollertest"
)

var _ poller.Client = longrunningpb.OperationsClient(nil)

func TestNewPanicsWithoutClient(t *testing.T) {
	t.Parallel()
	defer func() {
		if got := recover(); got == nil {
			t.Error("New with a nil Client did not panic")
		}
	}()
	poller.New[*wrapperspb.StringValue](nil, running(), nil)
}

func TestCallsWithoutNameFail(t *testing.T) {
	t.Parallel()
	c := &pollertest.Client{Polls: []pollertest.Step{{Operation: succeeded()}}}
	for what, p := range map[string]*poller.Poller[*wrapperspb.StringValue]{
		"nil operation":      poller.New[*wrapperspb.StringValue](c, nil, nil),
		"nameless operation": poller.New[*wrapperspb.StringValue](c, &longrunningpb.Operation{}, nil),
		"empty name":         poller.Resume[*wrapperspb.StringValue](c, "", nil),
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			_, waited := p.Wait(t.Context())
			var updated error
			for _, err := range p.Updates(t.Context()) {
				updated = err
			}
			for method, err := range map[string]error{
				"Wait": waited, "Updates": updated, "Poll": p.Poll(t.Context()),
				"Cancel": p.Cancel(t.Context()), "Delete": p.Delete(t.Context()),
			} {
				if err == nil {
					t.Errorf("%s answered no error, want one", method)
				}
				wantText(t, err, "no name")
			}
			if _, err := p.Result(); !errors.Is(err, poller.ErrNotDone) {
				t.Errorf("Result: got error %v, want ErrNotDone", err)
			}
			if p.Done() || p.Name() != "" || p.Operation() == nil {
				t.Errorf("got done %v, name %q, operation %v; want false, none and not nil", p.Done(), p.Name(), p.Operation())
			}
			if calls := c.Calls(); len(calls) != 0 {
				t.Errorf("got calls %v, want none", calls)
			}
		})
	}
}

func TestResumeKnowsOnlyTheName(t *testing.T) {
	t.Parallel()
	p, c := setup(t, nil)
	if p.Done() || p.Name() != name || p.Operation().GetName() != name {
		t.Errorf("got done %v, name %q, operation %v; want false, and %q twice", p.Done(), p.Name(), p.Operation(), name)
	}
	if calls := c.Calls(); len(calls) != 0 {
		t.Errorf("got calls %v, want none", calls)
	}
}

func TestNewCopiesTheOperation(t *testing.T) {
	t.Parallel()
	op := running()
	p := poller.New[*wrapperspb.StringValue](&pollertest.Client{}, op, nil)
	op.Done, op.Name = true, "changed"
	if p.Done() || p.Operation().GetName() != name {
		t.Errorf("got operation %v, want it unchanged by the caller", p.Operation())
	}
	p.Operation().Done = true
	if p.Done() {
		t.Error("a change to what Operation answered changed the poller")
	}
}

func TestPollAsksOnce(t *testing.T) {
	t.Parallel()
	p, c := setup(t, nil, pollertest.Step{Operation: running()}, failing(codes.Unavailable), pollertest.Step{Operation: pollertest.Failed(name, errors.New("broken"))})
	if err := p.Poll(t.Context()); err != nil || p.Done() {
		t.Errorf("first Poll: got error %v, done %v; want none and false", err, p.Done())
	}
	wantCode(t, p.Poll(t.Context()), codes.Unavailable)
	if err := p.Poll(t.Context()); err != nil || !p.Done() {
		t.Errorf("third Poll: got error %v, done %v; want none and true: the failure is the operation's", err, p.Done())
	}
	if _, err := p.Result(); err == nil {
		t.Error("Result: got no error, want that of the operation")
	}
	if err := p.Poll(t.Context()); err != nil {
		t.Errorf("Poll of a done operation: %v", err)
	}
	if got, want := methods(c.Calls()), []string{"GetOperation", "GetOperation", "GetOperation"}; !slices.Equal(got, want) {
		t.Errorf("got calls %v, want %v: a done operation is not polled", got, want)
	}
}

func TestPollEndsWithItsContextAndHasADeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, _ := setup(t, nil, pollertest.Step{Delay: time.Hour})
		began := time.Now()
		wantCode(t, p.Poll(t.Context()), codes.DeadlineExceeded)
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("Poll of a silent server took %v, want 10s", took)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if err := p.Poll(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got error %v, want context.Canceled", err)
		}
	})
}

// A poll that was under way when the operation ended answers an older state.
func TestDoneIsNeverTakenBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, _ := setup(t, nil, pollertest.Step{Operation: running(), Delay: time.Second}, pollertest.Step{Operation: succeeded()})
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := p.Poll(t.Context()); err != nil {
				t.Errorf("the late Poll: %v", err)
			}
		})
		synctest.Wait()
		if err := p.Poll(t.Context()); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		if !p.Done() {
			t.Error("a late answer took back that the operation is done")
		}
	})
}

func TestCancelAndDelete(t *testing.T) {
	t.Parallel()
	p, c := setup(t, nil)
	if err := p.Cancel(t.Context()); err != nil {
		t.Errorf("Cancel: %v", err)
	}
	if err := p.Delete(t.Context()); err != nil {
		t.Errorf("Delete: %v", err)
	}
	if got, want := methods(c.Calls()), []string{"CancelOperation", "DeleteOperation"}; !slices.Equal(got, want) {
		t.Errorf("got calls %v, want %v", got, want)
	}
	_, err := p.Wait(t.Context())
	wantCode(t, err, codes.NotFound)
	wantText(t, err, "deleted")
}

func TestCancelOfADoneOperationDoesNothing(t *testing.T) {
	t.Parallel()
	c := &pollertest.Client{}
	if err := poller.New[*wrapperspb.StringValue](c, succeeded(), nil).Cancel(t.Context()); err != nil {
		t.Errorf("Cancel: %v", err)
	}
	if calls := c.Calls(); len(calls) != 0 {
		t.Errorf("got calls %v, want none", calls)
	}
}

func TestCancelAndDeleteSurviveTransientFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &pollertest.Client{
			Cancels: repeat(10, failing(codes.Unavailable), pollertest.Step{}),
			Deletes: repeat(1, failing(codes.Unavailable), failing(codes.NotFound)),
		}
		p := poller.Resume[*wrapperspb.StringValue](c, name, nil)
		if err := p.Cancel(t.Context()); err != nil {
			t.Errorf("Cancel: %v", err)
		}
		for _, d := range intervals(c.Calls()) {
			if d < 800*time.Millisecond {
				t.Errorf("Cancel was repeated after %v, want at least 0.8s", d)
			}
		}
		if err := p.Delete(t.Context()); err != nil {
			t.Errorf("Delete: %v; want none: the earlier call may have deleted", err)
		}
		err := p.Delete(t.Context())
		wantCode(t, err, codes.NotFound)
	})
}

func TestCancelAndDeleteEndWithTheirContext(t *testing.T) {
	t.Parallel()
	for what, step := range map[string]pollertest.Step{
		"while pausing for a failure": failing(codes.Unavailable),
		"while a call is under way":   {Delay: time.Hour},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := &pollertest.Client{Cancels: []pollertest.Step{step}, Deletes: []pollertest.Step{step}}
				p := poller.Resume[*wrapperspb.StringValue](c, name, nil)
				for method, call := range map[string]func(context.Context) error{"Cancel": p.Cancel, "Delete": p.Delete} {
					ctx, cancel := context.WithCancel(t.Context())
					time.AfterFunc(500*time.Millisecond, cancel)
					began, before := time.Now(), len(c.Calls())
					for range 2 {
						if err := call(ctx); !errors.Is(err, context.Canceled) {
							t.Errorf("%s: got error %v, want context.Canceled", method, err)
						}
					}
					if took := time.Since(began); took != 500*time.Millisecond {
						t.Errorf("%s twice took %v, want 0.5s", method, took)
					}
					if got := len(c.Calls()) - before; got != 1 {
						t.Errorf("%s twice made %d calls, want 1: none when the context has ended", method, got)
					}
				}
			})
		})
	}
}

func TestCancelGivesUpAfterTheBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &pollertest.Client{Cancels: []pollertest.Step{failing(codes.Unavailable)}}
		err := poller.Resume[*wrapperspb.StringValue](c, name, nil).Cancel(t.Context())
		wantCode(t, err, codes.Unavailable)
		wantText(t, err, "CancelOperation", "MaxRetries")
		if got := len(c.Calls()); got != 11 {
			t.Errorf("got %d calls, want 11", got)
		}
	})
}
