package lrotest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
)

// ErrNotCarried is what a Target's client answers, wrapped or not, to a request
// that cannot be sent to the server at all. Cases on what a server refuses then
// pass over that request, and the log says so. It is no answer to one that the
// server must fulfil.
var ErrNotCarried = errors.New("lrotest: the transport cannot carry this request")

// A Target is a server under test: how to reach it, and how to make it do
// what only its own service can. Client, Start, Finish and Fail are required; what
// else is nil or empty, the server does not have. All hooks may be called from
// several goroutines at once.
//
// The suite ends and deletes what it started. It minds no other operations, but
// it lists the parent of its own again and again, so that parent is best its own.
type Target struct {
	// Client calls the server as somebody who may do everything with what Start
	// makes, and park ten waits at once.
	//
	// A client over HTTP is adapted to this interface. It escapes names and
	// parents by the segment, so that whatever they hold arrives, and an empty one
	// too; answers errors as gRPC statuses with code, message and details; and
	// bounds the timeout of WaitOperation by the deadline of the call, which does
	// not travel. What its transport cannot carry, such as a timeout that JSON
	// has no form for, or a filter that is too long for a URL, it answers with
	// ErrNotCarried, and the suite passes over it.
	Client longrunningpb.OperationsClient

	// Start begins an operation that goes on until Finish or Fail ends it, or
	// until it heeds a CancelOperation, which takes it less than 30 seconds. All
	// have one parent.
	Start func(ctx context.Context) (*longrunningpb.Operation, error)

	// Finish ends the named operation with a response of its method's type and
	// answers that response. When it returns, the operation is done. It reaches
	// the work of a deleted operation too. Of a done operation it changes nothing
	// and answers an error: FAILED_PRECONDITION, if it has a gRPC status (AIP-216).
	Finish func(ctx context.Context, name string) (proto.Message, error)

	// Fail is Finish with an error, which Operation.error is to show verbatim.
	Fail func(ctx context.Context, name string, st *status.Status) error

	// StartElsewhere is Start under another parent.
	StartElsewhere func(ctx context.Context) (*longrunningpb.Operation, error)

	// StartStubborn is Start of an operation that does not heed CancelOperation
	// for at least a minute: Finish ends it. Where a Cancel ends what has not begun
	// yet, it returns when the work has.
	StartStubborn func(ctx context.Context) (*longrunningpb.Operation, error)

	// StartOnce is Start with a request id, a UUID (AIP-155). But for the id all
	// its requests are the same.
	StartOnce func(ctx context.Context, requestID string) (*longrunningpb.Operation, error)

	// Stranger calls the server as somebody who may do nothing (AIP-211).
	Stranger longrunningpb.OperationsClient

	// Unsupported has the methods that the server answers with UNIMPLEMENTED, such
	// as longrunningpb.Operations_WaitOperation_FullMethodName.
	Unsupported []string

	// Parent answers what ListOperations calls the parent of the operation of a
	// name. Default: what stands before /operations/{id}, and "operations" for
	// operations/{id}. Servers whose names have another form set it.
	Parent func(name string) string

	// Missing is a well-formed name that no operation has. Default: the name of
	// one that was started, with another id. Servers whose ids have a format set it.
	Missing string
}

// supports reports whether the server has a method, given by its full name.
func (tg Target) supports(method string) bool { return !slices.Contains(tg.Unsupported, method) }

// validate ends tb if a required field is missing, or Unsupported names none of
// the methods that a server may leave out.
func (tg Target) validate(tb testing.TB) {
	tb.Helper()
	if tg.Client == nil || tg.Start == nil || tg.Finish == nil || tg.Fail == nil {
		tb.Fatal("lrotest: the Target lacks Client, Start, Finish or Fail; all four are required")
	}
	for _, method := range tg.Unsupported {
		if method == longrunningpb.Operations_GetOperation_FullMethodName {
			tb.Fatal("lrotest: Target.Unsupported has GetOperation, which every case calls: a server without it cannot be tested")
		}
		if !slices.ContainsFunc(rpcs(), func(r rpc) bool { return r.method == method }) {
			tb.Fatalf("lrotest: Target.Unsupported has %q; want the full name of a method, such as longrunningpb.Operations_WaitOperation_FullMethodName", method)
		}
	}
}

// parentOf answers what List calls the parent of the named operation.
func (tg Target) parentOf(name string) string {
	if tg.Parent != nil {
		return tg.Parent(name)
	}
	prefix := name[:max(0, strings.LastIndexByte(name, '/'))]
	parent, ok := strings.CutSuffix(prefix, "/operations")
	if !ok {
		return prefix
	}
	return parent
}

// idOf answers the last segment of a name.
func idOf(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// An rpc is one of the methods that take the name of an operation, or List.
type rpc struct {
	method string
	call   func(ctx context.Context, c longrunningpb.OperationsClient, name string) error
}

// String answers the method alone, such as GetOperation.
func (r rpc) String() string { return idOf(r.method) }

// lists reports whether the name is a parent.
func (r rpc) lists() bool { return r.method == longrunningpb.Operations_ListOperations_FullMethodName }

// byName answers the methods that take the name of an operation.
func byName() []rpc {
	return []rpc{
		{longrunningpb.Operations_GetOperation_FullMethodName, func(ctx context.Context, c longrunningpb.OperationsClient, name string) error {
			_, err := c.GetOperation(ctx, &longrunningpb.GetOperationRequest{Name: name})
			return err
		}},
		{longrunningpb.Operations_WaitOperation_FullMethodName, func(ctx context.Context, c longrunningpb.OperationsClient, name string) error {
			_, err := c.WaitOperation(ctx, &longrunningpb.WaitOperationRequest{Name: name, Timeout: short()})
			return err
		}},
		{longrunningpb.Operations_CancelOperation_FullMethodName, func(ctx context.Context, c longrunningpb.OperationsClient, name string) error {
			_, err := c.CancelOperation(ctx, &longrunningpb.CancelOperationRequest{Name: name})
			return err
		}},
		{longrunningpb.Operations_DeleteOperation_FullMethodName, func(ctx context.Context, c longrunningpb.OperationsClient, name string) error {
			_, err := c.DeleteOperation(ctx, &longrunningpb.DeleteOperationRequest{Name: name})
			return err
		}},
	}
}

// rpcs answers all methods; for List the name is the parent.
func rpcs() []rpc {
	return append(byName(), rpc{longrunningpb.Operations_ListOperations_FullMethodName, func(ctx context.Context, c longrunningpb.OperationsClient, name string) error {
		_, err := c.ListOperations(ctx, &longrunningpb.ListOperationsRequest{Name: name})
		return err
	}})
}
