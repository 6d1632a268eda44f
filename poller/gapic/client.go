package gapic

import (
	"context"
	"fmt"
	"path"
	"slices"

	longrunning "cloud.google.com/go/longrunning/autogen"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	gax "github.com/googleapis/gax-go/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/longrunning-go/longrunning/poller"
)

var _ poller.Client = (*Client)(nil)

// A Client is a [poller.Client] that calls Google's client. All methods may be
// called by several goroutines at a time, and their errors bear a gRPC status
// over REST too; [errors.As] still finds Google's own error in them.
type Client struct {
	client *longrunning.OperationsClient
}

// New adapts c, which may speak gRPC or REST. The caller goes on to own c, and
// closes it. New panics if c is nil.
func New(c *longrunning.OperationsClient) *Client {
	if c == nil {
		panic("gapic: the OperationsClient is nil: pass one of longrunning.NewOperationsClient or NewOperationsRESTClient")
	}
	return &Client{client: c}
}

// GetOperation makes one call.
func (c *Client) GetOperation(ctx context.Context, req *longrunningpb.GetOperationRequest, opts ...grpc.CallOption) (op *longrunningpb.Operation, err error) {
	err = call(ctx, opts, func(ctx context.Context, opt gax.CallOption) (err error) {
		op, err = c.client.GetOperation(ctx, req, opt)
		return err
	})
	return op, err
}

// WaitOperation makes one call. Where nobody waits at the other end, as over REST
// is common, its error has code UNIMPLEMENTED.
func (c *Client) WaitOperation(ctx context.Context, req *longrunningpb.WaitOperationRequest, opts ...grpc.CallOption) (op *longrunningpb.Operation, err error) {
	err = call(ctx, opts, func(ctx context.Context, opt gax.CallOption) (err error) {
		op, err = c.client.WaitOperation(ctx, req, opt)
		return err
	})
	// GET / is often somebody else's page, and any JSON object reads as an
	// operation, one that never ends. Only the id is compared, since a service
	// may name a project by its number where the caller gave its id.
	if err == nil && path.Base(op.GetName()) != path.Base(req.GetName()) {
		return nil, newStatusError(codes.Unimplemented, fmt.Sprintf("the answer to WaitOperation of %q is another's: found the name %q", req.GetName(), op.GetName()), nil)
	}
	return op, unwaited(err)
}

// CancelOperation makes one call.
func (c *Client) CancelOperation(ctx context.Context, req *longrunningpb.CancelOperationRequest, opts ...grpc.CallOption) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, call(ctx, opts, func(ctx context.Context, opt gax.CallOption) error {
		return c.client.CancelOperation(ctx, req, opt)
	})
}

// DeleteOperation makes one call.
func (c *Client) DeleteOperation(ctx context.Context, req *longrunningpb.DeleteOperationRequest, opts ...grpc.CallOption) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, call(ctx, opts, func(ctx context.Context, opt gax.CallOption) error {
		return c.client.DeleteOperation(ctx, req, opt)
	})
}

// call makes one call, gives its error a status, and its recommended interval
// to the trailer that opts point to.
func call(ctx context.Context, opts []grpc.CallOption, do func(context.Context, gax.CallOption) error) error {
	n := &note{}
	err := withStatus(do(context.WithValue(ctx, noteKey{}, n), once(opts)))
	if d := recommended(n, err); d > 0 {
		recommend(opts, d)
	}
	return err
}

// once is the gax option for one call with these gRPC options on top of those
// that the client has ([gax.WithGRPCOptions] would replace them), and without
// a second attempt. A deadline needs no option: that of the context goes before
// the client's default.
type once []grpc.CallOption

func (o once) Resolve(s *gax.CallSettings) {
	s.GRPC = slices.Concat(s.GRPC, o)
	s.Retry = nil
}
