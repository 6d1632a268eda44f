package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/poller"
)

const retryInfo = "google.rpc.retryinfo-bin"

func TestRun(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	err := run(t.Context(), "localhost:0", func(ctx context.Context, address string) error { return play(ctx, log.New(&out, "", 0), address) })
	if err != nil {
		t.Fatal(err)
	}
	if want := "by Connect: /srv/v1\nby gRPC: /srv/v2\n"; out.String() != want {
		t.Errorf("output: got %q, want %q", out.String(), want)
	}
}

// TestConnect: a client of Connect's follows an operation, and is told what goes
// wrong with all details, whatever it speaks.
func TestConnect(t *testing.T) {
	t.Parallel()
	address := setup(t).address
	for _, p := range protocols() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			e := &env{t, address}
			parent := "projects/" + strings.Map(letters, p.name)
			create := func(id string) *longrunningpb.Operation {
				t.Helper()
				resp, err := call[pb.CreateVolumeRequest, longrunningpb.Operation](e, p, pb.Snapshots_CreateVolume_FullMethodName, &pb.CreateVolumeRequest{Parent: parent, VolumeId: id})
				must(t, err)
				return resp.Msg
			}
			wait := func(op *longrunningpb.Operation) *longrunningpb.Operation {
				t.Helper()
				resp, err := call[longrunningpb.WaitOperationRequest, longrunningpb.Operation](e, p, longrunningpb.Operations_WaitOperation_FullMethodName, &longrunningpb.WaitOperationRequest{Name: op.GetName()})
				must(t, err)
				return resp.Msg
			}
			quick, slow := create("v1"), create("slow")

			var vol pb.Volume
			if err := wait(quick).GetResponse().UnmarshalTo(&vol); err != nil || vol.GetPath() != "/srv/v1" {
				t.Errorf("the result: got %v, %v, want the path /srv/v1", &vol, err)
			}
			got, err := call[longrunningpb.GetOperationRequest, longrunningpb.Operation](e, p, longrunningpb.Operations_GetOperation_FullMethodName, &longrunningpb.GetOperationRequest{Name: slow.GetName()})
			must(t, err)
			info, err := connect.DecodeBinaryHeader(got.Trailer().Get(retryInfo))
			must(t, err)
			wantInterval(t, string(info))
			list, err := call[longrunningpb.ListOperationsRequest, longrunningpb.ListOperationsResponse](e, p, longrunningpb.Operations_ListOperations_FullMethodName, &longrunningpb.ListOperationsRequest{Name: parent})
			must(t, err)
			if n := len(list.Msg.GetOperations()); n != 2 {
				t.Errorf("ListOperations: got %d operations, want 2", n)
			}
			_, err = call[longrunningpb.CancelOperationRequest, emptypb.Empty](e, p, longrunningpb.Operations_CancelOperation_FullMethodName, &longrunningpb.CancelOperationRequest{Name: slow.GetName()})
			must(t, err)
			if code := codes.Code(wait(slow).GetError().GetCode()); code != codes.Canceled {
				t.Errorf("after CancelOperation the operation ended with %v, want CANCELLED", code)
			}
			remove := func() error {
				_, err = call[longrunningpb.DeleteOperationRequest, emptypb.Empty](e, p, longrunningpb.Operations_DeleteOperation_FullMethodName, &longrunningpb.DeleteOperationRequest{Name: slow.GetName()})
				return err
			}
			must(t, remove())
			wantError(t, "DeleteOperation again", remove(), connect.CodeNotFound, fmt.Sprintf("operation %q not found", slow.GetName()),
				&errdetails.ErrorInfo{Reason: "OPERATION_NOT_FOUND", Domain: "longrunning"})
			_, err = call[longrunningpb.ListOperationsRequest, longrunningpb.ListOperationsResponse](e, p, longrunningpb.Operations_ListOperations_FullMethodName, &longrunningpb.ListOperationsRequest{Name: parent, PageSize: -1})
			const text = "the page size is -1; it must not be negative"
			wantError(t, "a negative page size", err, connect.CodeInvalidArgument, text,
				&errdetails.ErrorInfo{Reason: "INVALID_ARGUMENT", Domain: "longrunning"},
				&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "page_size", Description: text}}})
		})
	}
}

func letters(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
		return r
	}
	return -1
}

