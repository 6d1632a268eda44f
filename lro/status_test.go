package lro_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// wantRPCStatus checks what a caller sees of an error: its code, exactly one
// ErrorInfo, with this reason and the default domain, no detail type twice
// (AIP-193), and a message that has every part.
func wantRPCStatus(t *testing.T, what string, st *spb.Status, code codes.Code, reason string, parts ...string) {
	t.Helper()
	if got := codes.Code(st.GetCode()); got != code {
		t.Errorf("%s: code %v; want %v; the message is %q", what, got, code, st.GetMessage())
	}
	info := new(errdetails.ErrorInfo)
	seen := make(map[string]bool)
	for _, detail := range st.GetDetails() {
		if seen[detail.GetTypeUrl()] {
			t.Errorf("%s: detail %s stands there twice; AIP-193 allows one of a type", what, detail.GetTypeUrl())
		}
		seen[detail.GetTypeUrl()] = true
		if detail.MessageIs(info) {
			if err := detail.UnmarshalTo(info); err != nil {
				t.Errorf("%s: ErrorInfo: %v", what, err)
			}
		}
	}
	if info.GetReason() != reason || info.GetDomain() != "longrunning" {
		t.Errorf("%s: ErrorInfo %v; want reason %s of domain longrunning; the message is %q", what, info, reason, st.GetMessage())
	}
	if ok, err := regexp.MatchString(`^[A-Z][A-Z0-9_]{1,61}[A-Z0-9]$`, info.GetReason()); !ok || err != nil {
		t.Errorf("%s: reason %q is not of the form that AIP-193 demands", what, info.GetReason())
	}
	for _, part := range append([]string{""}, parts...) {
		if st.GetMessage() == "" || !strings.Contains(st.GetMessage(), part) {
			t.Errorf("%s: message %q; want %q in it", what, st.GetMessage(), part)
		}
	}
}

// wantRefusal is wantRPCStatus for what a call answered.
func wantRefusal(t *testing.T, what string, err error, code codes.Code, reason string, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error; want %v, reason %s", what, code, reason)
		return
	}
	wantRPCStatus(t, what, status.Convert(err).Proto(), code, reason, parts...)
}

// wantFailure is wantRPCStatus for the error that an operation ended with.
func wantFailure(t *testing.T, op *longrunningpb.Operation, code codes.Code, reason string, parts ...string) {
	t.Helper()
	if !op.GetDone() || op.GetError() == nil || op.GetResponse() != nil {
		t.Errorf("operation %v; want it done, with an error and no response", op)
		return
	}
	wantRPCStatus(t, "Operation.error", op.GetError(), code, reason, parts...)
}

// TestSentinels: each carries the code that its comment says.
func TestSentinels(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		code codes.Code
	}{
		{lro.ErrNotFound, codes.NotFound},
		{lro.ErrDone, codes.FailedPrecondition},
		{lro.ErrCancelled, codes.Canceled},
		{lro.ErrShutdown, codes.Unavailable},
		{lro.ErrLeaseLost, codes.Aborted},
	} {
		if got := status.Code(c.err); got != c.code {
			t.Errorf("status.Code(%v) = %v; want %v", c.err, got, c.code)
		}
		if !strings.HasPrefix(c.err.Error(), "lro: ") {
			t.Errorf("the text %q does not start with the package", c.err)
		}
	}
}

// TestByNameErrors: errors of calls answer both to errors.Is and to status.Code.
func TestByNameErrors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), untilCancelled, nil, nil)
		running := p.start("x", nil)
		created, err := p.Create(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		done := created.GetName()
		if err := p.Complete(t.Context(), done, &testpb.PrintResponse{Pages: 1}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			what   string
			err    error
			is     error
			code   codes.Code
			reason string
		}{
			{"Complete with another response", p.Complete(t.Context(), done, &testpb.PrintResponse{Pages: 2}), lro.ErrDone, codes.FailedPrecondition, "OPERATION_DONE"},
			{"Fail after a response", p.Fail(t.Context(), done, errors.New("no")), lro.ErrDone, codes.FailedPrecondition, "OPERATION_DONE"},
			{"Report when done", p.Report(t.Context(), done, &testpb.PrintMetadata{}), lro.ErrDone, codes.FailedPrecondition, "OPERATION_DONE"},
			{"Report beside a handler", p.Report(t.Context(), running, &testpb.PrintMetadata{}), nil, codes.FailedPrecondition, "OPERATION_NOT_EXTERNAL"},
		} {
			wantRefusal(t, c.what, c.err, c.code, c.reason, "operation")
			if c.is != nil && !errors.Is(c.err, c.is) {
				t.Errorf("%s answered %v, which errors.Is does not find to be %v", c.what, c.err, c.is)
			}
		}
		for _, call := range byNameCalls(p) {
			err := call.do(t.Context(), "operations/none")
			wantRefusal(t, call.what, err, codes.NotFound, "OPERATION_NOT_FOUND", `"operations/none"`)
			if !errors.Is(err, lro.ErrNotFound) || errors.Is(err, lro.ErrDone) {
				t.Errorf("%s answered %v; want errors.Is to find lro.ErrNotFound, and no other", call.what, err)
			}
		}
		if err := p.Cancel(t.Context(), running); err != nil {
			t.Errorf("Cancel: %v", err)
		}
	})
}

