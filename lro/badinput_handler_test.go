package lro_test

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store"
)

// errBad is what a bad handler knows and no client should.
var errBad = errors.New("secret of the handler")

// badTaskCalls are handlers that give their Task what it cannot take, and go on.
func badTaskCalls() []badCase {
	const tooLarge, wrong = "PAYLOAD_TOO_LARGE", "INVALID_ARGUMENT"
	type answer struct {
		what   string
		err    error
		reason string
		part   string
	}
	answered := make(chan answer, 20)
	return []badCase{{
		name: "nil, another type, invalid UTF-8 and payloads over the cap in a handler",
		handler: func(ctx context.Context, task *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			defer close(answered)
			task.Report(&testpb.PrintMetadata{PagesDone: 1})
			answered <- answer{what: "Flush", err: task.Flush(ctx)}
			answered <- answer{what: "Save", err: task.Save(ctx, &testpb.Checkpoint{Offset: 1})}

			task.Report(nil)
			answered <- answer{"Report nil", task.Flush(ctx), wrong, "nil"}
			task.Report(&testpb.PrintMetadata{Stage: big()})
			answered <- answer{"Report over the cap", task.Flush(ctx), tooLarge, "1000"}
			task.Report(&testpb.PrintMetadata{Stage: invalid})
			answered <- answer{"Report invalid UTF-8", task.Flush(ctx), wrong, "UTF-8"}

			answered <- answer{"Save nil", task.Save(ctx, nil), wrong, "nil"}
			answered <- answer{"Save over the cap", task.Save(ctx, &testpb.Checkpoint{Note: big()}), tooLarge, "1000"}
			answered <- answer{"Save invalid UTF-8", task.Save(ctx, &testpb.Checkpoint{Note: invalid}), wrong, "UTF-8"}

			answered <- answer{"Complete nil", task.Complete(ctx, nil), wrong, "nil"}
			answered <- answer{"Complete with another type", task.Complete(ctx, &testpb.Book{}), wrong, "lro.test.v1.Book"}
			answered <- answer{"Complete over the cap", task.Complete(ctx, &testpb.PrintResponse{Text: big()}), tooLarge, "1000"}
			answered <- answer{"Complete invalid UTF-8", task.Complete(ctx, &testpb.PrintResponse{Text: invalid}), wrong, "UTF-8"}

			saved := new(testpb.Checkpoint)
			if ok, err := task.Load(saved); !ok || err != nil || saved.GetOffset() != 1 {
				return nil, status.Errorf(codes.DataLoss, "Load answered %v, %v, %v; want the checkpoint that could be saved", saved, ok, err)
			}
			if ok, err := task.Load(new(testpb.Book)); err == nil || !strings.Contains(err.Error(), "lro.test.v1.Checkpoint") {
				return nil, status.Errorf(codes.DataLoss, "Load into another type answered %v, %v; want an error that names the type", ok, err)
			}
			return &testpb.PrintResponse{Pages: 1}, nil
		},
		test: func(t *testing.T, p *badProcess) {
			op := p.endBad()
			for a := range answered {
				if a.reason != "" {
					wantRefusal(t, a.what, a.err, codes.InvalidArgument, a.reason, a.part)
				} else if a.err != nil {
					t.Errorf("%s: %v", a.what, a.err)
				}
			}
			if res := responseOf[*testpb.PrintResponse](t, op); res.GetPages() != 1 {
				t.Errorf("the response is %v; want what the handler answered", res)
			}
			meta := new(testpb.PrintMetadata)
			if err := op.GetMetadata().UnmarshalTo(meta); err != nil || meta.GetPagesDone() != 1 || meta.GetStage() != "" {
				t.Errorf("the metadata is %.200v, %v; want the last report that could be stored", op.GetMetadata(), err)
			}
		},
	}}
}

// A statusError carries any status, also one that is no error.
type statusError struct{ st *status.Status }

func (e *statusError) Error() string              { return errBad.Error() }
func (e *statusError) GRPCStatus() *status.Status { return e.st }

