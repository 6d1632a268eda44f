package moving

import (
	"context"
	"sync"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	pb "github.com/longrunning-go/longrunning/examples/guides/reportspb"
)

type before struct {
	pb.UnimplementedReportsServer
	longrunningpb.UnimplementedOperationsServer

	mu         sync.Mutex
	operations map[string]*longrunningpb.Operation
}

func registerBefore(g *grpc.Server) {
	s := &before{operations: make(map[string]*longrunningpb.Operation)}
	pb.RegisterReportsServer(g, s)
	longrunningpb.RegisterOperationsServer(g, s)
}

func (s *before) WriteReport(ctx context.Context, req *pb.WriteReportRequest) (*longrunningpb.Operation, error) {
	op := &longrunningpb.Operation{Name: "operations/" + uuid.NewString()}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.operations[op.GetName()] = op
	go s.run(context.WithoutCancel(ctx), op, req)
	return proto.CloneOf(op), nil
}

func (s *before) run(ctx context.Context, op *longrunningpb.Operation, req *pb.WriteReportRequest) {
	res, err := write(ctx, req, func(meta *pb.WriteReportMetadata) {
		s.mu.Lock()
		defer s.mu.Unlock()
		op.Metadata, _ = anypb.New(meta)
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	op.Done = true
	if err != nil {
		op.Result = &longrunningpb.Operation_Error{Error: status.Convert(err).Proto()}
		return
	}
	response, _ := anypb.New(res)
	op.Result = &longrunningpb.Operation_Response{Response: response}
}

func (s *before) GetOperation(_ context.Context, req *longrunningpb.GetOperationRequest) (*longrunningpb.Operation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	op, ok := s.operations[req.GetName()]
	if !ok {
		return nil, status.Errorf(codes.NotFound, "no operation %q", req.GetName())
	}
	return proto.CloneOf(op), nil
}
