package rest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/lro/rest"
)

// Every code has the HTTP code that google/rpc/code.proto documents, and the
// name that it has there: grpc-go's Canceled would cost Google's client the
// details.
func TestCodes(t *testing.T) {
	t.Parallel()
	for code, want := range map[codes.Code]struct {
		http int
		name string
	}{
		codes.Canceled:           {499, "CANCELLED"},
		codes.Unknown:            {500, "UNKNOWN"},
		codes.InvalidArgument:    {400, "INVALID_ARGUMENT"},
		codes.DeadlineExceeded:   {504, "DEADLINE_EXCEEDED"},
		codes.NotFound:           {404, "NOT_FOUND"},
		codes.AlreadyExists:      {409, "ALREADY_EXISTS"},
		codes.PermissionDenied:   {403, "PERMISSION_DENIED"},
		codes.Unauthenticated:    {401, "UNAUTHENTICATED"},
		codes.ResourceExhausted:  {429, "RESOURCE_EXHAUSTED"},
		codes.FailedPrecondition: {400, "FAILED_PRECONDITION"},
		codes.Aborted:            {409, "ABORTED"},
		codes.OutOfRange:         {400, "OUT_OF_RANGE"},
		codes.Unimplemented:      {501, "UNIMPLEMENTED"},
		codes.Internal:           {500, "INTERNAL"},
		codes.Unavailable:        {503, "UNAVAILABLE"},
		codes.DataLoss:           {500, "DATA_LOSS"},
		codes.Code(17):           {500, "UNKNOWN"},
		codes.Code(1 << 31):      {500, "UNKNOWN"},
	} {
		a := call(t, rest.NewHandler(&recorder{err: status.Error(code, "why")}, nil), "GET", "/v1/operations/x", "")
		if a.Code != want.http || a.status() != want.name || !strings.Contains(a.compact(), `"message":"why"`) {
			t.Errorf("%v: got %d %s, want %d, %s and the message", code, a.Code, a.Body, want.http, want.name)
		}
	}
}

type fine struct{ error }

func (fine) GRPCStatus() *status.Status { return status.New(codes.OK, "why") }

// A server's errors without a status are what grpc-go would make of them.
func TestPlainErrors(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]string{
		errors.New("why"):                                        "UNKNOWN",
		fine{errors.New("an error that says OK")}:                "UNKNOWN",
		context.Canceled:                                         "CANCELLED",
		fmt.Errorf("why: %w", context.DeadlineExceeded):          "DEADLINE_EXCEEDED",
		fmt.Errorf("why: %w", status.Error(codes.NotFound, "x")): "NOT_FOUND",
		status.Error(codes.Unimplemented, "bad \xff <script>"):   "UNIMPLEMENTED",
	} {
		if a := call(t, rest.NewHandler(&recorder{err: err}, nil), "GET", "/v1/operations/x", ""); a.status() != want {
			t.Errorf("%v: got %s, want the status %s", err, a.Body, want)
		}
	}
}

// Details travel with the error, whether their types are linked or not.
func TestDetails(t *testing.T) {
	t.Parallel()
	info, err := anypb.New(&errdetails.ErrorInfo{Reason: "WHY", Domain: "here"})
	if err != nil {
		t.Fatal(err)
	}
	st := status.FromProto(&spb.Status{Code: 9, Message: "no", Details: []*anypb.Any{unlinked(), info}})
	a := call(t, rest.NewHandler(&recorder{err: st.Err()}, nil), "GET", "/v1/operations/x", "")
	want := `{"error":{"code":400,"message":"no","status":"FAILED_PRECONDITION","details":[` +
		`{"@type":"type.googleapis.com/not.linked.Type","value":"AAH/"},` +
		`{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"WHY","domain":"here"}]}}`
	if got := a.compact(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestDomain(t *testing.T) {
	t.Parallel()
	a := call(t, rest.NewHandler(new(recorder), &rest.Options{Domain: "print.example.com"}), "GET", "/v1/operations?x=1", "")
	if got := a.detail("google.rpc.ErrorInfo")["domain"]; got != "print.example.com" {
		t.Errorf("the domain of an error of the handler's own: got %v, want that of the options", got)
	}
}

// A real server's errors keep what it says of them.
func TestServerErrors(t *testing.T) {
	t.Parallel()
	bubble(t, lro.AllowAll, nil, func(t *testing.T, s *service) {
		for _, tt := range []struct {
			method, target        string
			code                  int
			status, reason, field string
		}{
			{"GET", "/v1/operations/none", http.StatusNotFound, "NOT_FOUND", "OPERATION_NOT_FOUND", ""},
			{"DELETE", "/v1/operations/none", http.StatusNotFound, "NOT_FOUND", "OPERATION_NOT_FOUND", ""},
			{"POST", "/v1/operations/none:cancel", http.StatusNotFound, "NOT_FOUND", "OPERATION_NOT_FOUND", ""},
			{"POST", "/v1/operations/none:wait", http.StatusNotFound, "NOT_FOUND", "OPERATION_NOT_FOUND", ""},
			{"GET", "/?name=operations/none", http.StatusNotFound, "NOT_FOUND", "OPERATION_NOT_FOUND", ""},
			{"GET", "/", http.StatusBadRequest, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "name"},
			{"GET", "/v1/p/../operations/x", http.StatusBadRequest, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "name"},
			{"GET", "/v1/p/%2e/operations/x", http.StatusBadRequest, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "name"},
			{"GET", "/v1/p/../operations", http.StatusBadRequest, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "name"},
			{"GET", "/v1/operations/%00", http.StatusBadRequest, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "name"},
			{"GET", "/v1/operations/%ff", http.StatusBadRequest, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "name"},
			{"GET", "/v1/operations?pageSize=-1", http.StatusBadRequest, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "page_size"},
			{"GET", "/v1/operations?pageToken=x", http.StatusBadRequest, "INVALID_ARGUMENT", "INVALID_PAGE_TOKEN", "page_token"},
			{"GET", "/?name=operations/x&timeout=-1s", http.StatusBadRequest, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "timeout"},
			{"GET", "/v1/operations?returnPartialSuccess=true", http.StatusNotImplemented, "UNIMPLEMENTED", "UNSUPPORTED", ""},
		} {
			call(t, s, tt.method, tt.target, "").want(t, tt.method+" "+tt.target, tt.code, tt.status, tt.reason, tt.field)
		}
	})
}