// TestGRPC: grpc-go, and a Poller on it, see what a server of grpc-go's would
// have told them.
func TestGRPC(t *testing.T) {
	t.Parallel()
	e := setup(t)
	conn := e.dial()
	operations := longrunningpb.NewOperationsClient(conn)
	create := func(id string) *poller.Poller[*pb.Volume] {
		t.Helper()
		op, err := pb.NewSnapshotsClient(conn).CreateVolume(t.Context(), &pb.CreateVolumeRequest{Parent: "projects/p1", VolumeId: id})
		must(t, err)
		return poller.New[*pb.Volume](operations, op, nil)
	}
	if vol, err := create("v1").Wait(t.Context()); err != nil || vol.GetPath() != "/srv/v1" || vol.GetName() != "projects/p1/volumes/v1" {
		t.Errorf("Poller.Wait: got %v, %v, want the path /srv/v1", vol, err)
	}
	slow := create("slow")
	var trailer metadata.MD
	_, err := operations.GetOperation(t.Context(), &longrunningpb.GetOperationRequest{Name: slow.Name()}, grpc.Trailer(&trailer))
	must(t, err)
	wantInterval(t, strings.Join(trailer.Get(retryInfo), ""))
	must(t, slow.Cancel(t.Context()))
	if _, err = slow.Wait(t.Context()); status.Code(err) != codes.Canceled {
		t.Errorf("after Cancel: got %v, want CANCELLED", err)
	}

	_, err = poller.Resume[*pb.Volume](operations, "operations/none", nil).Wait(t.Context())
	if _, failed := errors.AsType[*poller.Error](err); failed || status.Code(err) != codes.NotFound {
		t.Errorf("waiting for nothing: got %v, want NOT_FOUND of the call, not of an operation", err)
	}
	_, err = operations.GetOperation(t.Context(), &longrunningpb.GetOperationRequest{Name: "operations/none"})
	want := &errdetails.ErrorInfo{Reason: "OPERATION_NOT_FOUND", Domain: "longrunning"}
	st := status.Convert(err)
	if st.Code() != codes.NotFound || len(st.Details()) != 1 || !proto.Equal(st.Details()[0].(proto.Message), want) {
		t.Errorf("GetOperation of nothing: got %v with details %v, want NOT_FOUND with %v", err, st.Details(), want)
	}
}

// TestLimits: a request that is larger than grpc-go would take is refused.
func TestLimits(t *testing.T) {
	t.Parallel()
	e := setup(t)
	for _, p := range protocols() {
		_, err := call[longrunningpb.GetOperationRequest, longrunningpb.Operation](e, p, longrunningpb.Operations_GetOperation_FullMethodName, &longrunningpb.GetOperationRequest{Name: strings.Repeat("x", 5<<20)})
		if connect.CodeOf(err) != connect.CodeResourceExhausted {
			t.Errorf("%s: a request of 5 MiB: got %v, want RESOURCE_EXHAUSTED", p.name, err)
		}
	}
}

// TestOtherErrors: what has no status of gRPC is left to Connect, and a wrapped
// status is found.
func TestOtherErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want connect.Code
	}{
		{errors.New("no status"), connect.CodeUnknown},
		{context.DeadlineExceeded, connect.CodeDeadlineExceeded},
		{connect.NewError(connect.CodeDataLoss, nil), connect.CodeDataLoss},
		{fmt.Errorf("wrapped: %w", lro.ErrDone), connect.CodeFailedPrecondition},
	} {
		mux := http.NewServeMux()
		handle(mux, "/s/M", func(context.Context, *emptypb.Empty) (*emptypb.Empty, error) { return nil, c.err },
			connect.WithInterceptors(connect.UnaryInterceptorFunc(likeGRPC)))
		server := httptest.NewServer(mux)
		t.Cleanup(server.Close)
		_, err := connect.NewClient[emptypb.Empty, emptypb.Empty](server.Client(), server.URL+"/s/M").CallUnary(t.Context(), connect.NewRequest(new(emptypb.Empty)))
		if connect.CodeOf(err) != c.want {
			t.Errorf("a method that returns %v: got %v, want %v", c.err, err, c.want)
		}
	}
}

// wantError checks an error that a client of Connect's got.
func wantError(t *testing.T, what string, err error, code connect.Code, text string, details ...proto.Message) {
	t.Helper()
	cerr, ok := errors.AsType[*connect.Error](err)
	if !ok || cerr.Code() != code || cerr.Message() != text || len(cerr.Details()) != len(details) {
		t.Errorf("%s: got %v, want %v: %s, with %d details", what, err, code, text, len(details))
		return
	}
	for i, detail := range cerr.Details() {
		if got, err := detail.Value(); err != nil || !proto.Equal(got, details[i]) {
			t.Errorf("%s: detail %d: got %v, %v, want %v", what, i, got, err, details[i])
		}
	}
}

// wantInterval checks the recommended poll interval of a trailer.
func wantInterval(t *testing.T, trailer string) {
	t.Helper()
	var info errdetails.RetryInfo
	if err := proto.Unmarshal([]byte(trailer), &info); err != nil || info.GetRetryDelay().AsDuration() != 500*time.Millisecond {
		t.Errorf("the recommended poll interval: got %v, %v, want 500ms", &info, err)
	}
}
