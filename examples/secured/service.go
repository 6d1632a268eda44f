package main

import (
	"context"
	"net/http"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/lro/rest"
)

// A provisioner makes a volume and answers its path.
type provisioner func(ctx context.Context, volume string) (string, error)

// A service implements one method of the Snapshots service.
type service struct {
	pb.UnimplementedSnapshotsServer

	auth         lro.Authorizer
	createVolume *lro.Method[*pb.CreateVolumeRequest, *pb.Volume, *pb.VolumeMetadata]
}

// CreateVolume checks by itself who may start operations. Authorize is for the
// retried request: its earlier operation is answered only to who may get it.
func (s *service) CreateVolume(ctx context.Context, req *pb.CreateVolumeRequest) (*longrunningpb.Operation, error) {
	if err := mayStart(ctx, req.GetParent()); err != nil {
		return nil, err
	}
	if !validID.MatchString(req.GetVolumeId()) {
		return nil, status.Errorf(codes.InvalidArgument, "the volume_id %q does not match %v", req.GetVolumeId(), validID)
	}
	return s.createVolume.Start(ctx, req, &lro.StartOptions{
		Parent: req.GetParent(), RequestID: req.GetRequestId(), Authorize: s.auth,
	})
}

// newServer serves the method and its operations to callers that v knows: both
// over gRPC, and the operations over HTTP/JSON too.
func newServer(m *lro.Manager, v *verifier, provision provisioner) (*grpc.Server, http.Handler) {
	s := &service{auth: authorizer()}
	s.createVolume = lro.Handle(m, func(ctx context.Context, _ *lro.Task[*pb.VolumeMetadata], req *pb.CreateVolumeRequest) (*pb.Volume, error) {
		name := req.GetParent() + "/volumes/" + req.GetVolumeId()
		path, err := provision(ctx, name)
		if err != nil {
			return nil, err
		}
		return &pb.Volume{Name: name, Path: path}, nil
	}, nil)
	g := grpc.NewServer(grpc.UnaryInterceptor(authenticate(v)))
	pb.RegisterSnapshotsServer(g, s)
	operations := lro.NewServer(m, s.auth, &lro.ServerOptions{
		Caller:            func(ctx context.Context) string { return callerOf(ctx).subject },
		MaxWaitsPerCaller: 100,
	})
	longrunningpb.RegisterOperationsServer(g, operations)
	return g, authenticated(v, rest.NewHandler(operations, nil))
}
