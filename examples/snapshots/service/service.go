// Package service is the Snapshots service: volumes are folders that were given
// a name, and a snapshot is an archive of one.
//
// Its methods check their request and answer an operation; the handlers do the
// work. A handler may be killed at any moment and is then run again, perhaps by
// another process. Those of volumes are therefore written so that a second
// attempt finds what the first has done; that of snapshots goes on where the
// first one's last checkpoint stands.
package service

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb/snapshotslro"
	"github.com/longrunning-go/longrunning/lro"
)

// A Service implements Snapshots. Its methods may be called from any goroutine.
type Service struct {
	pb.UnimplementedSnapshotsServer

	dir     string
	volumes *Volumes

	createVolume *snapshotslro.CreateVolumeMethod
	deleteVolume *snapshotslro.DeleteVolumeMethod
	takeSnapshot *snapshotslro.TakeSnapshotMethod
}

// New makes a Service that keeps its archives in the folder dir, and registers
// its handlers with m, which must not run yet. Services whose Managers share a
// store share dir and volumes too.
func New(m *lro.Manager, dir string, volumes *Volumes) (*Service, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	s := &Service{dir: dir, volumes: volumes}
	s.createVolume = snapshotslro.HandleCreateVolume(m, s.runCreateVolume, nil)
	s.deleteVolume = snapshotslro.HandleDeleteVolume(m, s.runDeleteVolume, nil)
	s.takeSnapshot = snapshotslro.HandleTakeSnapshot(m, s.runTakeSnapshot, &lro.MethodOptions{PollInterval: time.Second}) // as often as it reports
	return s, nil
}

// CreateVolume implements Snapshots.
func (s *Service) CreateVolume(ctx context.Context, req *pb.CreateVolumeRequest) (*longrunningpb.Operation, error) {
	name, err := s.checkCreateVolume(req)
	if err != nil {
		return nil, err
	}
	return s.createVolume.Start(ctx, req, &lro.StartOptions{
		Parent:    name.parent(),
		RequestID: req.GetRequestId(),
		Metadata:  &pb.VolumeMetadata{Volume: name.String(), CreateTime: timestamppb.Now()},
	})
}

// DeleteVolume implements Snapshots.
func (s *Service) DeleteVolume(ctx context.Context, req *pb.DeleteVolumeRequest) (*longrunningpb.Operation, error) {
	name, err := s.checkDeleteVolume(req)
	if err != nil {
		return nil, err
	}
	return s.deleteVolume.Start(ctx, req, &lro.StartOptions{
		Parent:    name.parent(),
		RequestID: req.GetRequestId(),
		Metadata:  &pb.VolumeMetadata{Volume: name.String(), CreateTime: timestamppb.Now()},
	})
}

// TakeSnapshot implements Snapshots.
func (s *Service) TakeSnapshot(ctx context.Context, req *pb.TakeSnapshotRequest) (*longrunningpb.Operation, error) {
	name, err := s.checkTakeSnapshot(req)
	if err != nil {
		return nil, err
	}
	return s.takeSnapshot.Start(ctx, req, &lro.StartOptions{
		Parent:       name.parent(),
		RequestID:    req.GetRequestId(),
		Metadata:     &pb.TakeSnapshotMetadata{Volume: name.String(), CreateTime: timestamppb.Now()},
		ValidateOnly: req.GetValidateOnly(),
	})
}

// runCreateVolume handles CreateVolume.
func (s *Service) runCreateVolume(_ context.Context, task *snapshotslro.CreateVolumeTask, req *pb.CreateVolumeRequest) (*pb.Volume, error) {
	name, err := parseVolume(req.GetParent() + "/volumes/" + req.GetVolumeId())
	if err != nil {
		return nil, err
	}
	v := volume{
		Path:       req.GetVolume().GetPath(),
		CreateTime: task.Metadata().GetCreateTime().AsTime(),
		Operation:  task.Name(),
		RequestID:  req.GetRequestId(),
	}
	err = s.volumes.create(name, v)
	if errors.Is(err, fs.ErrExist) {
		return nil, failure(codes.AlreadyExists, "VOLUME_EXISTS", "volume %q exists", name)
	}
	if err != nil {
		return nil, err
	}
	return &pb.Volume{Name: name.String(), Path: v.Path, CreateTime: timestamppb.New(v.CreateTime)}, nil
}

// runDeleteVolume handles DeleteVolume. A volume that was created after the
// operation was started is not the one that it is about: an earlier attempt has
// deleted that one.
func (s *Service) runDeleteVolume(_ context.Context, task *snapshotslro.DeleteVolumeTask, req *pb.DeleteVolumeRequest) (*emptypb.Empty, error) {
	name, err := parseVolume(req.GetName())
	if err != nil {
		return nil, err
	}
	v, err := s.volumes.get(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &emptypb.Empty{}, nil
	case err != nil:
		return nil, err
	case v.CreateTime.After(task.Metadata().GetCreateTime().AsTime()):
		return &emptypb.Empty{}, nil
	}
	return &emptypb.Empty{}, s.volumes.remove(name, req.GetRequestId())
}
