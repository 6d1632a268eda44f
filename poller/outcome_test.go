package poller_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/longrunning-go/longrunning/poller"
)

// An outcome fails the test unless Wait answered what it should.
type outcome func(t *testing.T, p *stringPoller, res *wrapperspb.StringValue, err error)

func succeeds(t *testing.T, _ *stringPoller, res *wrapperspb.StringValue, err error) {
	t.Helper()
	wantResponse(t, res, err)
}

// both wants what both want.
func both(a, b outcome) outcome {
	return func(t *testing.T, p *stringPoller, res *wrapperspb.StringValue, err error) {
		t.Helper()
		a(t, p, res, err)
		b(t, p, res, err)
	}
}

// operationFails wants an error that says that the operation failed, alone.
func operationFails(code codes.Code, message string) outcome {
	return func(t *testing.T, p *stringPoller, res *wrapperspb.StringValue, err error) {
		t.Helper()
		if _, ok := errors.AsType[*poller.Error](err); !ok {
			t.Errorf("got error %v, want a *poller.Error: the operation failed", err)
		}
		wantCode(t, err, code)
		wantText(t, err, message)
		isNoContextError(t, p, res, err)
	}
}

// outcomeUnknown wants an error that does not say that the operation failed.
func outcomeUnknown(code codes.Code, parts ...string) outcome {
	return func(t *testing.T, _ *stringPoller, _ *wrapperspb.StringValue, err error) {
		t.Helper()
		if _, ok := errors.AsType[*poller.Error](err); ok {
			t.Errorf("got *poller.Error %v, want another: the operation did not fail", err)
		}
		wantCode(t, err, code)
		wantText(t, err, parts...)
	}
}

func is(want error) outcome {
	return func(t *testing.T, _ *stringPoller, _ *wrapperspb.StringValue, err error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("got error %v, want one that is %v", err, want)
		}
	}
}

func isNoContextError(t *testing.T, _ *stringPoller, _ *wrapperspb.StringValue, err error) {
	t.Helper()
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got error %v that is a context's, want another: the caller's goes on", err)
	}
}

// hasDetails wants so many details, that of full among them.
func hasDetails(n int) outcome {
	return func(t *testing.T, _ *stringPoller, _ *wrapperspb.StringValue, err error) {
		t.Helper()
		s := status.Convert(err)
		full := slices.ContainsFunc(s.Details(), func(d any) bool {
			info, ok := d.(*errdetails.ErrorInfo)
			return ok && info.GetReason() == "DISK_FULL"
		})
		if !full || len(s.Proto().GetDetails()) != n {
			t.Errorf("got details %v, want %d, with the reason DISK_FULL", s.Proto().GetDetails(), n)
		}
	}
}

// full is a status whose details say of what.
func full(code codes.Code) error {
	s, err := status.New(code, "full").WithDetails(&errdetails.ErrorInfo{Reason: "DISK_FULL"})
	if err != nil {
		panic(err)
	}
	return s.Err()
}
