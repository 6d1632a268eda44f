package pollertest_test

import (
	"errors"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/longrunning-go/longrunning/poller/pollertest"
)

func TestOperations(t *testing.T) {
	t.Parallel()
	value := wrapperspb.String("snapshot")

	if op := pollertest.Running(name, nil); op.GetName() != name || op.GetDone() || op.GetMetadata() != nil {
		t.Errorf("got %v, want a running operation without metadata", op)
	}
	if m, err := pollertest.Running(name, value).GetMetadata().UnmarshalNew(); err != nil || !proto.Equal(m, value) {
		t.Errorf("got metadata %v, %v; want %v", m, err, value)
	}
	op := pollertest.Succeeded(name, value)
	if m, err := op.GetResponse().UnmarshalNew(); err != nil || !proto.Equal(m, value) || !op.GetDone() {
		t.Errorf("got response %v, %v, done %v; want %v and done", m, err, op.GetDone(), value)
	}
	op = pollertest.Failed(name, status.Error(codes.Aborted, "no"))
	if s := op.GetError(); codes.Code(s.GetCode()) != codes.Aborted || s.GetMessage() != "no" || !op.GetDone() {
		t.Errorf("got error %v, done %v; want ABORTED and done", s, op.GetDone())
	}
	if s := pollertest.Failed(name, errors.New("plain")).GetError(); codes.Code(s.GetCode()) != codes.Unknown {
		t.Errorf("got error %v, want UNKNOWN, as grpc-go has it for plain errors", s)
	}
}
