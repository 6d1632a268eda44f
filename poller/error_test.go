package poller_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/longrunning-go/longrunning/poller"
	"github.com/longrunning-go/longrunning/poller/pollertest"
)

func TestErrorCarriesTheWholeStatus(t *testing.T) {
	t.Parallel()
	info := &errdetails.ErrorInfo{Reason: "DISK_FULL", Domain: "shelves.example.com"}
	failed, err := status.New(codes.FailedPrecondition, "the disk is full").WithDetails(info)
	if err != nil {
		t.Fatal(err)
	}
	p, _ := setup(t, nil, pollertest.Step{Operation: pollertest.Failed(name, failed.Err())})
	_, err = p.Wait(t.Context())

	wantCode(t, err, codes.FailedPrecondition)
	wantText(t, err, "poller: ", name, "the disk is full", "FailedPrecondition")
	e, ok := errors.AsType[*poller.Error](fmt.Errorf("taking a snapshot: %w", err))
	if !ok || e.Name != name {
		t.Fatalf("got error %#v, want a *poller.Error of %s", err, name)
	}
	if got := e.GRPCStatus().Proto(); !proto.Equal(got, failed.Proto()) {
		t.Errorf("got status %v, want %v", got, failed.Proto())
	}
	if details := status.Convert(err).Details(); len(details) != 1 || !proto.Equal(details[0].(proto.Message), info) {
		t.Errorf("got details %v, want %v", details, info)
	}
}

func TestErrorOfUnknownDetailsKeepsThem(t *testing.T) {
	t.Parallel()
	detail := &anypb.Any{TypeUrl: "type.googleapis.com/acme.NotLinked", Value: []byte("x")}
	p, _ := setup(t, nil, pollertest.Step{Operation: failedWith(&spb.Status{Code: 5, Message: "no shelf", Details: []*anypb.Any{detail}})})
	_, err := p.Wait(t.Context())
	wantCode(t, err, codes.NotFound)
	if got := status.Convert(err).Proto().GetDetails(); len(got) != 1 || !proto.Equal(got[0], detail) {
		t.Errorf("got details %v, want %v", got, detail)
	}
}

// An error must never look like success, whatever the server stored.
func TestErrorWithoutCodeKeepsItsMessage(t *testing.T) {
	t.Parallel()
	for what, s := range map[string]*spb.Status{
		"code 0":           {Message: "the disk is full"},
		"code 0, no text":  {},
		"no status at all": nil,
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			c := &client{get: func(context.Context) (*longrunningpb.Operation, error) { return failedWith(s), nil }}
			p := poller.Resume[*wrapperspb.StringValue](c, name, nil)
			if err := p.Poll(t.Context()); err != nil {
				t.Fatal(err)
			}
			_, err := p.Result()
			if _, ok := errors.AsType[*poller.Error](err); !ok {
				t.Fatalf("got error %v, want a *poller.Error", err)
			}
			wantCode(t, err, codes.Unknown)
			wantText(t, err, s.GetMessage())
			if got := status.Convert(err).Message(); got != s.GetMessage() {
				t.Errorf("got message %q, want %q", got, s.GetMessage())
			}
		})
	}
}

func TestErrorWithAStrangeCodeKeepsIt(t *testing.T) {
	t.Parallel()
	p, _ := setup(t, nil, pollertest.Step{Operation: failedWith(&spb.Status{Code: 4711, Message: "odd"})})
	_, err := p.Wait(t.Context())
	wantCode(t, err, codes.Code(4711))
	wantText(t, err, "odd", "4711")
}

// Codes of the operation are final, even those that are transient of a poll.
func TestFailedOperationIsNotRetried(t *testing.T) {
	t.Parallel()
	for _, code := range []codes.Code{codes.Unavailable, codes.DeadlineExceeded, codes.Unimplemented, codes.Canceled} {
		t.Run(code.String(), func(t *testing.T) {
			t.Parallel()
			p, c := setup(t, nil, pollertest.Step{Operation: pollertest.Failed(name, status.Error(code, "no"))})
			_, err := p.Wait(t.Context())
			wantCode(t, err, code)
			if _, ok := errors.AsType[*poller.Error](err); !ok {
				t.Errorf("got error %v, want a *poller.Error", err)
			}
			if got := len(c.Calls()); got != 1 {
				t.Errorf("got %d calls, want 1", got)
			}
		})
	}
}

func failedWith(s *spb.Status) *longrunningpb.Operation {
	return &longrunningpb.Operation{Name: name, Done: true, Result: &longrunningpb.Operation_Error{Error: s}}
}
