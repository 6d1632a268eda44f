package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
	"google.golang.org/protobuf/proto"

	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb/snapshotspoller"
	"github.com/longrunning-go/longrunning/poller"
)

// follow shows the progress of an operation and prints its response. Where ctx
// ends first it prints how to wait again.
func follow[T proto.Message](ctx context.Context, c *client, p *poller.Poller[T]) error {
	show := c.progress()
	for op, err := range p.Updates(ctx) {
		if err != nil && ctx.Err() != nil {
			c.err.Printf("\n%s goes on; to wait for it: %s", p.Name(), c.resumeCommand(p.Name()))
			return ctx.Err()
		}
		if err != nil {
			c.err.Printf("what became of it is unknown; to ask again: %s", c.resumeCommand(p.Name()))
			return err
		}
		show(op)
	}
	res, err := p.Result()
	if err != nil {
		return err
	}
	c.out.Print(describe(res))
	return nil
}

// progress answers what shows a state of an operation: as a bar on a terminal,
// else as a line.
func (c *client) progress() func(*longrunningpb.Operation) {
	if f, ok := c.err.Writer().(*os.File); !ok || !term.IsTerminal(int(f.Fd())) {
		return func(op *longrunningpb.Operation) {
			c.err.Printf("%s %s %s", op.GetName(), state(op), describeMetadata(op))
		}
	}
	return bar(c.err.Writer())
}

func bar(w io.Writer) func(*longrunningpb.Operation) {
	b := progressbar.NewOptions64(-1,
		progressbar.OptionSetWriter(w),
		progressbar.OptionShowBytes(true),
		progressbar.OptionOnCompletion(func() { _, _ = fmt.Fprintln(w) }))
	return func(op *longrunningpb.Operation) {
		meta, err := snapshotspoller.TakeSnapshotMetadata(op)
		if err != nil || meta.GetBytesTotal() == 0 {
			return // another method, or nothing to show yet
		}
		b.ChangeMax64(meta.GetBytesTotal())
		b.Describe(fmt.Sprintf("%d of %d files", meta.GetFilesDone(), meta.GetFilesTotal()))
		_ = b.Set64(meta.GetBytesDone()) // a bar that cannot be drawn is no reason to stop
	}
}

// describeMetadata answers the metadata of an operation on one line.
func describeMetadata(op *longrunningpb.Operation) string {
	meta, err := poller.Metadata[proto.Message](op)
	if err != nil {
		return err.Error()
	}
	switch meta := meta.(type) {
	case *pb.TakeSnapshotMetadata:
		return fmt.Sprintf("volume=%s attempt=%d files=%d/%d bytes=%d/%d",
			meta.GetVolume(), meta.GetAttempt(), meta.GetFilesDone(), meta.GetFilesTotal(), meta.GetBytesDone(), meta.GetBytesTotal())
	case *pb.VolumeMetadata:
		return "volume=" + meta.GetVolume()
	default:
		return ""
	}
}

// describe answers a response on one line.
func describe(res proto.Message) string {
	switch res := res.(type) {
	case *pb.TakeSnapshotResponse:
		return fmt.Sprintf("snapshot=%s files=%d bytes=%d sha256=%s", res.GetSnapshot(), res.GetFiles(), res.GetBytes(), res.GetSha256())
	case *pb.Volume:
		return fmt.Sprintf("volume=%s path=%s", res.GetName(), res.GetPath())
	default:
		return "done"
	}
}
