package lro_test

import (
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// wantError checks that op ended with this code and this ErrorInfo reason; ""
// leaves the reason open.
func wantError(t *testing.T, op *longrunningpb.Operation, code codes.Code, reason string) {
	t.Helper()
	if got := codes.Code(op.GetError().GetCode()); !op.GetDone() || op.GetError() == nil || got != code {
		t.Errorf("operation %s is done %v with %v; want it failed with %v", op.GetName(), op.GetDone(), op.GetResult(), code)
		return
	}
	if reason == "" {
		return
	}
	for _, detail := range op.GetError().GetDetails() {
		info := new(errdetails.ErrorInfo)
		if detail.UnmarshalTo(info) == nil && info.GetReason() == reason {
			return
		}
	}
	t.Errorf("operation %s failed with %v; want an ErrorInfo with reason %s", op.GetName(), op.GetError(), reason)
}

// wantStatus checks the code and the ErrorInfo reason of an error that a call
// answered.
func wantStatus(t *testing.T, call string, err error, code codes.Code, reason string) {
	t.Helper()
	st := status.Convert(err)
	if err == nil || st.Code() != code {
		t.Errorf("%s answered %v; want %v", call, err, code)
		return
	}
	for _, detail := range st.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.GetReason() == reason {
			return
		}
	}
	t.Errorf("%s answered %v with details %v; want an ErrorInfo with reason %s", call, err, st.Details(), reason)
}

// unmarshalAny reads a serialized Any.
func unmarshalAny(t *testing.T, b []byte, msg proto.Message) {
	t.Helper()
	wrapped := new(anypb.Any)
	if err := proto.Unmarshal(b, wrapped); err != nil {
		t.Fatal(err)
	}
	if err := wrapped.UnmarshalTo(msg); err != nil {
		t.Fatal(err)
	}
}
