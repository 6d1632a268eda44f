package main

import (
	"context"
	"path"
	"path/filepath"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb/snapshotspoller"
	"github.com/longrunning-go/longrunning/poller"
)

// createVolume starts CreateVolume and waits for the volume.
func (c *client) createVolume(ctx context.Context, args []string) error {
	folder, err := filepath.Abs(args[1])
	if err != nil {
		return err
	}
	name := c.volume(args[0])
	p, err := snapshotspoller.CreateVolume(ctx, c, c.ops, &pb.CreateVolumeRequest{
		Parent:    path.Dir(path.Dir(name)),
		VolumeId:  path.Base(name),
		Volume:    &pb.Volume{Path: folder},
		RequestId: uuid.NewString(), // a retry of the call is no second operation (AIP-155)
	}, nil)
	if err != nil {
		return err
	}
	return follow(ctx, c, p)
}

// take starts TakeSnapshot and waits for the snapshot.
func (c *client) take(ctx context.Context, args []string) error {
	p, err := snapshotspoller.TakeSnapshot(ctx, c, c.ops, &pb.TakeSnapshotRequest{
		Volume:         c.volume(args[0]),
		RequestId:      uuid.NewString(),
		BytesPerSecond: c.rate,
		ValidateOnly:   c.validate,
	}, nil)
	if err != nil {
		return err
	}
	if c.validate {
		c.out.Printf("volume=%s valid=%v", c.volume(args[0]), p.Operation().GetError() == nil)
		return nil
	}
	return follow(ctx, c, p)
}

// resume waits for an operation, of whatever method; for one that is known to
// be a snapshot there is snapshotspoller.ResumeTakeSnapshot.
func (c *client) resume(ctx context.Context, args []string) error {
	return follow(ctx, c, poller.Resume[proto.Message](c.ops, args[0], nil))
}

// list prints the operations of the project, newest first, one a line.
func (c *client) list(ctx context.Context, _ []string) error {
	for token := ""; ; {
		page, err := c.ops.ListOperations(ctx, &longrunningpb.ListOperationsRequest{Name: c.parent(), PageToken: token})
		if err != nil {
			return err
		}
		for _, op := range page.GetOperations() {
			c.out.Printf("%s %s %s", op.GetName(), state(op), describeMetadata(op))
		}
		if token = page.GetNextPageToken(); token == "" {
			return nil
		}
	}
}

// cancel asks for the end of an operation.
func (c *client) cancel(ctx context.Context, args []string) error {
	_, err := c.ops.CancelOperation(ctx, &longrunningpb.CancelOperationRequest{Name: args[0]})
	if err != nil {
		return err
	}
	c.err.Printf("cancelling; to see what becomes of it: %s", c.resumeCommand(args[0]))
	return nil
}

// state says in one word how an operation is (AIP-216).
func state(op *longrunningpb.Operation) string {
	switch {
	case !op.GetDone():
		return "RUNNING"
	case op.GetError() == nil:
		return "SUCCEEDED"
	case codes.Code(op.GetError().GetCode()) == codes.Canceled:
		return "CANCELLED"
	default:
		return "FAILED"
	}
}