// badHandlers are handlers that break their contract.
func badHandlers() []badCase {
	neutral := func(inLog string) func(*testing.T, *badProcess) {
		return func(t *testing.T, p *badProcess) { wantNeutral(t, p.log, p.endBad(), inLog) }
	}
	notStorable := func(t *testing.T, p *badProcess) {
		op := p.endBad()
		wantFailure(t, op, codes.Internal, "RESULT_NOT_STORABLE", "cannot be stored")
		if strings.Contains(op.String(), "secret") {
			t.Errorf("the operation ended as %.300v; want nothing of the response in it", op)
		}
	}
	answering := func(res *testpb.PrintResponse) printFunc {
		return func(context.Context, *printTask, *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			return res, nil
		}
	}
	panicking := func(v any) printFunc {
		return func(context.Context, *printTask, *testpb.PrintRequest) (*testpb.PrintResponse, error) { panic(v) }
	}
	return []badCase{
		{name: "a handler that panics", handler: panicking(errBad.Error()), test: neutral(errBad.Error())},
		{name: "a handler that panics with a status", handler: panicking(status.Error(codes.NotFound, errBad.Error())), test: neutral(errBad.Error())},
		{name: "a handler that panics with nil", handler: panicking(nil), test: neutral("panic")},
		{name: "a handler that reads past the end", handler: func(context.Context, *printTask, *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			return nil, []error{}[len(os.Args)]
		}, test: neutral("out of range")},
		{name: "a handler that calls Goexit", handler: func(context.Context, *printTask, *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			runtime.Goexit()
			return nil, nil
		}, test: neutral("Goexit")},
		{name: "a handler that returns nil with nil", handler: answering(nil), test: neutral("neither a response nor an error")},
		{name: "a handler that returns an error of code OK", handler: failing(&statusError{status.New(codes.OK, "fine")}), test: neutral(errBad.Error())},
		{name: "a handler that returns an error without a status", handler: failing(&statusError{}), test: neutral(errBad.Error())},
		{name: "a handler that returns a nil pointer for an error", handler: failing((*statusError)(nil)), test: func(t *testing.T, p *badProcess) {
			wantFailure(t, p.endBad(), codes.Internal, "INTERNAL")
		}},
		{name: "a handler that answers and fails", handler: func(context.Context, *printTask, *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			return &testpb.PrintResponse{Text: "half"}, errBad
		}, test: neutral(errBad.Error())},
		{name: "a handler whose response is over the cap", handler: answering(&testpb.PrintResponse{Text: big()}), test: notStorable},
		{name: "a handler whose response is invalid UTF-8", handler: answering(&testpb.PrintResponse{Text: invalid}), test: notStorable},
		{name: "a handler whose error is invalid UTF-8", handler: failing(errors.New(invalid)), test: neutral("secret")},
		{name: "a handler that ignores its context", capacity: 2, handler: deaf, test: func(t *testing.T, p *badProcess) {
			name := p.start("bad", nil)
			synctest.Wait()
			began := time.Now()
			if err := p.Cancel(t.Context(), name); err != nil {
				t.Fatal(err)
			}
			op := p.endSoon(name)
			wantFailure(t, op, codes.Canceled, "OPERATION_CANCELLED", "cancelled")
			if took := time.Since(began); took != time.Minute {
				t.Errorf("the operation ended %v after Cancel; want after CancelGrace, 1m", took)
			}
			time.Sleep(2 * time.Hour) // the handler answers meanwhile, too late
			if again, err := p.Get(t.Context(), name); err != nil || again.GetError() == nil {
				t.Errorf("after the handler's return the operation is %v, %v; want it as it ended: %v", again, err, op)
			}
		}},
		{name: "a handler that ignores its deadline", capacity: 2, handler: deaf, test: func(t *testing.T, p *badProcess) {
			limited := setup(t, newFlaky(), deaf, &lro.Options{Capacity: 1}, &lro.MethodOptions{Timeout: time.Minute})
			began := time.Now()
			wantFailure(t, limited.end(limited.start("bad", nil)), codes.DeadlineExceeded, "OPERATION_TIMEOUT", "timeout")
			if took := time.Since(began); took != time.Minute {
				t.Errorf("the operation ended after %v; want its timeout, 1m", took)
			}
			time.Sleep(2 * time.Hour)
			if op := limited.end(limited.start("bad", nil)); op.GetError() == nil {
				t.Errorf("the second operation ended as %v; want the slot back, and the timeout again", op)
			}
			time.Sleep(2 * time.Hour)
		}},
		{name: "a handler that uses its Task after it returned", handler: func(ctx context.Context, task *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			go func() {
				time.Sleep(time.Second)
				task.Report(&testpb.PrintMetadata{Stage: "late"})
				if err := task.Flush(context.WithoutCancel(ctx)); !errors.Is(err, lro.ErrDone) {
					panic("Flush after the end answered " + status.Convert(err).Message())
				}
				_, _ = task.Load(new(testpb.Checkpoint))
			}()
			return &testpb.PrintResponse{}, nil
		}, test: func(t *testing.T, p *badProcess) {
			name := p.start("bad", nil)
			p.endSoon(name)
			time.Sleep(time.Minute)
			if op, err := p.Get(t.Context(), name); err != nil || op.GetMetadata() != nil {
				t.Errorf("the operation is %v, %v; want it as it ended", op, err)
			}
		}},
	}
}

// deaf is a handler that ignores its context for an hour, and then answers.
func deaf(context.Context, *printTask, *testpb.PrintRequest) (*testpb.PrintResponse, error) {
	time.Sleep(time.Hour)
	return &testpb.PrintResponse{Text: "too late"}, nil
}

// TestRefusedReport: a report that the store can never take is dropped, and
// keeps neither later ones nor the result from being stored.
func TestRefusedReport(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log logbook
		var refused atomic.Int64
		f := newFlaky()
		f.update = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
			if contains(rec.Metadata, "poison") {
				refused.Add(1)
				return nil, store.ErrInvalid
			}
			return f.Store.Update(ctx, rec)
		}
		p := setup(t, f, func(_ context.Context, task *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			task.Report(&testpb.PrintMetadata{Stage: "poison"})
			time.Sleep(time.Minute)
			return &testpb.PrintResponse{Text: "printed"}, nil
		}, &lro.Options{Logger: log.logger()}, nil)
		if got := responseOf[*testpb.PrintResponse](t, p.end(p.start("", nil))); got.GetText() != "printed" {
			t.Errorf("the operation ended with %v; want the handler's response", got)
		}
		if told := log.with("level", "ERROR"); refused.Load() != 1 || len(told) != 1 {
			t.Errorf("the report was refused %d times and the log has %q; want one of each", refused.Load(), told)
		}
	})
}
