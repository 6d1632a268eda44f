package service

import (
	"context"
	"errors"
	"io/fs"
	"path"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/longrunning-go/longrunning/examples/snapshots/archive"
	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb/snapshotslro"
	"github.com/longrunning-go/longrunning/lro"
)

// runTakeSnapshot handles TakeSnapshot.
func (s *Service) runTakeSnapshot(ctx context.Context, task *snapshotslro.TakeSnapshotTask, req *pb.TakeSnapshotRequest) (*pb.TakeSnapshotResponse, error) {
	name, err := parseVolume(req.GetVolume())
	if err != nil {
		return nil, err
	}
	v, err := s.volumes.get(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, noVolume(name)
	}
	if err != nil {
		return nil, err
	}
	id := path.Base(task.Name())
	meta := task.Metadata() // says what Start was given, and what earlier attempts reported
	meta.Attempt = task.Attempt()
	res, err := archive.Take(ctx, task, &archive.Options{
		Folder:         v.Path,
		Dir:            s.dir,
		ID:             id,
		BytesPerSecond: req.GetBytesPerSecond(),
		Report: func(p archive.Progress) {
			meta.FilesTotal, meta.FilesDone = p.FilesTotal, p.FilesDone
			meta.BytesTotal, meta.BytesDone = p.BytesTotal, p.BytesDone
			meta.UpdateTime = timestamppb.Now()
			task.Report(meta)
		},
	})
	if err != nil {
		if !continues(ctx, err) {
			err = errors.Join(err, archive.Discard(s.dir, id, task.Attempt()))
		}
		return nil, describe(err, name)
	}
	return &pb.TakeSnapshotResponse{Snapshot: res.Path, Files: res.Files, Bytes: res.Bytes, Sha256: res.SHA256}, nil
}

// continues reports whether another attempt follows this one, whose context is
// ctx and which failed with err, and wants its partial archive.
func continues(ctx context.Context, err error) bool {
	return errors.Is(context.Cause(ctx), lro.ErrShutdown) ||
		errors.Is(context.Cause(ctx), lro.ErrLeaseLost) ||
		errors.Is(err, lro.ErrLeaseLost) // its checkpoint was refused before its context has ended
}

// describe makes what is wrong with the volume an error for clients. Anything
// else is for the log: lro shows clients a neutral INTERNAL.
func describe(err error, name volumeName) error {
	file, ok := errors.AsType[*archive.FileError](err)
	switch {
	case !ok:
		return err
	case errors.Is(file, fs.ErrNotExist):
		return failure(codes.FailedPrecondition, "FILE_VANISHED", "file %q of volume %q vanished before it was archived", file.Path, name)
	case errors.Is(file, archive.ErrChanged):
		return failure(codes.FailedPrecondition, "FILE_CHANGED", "file %q of volume %q changed while it was archived", file.Path, name)
	default:
		return failure(codes.FailedPrecondition, "FILE_UNREADABLE", "file %q of volume %q cannot be archived: %v", file.Path, name, file.Err)
	}
}
