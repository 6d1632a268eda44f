package gapic_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	gax "github.com/googleapis/gax-go/v2"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/poller"
	"github.com/longrunning-go/longrunning/poller/gapic"
	"github.com/longrunning-go/longrunning/poller/pollertest"
)

func TestNewPanicsWithoutClient(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("New with a nil client did not panic")
		}
	}()
	gapic.New(nil)
}

// Google's default deadline of ten seconds would cut a minute's park.
func TestWaitParksForAMinute(t *testing.T) {
	t.Parallel()
	over(t, func(t *testing.T, connect connect) {
		s := setup(t, nil)
		server := &counting{OperationsServer: lro.NewServer(s.Manager, lro.AllowAll, nil)}
		began := time.Now()
		p := resume(connect(t, server), s.start(t), nil)
		time.Sleep(30 * time.Second) // so that the last call ends with the operation
		res, err := p.Wait(t.Context())
		wantResponse(t, res, err)
		if took := time.Since(began); took != 3*time.Minute {
			t.Errorf("Wait answered after %v, want 3m: when the operation ends", took)
		}
		wantStarts(t, server.calls, began, "WaitOperation", 30*time.Second, 90*time.Second, 150*time.Second)
		meta, err := poller.Metadata[*testpb.PrintMetadata](p.Operation())
		if err != nil || meta.GetPagesDone() != 3 {
			t.Errorf("got metadata %v, %v; want 3 pages", meta, err)
		}
	})
}

func TestUpdates(t *testing.T) {
	t.Parallel()
	over(t, func(t *testing.T, connect connect) {
		s := setup(t, nil)
		p := resume(connect(t, lro.NewServer(s.Manager, lro.AllowAll, nil)), s.start(t), nil)
		var seen int64
		for op, err := range p.Updates(t.Context()) {
			must(t, err)
			meta, err := poller.Metadata[*testpb.PrintMetadata](op)
			must(t, err)
			if meta.GetPagesDone() < seen || meta.GetPagesDone() > seen+1 {
				t.Errorf("got %d pages after %d, want one after the other", meta.GetPagesDone(), seen)
			}
			seen = meta.GetPagesDone()
		}
		res, err := p.Result()
		wantResponse(t, res, err)
		if seen != 3 {
			t.Errorf("got %d pages at last, want 3", seen)
		}
	})
}

func TestOperationFails(t *testing.T) {
	t.Parallel()
	over(t, func(t *testing.T, connect connect) {
		jam, err := status.New(codes.FailedPrecondition, "paper jam").WithDetails(&errdetails.ErrorInfo{Reason: "JAM", Domain: "printer.example.com"})
		must(t, err)
		s := setup(t, nil)
		s.err = jam.Err()
		_, err = resume(connect(t, lro.NewServer(s.Manager, lro.AllowAll, nil)), s.start(t), nil).Wait(t.Context())
		failed, ok := errors.AsType[*poller.Error](err)
		if !ok || failed.GRPCStatus().Code() != codes.FailedPrecondition || failed.GRPCStatus().Message() != "paper jam" || reason(failed) != "JAM" {
			t.Errorf("got %v with reason %q, want a *poller.Error with the whole status %v", err, reason(err), jam)
		}
	})
}

func TestOperationIsCancelled(t *testing.T) {
	t.Parallel()
	over(t, func(t *testing.T, connect connect) {
		s := setup(t, nil)
		p := resume(connect(t, lro.NewServer(s.Manager, lro.AllowAll, nil)), s.start(t), nil)
		must(t, p.Cancel(t.Context()))
		_, err := p.Wait(t.Context())
		if failed, ok := errors.AsType[*poller.Error](err); !ok || failed.GRPCStatus().Code() != codes.Canceled {
			t.Errorf("got %v, want a *poller.Error with code Canceled", err)
		}
	})
}

// The name was deleted, or never was: over REST that is told by GetOperation.
func TestNotFoundIsFinal(t *testing.T) {
	t.Parallel()
	over(t, func(t *testing.T, connect connect) {
		s := setup(t, nil)
		c := connect(t, lro.NewServer(s.Manager, lro.AllowAll, nil))
		name := s.start(t)
		must(t, resume(c, name, nil).Delete(t.Context()))
		began := time.Now()
		for _, longPoll := range []time.Duration{-1, time.Minute} {
			_, err := resume(c, name, &poller.Options{LongPoll: longPoll}).Wait(t.Context())
			wantCode(t, err, codes.NotFound)
			if reason(err) != "OPERATION_NOT_FOUND" {
				t.Errorf("got reason %q of %v, want OPERATION_NOT_FOUND: the details survive", reason(err), err)
			}
		}
		wantCode(t, resume(c, name, nil).Cancel(t.Context()), codes.NotFound)
		wantCode(t, resume(c, name, nil).Delete(t.Context()), codes.NotFound)
		if took := time.Since(began); took != 0 {
			t.Errorf("it took %v to tell that the operation does not exist, want no second attempt", took)
		}
	})
}

func TestContextEndsFirst(t *testing.T) {
	t.Parallel()
	over(t, func(t *testing.T, connect connect) {
		s := setup(t, nil)
		p := resume(connect(t, lro.NewServer(s.Manager, lro.AllowAll, nil)), s.start(t), nil)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		began := time.Now()
		_, err := p.Wait(ctx)
		if took := time.Since(began); took != 5*time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got error %v after %v, want context.DeadlineExceeded after 5s", err, took)
		}
		wantCode(t, err, codes.DeadlineExceeded)
		res, err := p.Wait(t.Context())
		wantResponse(t, res, err)
	})
}

