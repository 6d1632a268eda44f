package poller

import (
	"errors"
	"fmt"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

var (
	// ErrNotDone is the answer of [Poller.Result] while the operation is not
	// known to be done.
	ErrNotDone = errors.New("poller: the operation is not done")

	// ErrNoResult says that the operation is done but has neither a response
	// nor an error, as operations.proto allows. Whether that is success is for
	// the service to document.
	ErrNoResult = errors.New("poller: the operation is done, but the server provides no result")

	errNoName = errors.New("poller: the operation has no name to ask the server about: pass New the operation that the server answered, or Resume its name")
)

// An Error says that the operation failed: it is done, and its result is an
// error. That a poll failed is never said by an Error.
//
// [status.Code] and [status.Convert] give the code, the message and the details
// that the server stored.
type Error struct {
	// Name of the operation.
	Name string

	status *status.Status
}

// newError keeps s as it is, except that code 0 becomes UNKNOWN: servers do
// store it by mistake, and an error must not look like success.
func newError(name string, s *spb.Status) *Error {
	s = proto.CloneOf(s)
	if s == nil {
		s = &spb.Status{}
	}
	if s.GetCode() == int32(codes.OK) {
		s.Code = int32(codes.Unknown)
	}
	return &Error{Name: name, status: status.FromProto(s)}
}

func (e *Error) Error() string {
	return fmt.Sprintf("poller: operation %q failed: %v: %s", e.Name, e.status.Code(), e.status.Message())
}

// GRPCStatus answers the whole status of the operation.
func (e *Error) GRPCStatus() *status.Status { return e.status }