// TestStoreErrors: what a store answers reaches the caller as a cause, never as
// text, and within seconds.
func TestStoreErrors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := newFlaky()
		p := setup(t, st, echo, nil, nil)
		name := p.start("x", nil)
		p.end(name)
		for _, c := range []struct {
			err    error
			code   codes.Code
			reason string
		}{
			{errStore, codes.Unavailable, "STORE_UNAVAILABLE"},
			{fmt.Errorf("%w: %w", store.ErrInvalid, errStore), codes.InvalidArgument, "INVALID_ARGUMENT"},
			{fmt.Errorf("%w: %w", store.ErrTx, errStore), codes.InvalidArgument, "INVALID_ARGUMENT"},
		} {
			st.set(func(f *flaky) {
				f.create = func(context.Context, *store.Record) (*store.Record, error) { return nil, c.err }
				f.get = func(context.Context, ...string) ([]*store.Record, error) { return nil, c.err }
			})
			began := time.Now()
			_, startErr := p.print.Start(t.Context(), &testpb.PrintRequest{}, nil)
			_, getErr := p.Get(t.Context(), name)
			if took := time.Since(began); took > 12*time.Second {
				t.Errorf("with %v the calls took %v; want an answer within seconds", c.err, took)
			}
			for what, err := range map[string]error{"Start": startErr, "Get": getErr} {
				wantRefusal(t, what, err, c.code, c.reason)
				if !errors.Is(err, errStore) || strings.Contains(err.Error(), errStore.Error()) {
					t.Errorf("%s answered %q; want the store's error as its cause and not as its text", what, err)
				}
			}
		}
		st.set(func(f *flaky) { f.create, f.get = nil, nil })
		p.end(p.start("again", nil))
	})
}

// TestResultTheStoreRefuses: a result that can never be stored ends the
// operation, instead of keeping it running for ever.
func TestResultTheStoreRefuses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := newFlaky()
		st.update = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
			if rec.Response != nil {
				return nil, fmt.Errorf("%w: a row of secrets", store.ErrInvalid)
			}
			return st.Store.Update(ctx, rec)
		}
		p := setup(t, st, echo, nil, nil)
		name := p.start("x", nil)
		synctest.Wait()
		op := p.end(name)
		wantFailure(t, op, codes.Internal, "RESULT_NOT_STORABLE", "cannot be stored")
		if strings.Contains(op.String(), "secrets") {
			t.Errorf("Operation.error is %v; want nothing of the store's text", op.GetError())
		}
	})
}

// TestCallContext: a call whose context has ended answers the context's code.
func TestCallContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), echo, nil, nil)
		name := p.start("x", nil)
		p.end(name)
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New("the caller's own reasons"))
		_, startErr := p.print.Start(ctx, &testpb.PrintRequest{}, nil)
		_, getErr := p.Get(ctx, name)
		for what, err := range map[string]error{"Start": startErr, "Get": getErr} {
			if status.Code(err) != codes.Canceled || !errors.Is(err, context.Canceled) {
				t.Errorf("%s answered %v; want CANCELLED, and errors.Is to find context.Canceled", what, err)
			}
		}
	})
}

// errorInfo answers the ErrorInfo of a status, an empty one if there is none.
func errorInfo(st *spb.Status) *errdetails.ErrorInfo {
	info := new(errdetails.ErrorInfo)
	for _, detail := range st.GetDetails() {
		_ = detail.UnmarshalTo(info) // fails for the other types
	}
	return info
}