// Each call of the poller is one call: Google's client, which repeats them by
// itself for ten seconds and longer, does not.
func TestFailuresSpendThePollersBudget(t *testing.T) {
	t.Parallel()
	over(t, func(t *testing.T, connect connect) {
		unavailable := failing(codes.Unavailable)
		script := &pollertest.Client{
			Polls:   []pollertest.Step{unavailable, unavailable, {Operation: running()}, {Operation: succeeded()}},
			Cancels: []pollertest.Step{unavailable},
			Deletes: []pollertest.Step{unavailable},
		}
		c := connect(t, scripted{Client: script})
		opts := &poller.Options{LongPoll: -1, BackoffJitter: -1, MaxRetries: 2}
		began := time.Now()
		res, err := resume(c, name, opts).Wait(t.Context())
		wantResponse(t, res, err)
		wantStarts(t, script.Calls(), began, "GetOperation", 0, time.Second, 2500*time.Millisecond, 4750*time.Millisecond)

		before := len(script.Calls())
		began = time.Now()
		wantCode(t, resume(c, name, opts).Cancel(t.Context()), codes.Unavailable)
		wantStarts(t, script.Calls()[before:], began, "CancelOperation", 0, time.Second, 2500*time.Millisecond)

		before = len(script.Calls())
		began = time.Now()
		wantCode(t, resume(c, name, opts).Delete(t.Context()), codes.Unavailable)
		wantStarts(t, script.Calls()[before:], began, "DeleteOperation", 0, time.Second, 2500*time.Millisecond)

		script = &pollertest.Client{Polls: []pollertest.Step{unavailable}}
		wantCode(t, resume(connect(t, scripted{Client: script}), name, opts).Poll(t.Context()), codes.Unavailable)
		if got := len(script.Calls()); got != 1 {
			t.Errorf("Poll made %d calls, want 1", got)
		}
	})
}

// The poller's CallTimeout decides, be it shorter or longer than Google's ten
// seconds.
func TestCallTimeout(t *testing.T) {
	t.Parallel()
	for _, callTimeout := range []time.Duration{time.Second, time.Minute} {
		t.Run(callTimeout.String(), func(t *testing.T) {
			t.Parallel()
			over(t, func(t *testing.T, connect connect) {
				script := &pollertest.Client{Polls: []pollertest.Step{{Delay: time.Hour}}}
				p := resume(connect(t, scripted{Client: script}), name, &poller.Options{CallTimeout: callTimeout})
				began := time.Now()
				wantCode(t, p.Poll(t.Context()), codes.DeadlineExceeded)
				if took := time.Since(began); took != callTimeout {
					t.Errorf("Poll took %v, want %v", took, callTimeout)
				}
			})
		})
	}
}

// The server's interval reaches the poller over both transports, in answers and
// in failures.
func TestRecommendedInterval(t *testing.T) {
	t.Parallel()
	over(t, func(t *testing.T, connect connect) {
		s := setup(t, &lro.MethodOptions{PollInterval: 40 * time.Second})
		server := &counting{OperationsServer: lro.NewServer(s.Manager, lro.AllowAll, nil)}
		c := connect(t, server)
		began := time.Now()
		res, err := resume(c, s.start(t), &poller.Options{LongPoll: -1}).Wait(t.Context())
		wantResponse(t, res, err)
		wantStarts(t, server.calls, began, "GetOperation", 0, 40*time.Second, 80*time.Second, 120*time.Second, 160*time.Second, 200*time.Second)
	})
}

func TestRecommendedIntervalAfterFailures(t *testing.T) {
	t.Parallel()
	over(t, func(t *testing.T, connect connect) {
		busy, err := status.New(codes.Unavailable, "busy").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(90 * time.Second)})
		must(t, err)
		script := &pollertest.Client{Polls: []pollertest.Step{{Err: busy.Err()}, {Operation: succeeded()}}}
		began := time.Now()
		res, err := resume(connect(t, scripted{Client: script}), name, &poller.Options{LongPoll: -1}).Wait(t.Context())
		wantResponse(t, res, err)
		wantStarts(t, script.Calls(), began, "GetOperation", 0, 90*time.Second)
	})
}

// What the user of Google's client has set goes on to apply.
func TestCallOptionsOfTheClientAreKept(t *testing.T) {
	t.Parallel()
	over(t, func(t *testing.T, connect connect) {
		s := setup(t, &lro.MethodOptions{PollInterval: time.Minute})
		c := connect(t, lro.NewServer(s.Manager, lro.AllowAll, nil))
		var resolved, calls int
		var header, trailer metadata.MD
		c.CallOptions.GetOperation = append(c.CallOptions.GetOperation, gax.WithGRPCOptions(grpc.Header(&header)), optionFunc(func(*gax.CallSettings) { resolved++ }))
		name := s.start(t)
		for range 2 {
			_, err := gapic.New(c).GetOperation(t.Context(), &longrunningpb.GetOperationRequest{Name: name}, grpc.Trailer(&trailer))
			must(t, err)
			calls++
		}
		if resolved != calls || len(trailer.Get("google.rpc.retryinfo-bin")) != 1 {
			t.Errorf("the client's option was used %d times in %d calls, with trailer %v; want each time, and the interval", resolved, calls, trailer)
		}
		if c.Connection() != nil && header.Len() == 0 { //nolint:staticcheck // nil says REST
			t.Error("got no header by the client's gRPC option, want it beside the poller's")
		}
	})
}

type optionFunc func(*gax.CallSettings)

func (f optionFunc) Resolve(s *gax.CallSettings) { f(s) }

// reason answers that of the ErrorInfo in err's details.
func reason(err error) string {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return ""
}
