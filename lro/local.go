package lro

import (
	"context"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
)

// LocalClient answers a client of this Manager without a socket, under the same
// rules as one over gRPC and with access to everything: for a poller in the
// process that also serves.
func (m *Manager) LocalClient() longrunningpb.OperationsClient {
	return &localClient{NewServer(m, AllowAll, nil)}
}

type localClient struct{ s *Server }

var _ longrunningpb.OperationsClient = (*localClient)(nil)

func (c *localClient) ListOperations(ctx context.Context, in *longrunningpb.ListOperationsRequest, opts ...grpc.CallOption) (*longrunningpb.ListOperationsResponse, error) {
	return local(ctx, in, opts, c.s.ListOperations)
}

func (c *localClient) GetOperation(ctx context.Context, in *longrunningpb.GetOperationRequest, opts ...grpc.CallOption) (*longrunningpb.Operation, error) {
	return local(ctx, in, opts, c.s.GetOperation)
}

func (c *localClient) DeleteOperation(ctx context.Context, in *longrunningpb.DeleteOperationRequest, opts ...grpc.CallOption) (*emptypb.Empty, error) {
	return local(ctx, in, opts, c.s.DeleteOperation)
}

func (c *localClient) CancelOperation(ctx context.Context, in *longrunningpb.CancelOperationRequest, opts ...grpc.CallOption) (*emptypb.Empty, error) {
	return local(ctx, in, opts, c.s.CancelOperation)
}

func (c *localClient) WaitOperation(ctx context.Context, in *longrunningpb.WaitOperationRequest, opts ...grpc.CallOption) (*longrunningpb.Operation, error) {
	return local(ctx, in, opts, c.s.WaitOperation)
}

// local calls a method as gRPC would: trailers are delivered, and errors are
// statuses.
func local[In any, Out proto.Message](ctx context.Context, in In, opts []grpc.CallOption, call func(context.Context, In) (Out, error)) (Out, error) {
	var stream localStream
	out, err := call(grpc.NewContextWithServerTransportStream(ctx, &stream), in)
	for _, opt := range opts {
		if trailer, ok := opt.(grpc.TrailerCallOption); ok {
			*trailer.TrailerAddr = stream.trailer
		}
	}
	if err == nil && ctx.Err() != nil {
		err = status.FromContextError(ctx.Err()).Err()
	}
	if err != nil {
		st, _ := status.FromError(err)
		return out, st.Err()
	}
	return out, nil
}

// localStream keeps the trailer of one call.
type localStream struct{ trailer metadata.MD }

func (*localStream) Method() string               { return "" }
func (*localStream) SetHeader(metadata.MD) error  { return nil }
func (*localStream) SendHeader(metadata.MD) error { return nil }

func (s *localStream) SetTrailer(md metadata.MD) error {
	s.trailer = metadata.Join(s.trailer, md)
	return nil
}
