package rest_test

import (
	"context"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
)

// A recorder is a server that remembers its last request and answers what it is
// told to.
type recorder struct {
	longrunningpb.UnimplementedOperationsServer
	ctx  context.Context //nolint:containedctx // what a test looks at afterwards
	got  proto.Message
	op   *longrunningpb.Operation
	list *longrunningpb.ListOperationsResponse
	err  error
}

func (r *recorder) GetOperation(ctx context.Context, req *longrunningpb.GetOperationRequest) (*longrunningpb.Operation, error) {
	r.ctx, r.got = ctx, req
	return r.op, r.err
}

func (r *recorder) ListOperations(ctx context.Context, req *longrunningpb.ListOperationsRequest) (*longrunningpb.ListOperationsResponse, error) {
	r.ctx, r.got = ctx, req
	return r.list, r.err
}

func (r *recorder) DeleteOperation(ctx context.Context, req *longrunningpb.DeleteOperationRequest) (*emptypb.Empty, error) {
	r.ctx, r.got = ctx, req
	return &emptypb.Empty{}, r.err
}

func (r *recorder) CancelOperation(ctx context.Context, req *longrunningpb.CancelOperationRequest) (*emptypb.Empty, error) {
	r.ctx, r.got = ctx, req
	return &emptypb.Empty{}, r.err
}

func (r *recorder) WaitOperation(ctx context.Context, req *longrunningpb.WaitOperationRequest) (*longrunningpb.Operation, error) {
	r.ctx, r.got = ctx, req
	return r.op, r.err
}
