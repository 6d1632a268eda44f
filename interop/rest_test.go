package interop_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/api/googleapi"
	"google.golang.org/grpc/codes"
)

// Google's REST client reads the details of an error only where the envelope
// bears the exact name of the code, as google.rpc.Code spells it.
func TestErrorEnvelope(t *testing.T) {
	t.Parallel()
	s := setup(t, 1)
	c := restClient(t, s)
	for _, tt := range []struct {
		call   string
		err    error
		http   int
		code   codes.Code
		status string
		reason string
	}{
		{
			call: "GetOperation of none",
			err:  second(c.GetOperation(t.Context(), &longrunningpb.GetOperationRequest{Name: missing})),
			http: http.StatusNotFound, code: codes.NotFound, status: "NOT_FOUND", reason: "OPERATION_NOT_FOUND",
		},
		{
			call: "ListOperations with a negative page size",
			err:  second(c.ListOperations(t.Context(), &longrunningpb.ListOperationsRequest{Name: parent + "/operations", PageSize: -1}).Next()),
			http: http.StatusBadRequest, code: codes.InvalidArgument, status: "INVALID_ARGUMENT", reason: "INVALID_ARGUMENT",
		},
		{
			call: "ListOperations that takes partial success",
			err:  second(c.ListOperations(t.Context(), &longrunningpb.ListOperationsRequest{Name: parent + "/operations", ReturnPartialSuccess: true}).Next()),
			http: http.StatusNotImplemented, code: codes.Unimplemented, status: "UNIMPLEMENTED", reason: "UNSUPPORTED",
		},
	} {
		wantError(t, tt.call, tt.err, tt.code, tt.reason)
		if got := apiError(t, tt.call, tt.err).HTTPCode(); got != tt.http {
			t.Errorf("%s: got HTTP %d, want %d", tt.call, got, tt.http)
		}
		raw, ok := errors.AsType[*googleapi.Error](tt.err)
		if !ok {
			t.Fatalf("%s: got %T, want an answer of the server", tt.call, tt.err)
		}
		var envelope struct {
			Error struct {
				Code            int
				Message, Status string
			}
		}
		must(t, json.Unmarshal([]byte(raw.Body), &envelope))
		if got := envelope.Error; got.Code != tt.http || got.Status != tt.status || got.Message == "" {
			t.Errorf("%s: got %s, want code %d and status %s", tt.call, raw.Body, tt.http, tt.status)
		}
	}
}

// A name reaches the server as it was given, whatever HTTP makes of it on the
// way.
func TestNamesOverREST(t *testing.T) {
	t.Parallel()
	c := restClient(t, setup(t, 1))
	for _, name := range []string{
		"operations/missing",
		"projects/a b/operations/c d",
		"projects/a%2Fb/operations/c%2Fd",
		"projects/ü/operations/x:y",
		"projects/a?b#c/operations/d&e=f",
	} {
		for call, err := range map[string]error{
			"GetOperation":    second(c.GetOperation(t.Context(), &longrunningpb.GetOperationRequest{Name: name})),
			"WaitOperation":   second(c.WaitOperation(t.Context(), &longrunningpb.WaitOperationRequest{Name: name})),
			"CancelOperation": c.CancelOperation(t.Context(), &longrunningpb.CancelOperationRequest{Name: name}),
			"DeleteOperation": c.DeleteOperation(t.Context(), &longrunningpb.DeleteOperationRequest{Name: name}),
		} {
			wantError(t, call, err, codes.NotFound, "OPERATION_NOT_FOUND")
			if got, want := apiError(t, call, err).Message(), fmt.Sprintf("operation %q not found", name); got != want {
				t.Errorf("%s: got %q, want %q", call, got, want)
			}
		}
	}
}

// second answers the error of a call.
func second[T any](_ T, err error) error { return err }
