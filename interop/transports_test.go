package interop_test

import (
	"errors"
	"testing"

	longrunning "cloud.google.com/go/longrunning/autogen"
	"github.com/googleapis/gax-go/v2/apierror"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
)

// A transport is one of the two that Google's client speaks.
type transport struct {
	client func(*testing.T, *server) *longrunning.OperationsClient
	// list is the name that lists the operations of parent. Over HTTP the client
	// asks GET /v1/{name}, so its name is the path of the collection.
	list string
}

var transports = map[string]transport{
	"gRPC": {grpcClient, parent},
	"REST": {restClient, parent + "/operations"},
}

func grpcClient(t *testing.T, s *server) *longrunning.OperationsClient {
	t.Helper()
	c, err := longrunning.NewOperationsClient(t.Context(), option.WithEndpoint(s.grpc), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	must(t, err)
	t.Cleanup(func() { must(t, c.Close()) })
	return c
}

func restClient(t *testing.T, s *server) *longrunning.OperationsClient {
	t.Helper()
	c, err := longrunning.NewOperationsRESTClient(t.Context(), option.WithEndpoint("http://"+s.http), option.WithoutAuthentication())
	must(t, err)
	t.Cleanup(func() { must(t, c.Close()) })
	return c
}

// unpacked answers the message in an Any, which must be an M.
func unpacked[M proto.Message](t *testing.T, packed *anypb.Any) M {
	t.Helper()
	message, err := packed.UnmarshalNew()
	must(t, err)
	m, ok := message.(M)
	if !ok {
		t.Fatalf("got a message %T, want %T", message, *new(M))
	}
	return m
}

// wantResponse checks that packed is the response of a snapshot of so many bytes.
func wantResponse(t *testing.T, packed *anypb.Any, size int64) {
	t.Helper()
	if res := unpacked[*pb.TakeSnapshotResponse](t, packed); res.GetBytes() != size || res.GetFiles() != 1 {
		t.Errorf("the response: got %v, want 1 file of %d bytes", res, size)
	}
}

// apiError answers an error of the API as the client shows it.
func apiError(t *testing.T, call string, err error) *apierror.APIError {
	t.Helper()
	api, ok := errors.AsType[*apierror.APIError](err)
	if !ok {
		t.Fatalf("%s: got %v, want an error of the API", call, err)
	}
	return api
}

// wantError checks the code of an error, and the reason in the ErrorInfo that
// AIP-193 asks for: details are what gets lost first.
func wantError(t *testing.T, call string, err error, code codes.Code, reason string) {
	t.Helper()
	api := apiError(t, call, err)
	if got := api.GRPCStatus().Code(); got != code {
		t.Errorf("%s: got code %v (%v), want %v", call, got, err, code)
	}
	if api.Reason() != reason {
		t.Errorf("%s: got reason %q (%v), want %q in the details", call, api.Reason(), err, reason)
	}
}

// wantField checks that an error is INVALID_ARGUMENT, and that its details name
// the field at fault.
func wantField(t *testing.T, call string, err error, field, reason string) {
	t.Helper()
	wantError(t, call, err, codes.InvalidArgument, reason)
	violations := apiError(t, call, err).Details().BadRequest.GetFieldViolations()
	if len(violations) != 1 || violations[0].GetField() != field {
		t.Errorf("%s: got violations %v, want one of %s", call, violations, field)
	}
}
