package lives

import (
	"context"
	"fmt"
	"strings"

	"github.com/longrunning-go/longrunning/bench/measure"
	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
)

// A turn is what the lives of one turn of a contender do.
type turn struct {
	requests []*pb.TakeSnapshotRequest
	watched  []chan struct{} // each closed when the waiter of one is there
	alone    bool            // nobody waits, and nothing is reported
}

func newTurn(n int) *turn {
	t := &turn{requests: make([]*pb.TakeSnapshotRequest, n), watched: make([]chan struct{}, n)}
	for i := range n {
		t.requests[i], t.watched[i] = request(i), make(chan struct{})
	}
	return t
}

// work is what the handler does, whoever calls it.
func (t *turn) work(ctx context.Context, req *pb.TakeSnapshotRequest, report func(*pb.TakeSnapshotMetadata) error) (*pb.TakeSnapshotResponse, error) {
	if t.alone {
		return response(), nil
	}
	select {
	case <-t.watched[number(req)]:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	for done := range int64(2) {
		if err := report(metadata(done)); err != nil {
			return nil, err
		}
	}
	return response(), nil
}

// watch is called by the waiter of one right before it waits.
func (t *turn) watch(i int) { close(t.watched[i]) }

// A life is one operation, the i-th of its turn, from its start until its waiter has
// the response, which it answers.
type life func(ctx context.Context, i int) (*pb.TakeSnapshotResponse, error)

// closed is a contender whose callers each let one operation live after the other.
func closed(callers, n int, of func(*turn) life) measure.Contender {
	return func(ctx context.Context) (measure.Sample, error) {
		live := of(newTurn(n))
		return measure.Shared(ctx, callers, n, func(ctx context.Context, i int) error {
			res, err := live(ctx, i)
			if err == nil && res.GetFiles() != files {
				err = fmt.Errorf("lives: the waiter of operation %d must get the response of its handler, got %v", i, res)
			}
			return err
		})
	}
}

// The messages take 400, 100 and 400 bytes as an Any.

const files = 1_234

var volume, longVolume, archive = "projects/acme/v", "projects/acme/volumes/" + strings.Repeat("v", 308), "/var/snapshots/" + strings.Repeat("s", 246) //nolint:gochecknoglobals // constants, but for Repeat

func request(i int) *pb.TakeSnapshotRequest {
	return &pb.TakeSnapshotRequest{Volume: longVolume, BytesPerSecond: int64(1_000_000 + i)}
}

// number is the i of request.
func number(req *pb.TakeSnapshotRequest) int { return int(req.GetBytesPerSecond() - 1_000_000) }

func metadata(done int64) *pb.TakeSnapshotMetadata {
	return &pb.TakeSnapshotMetadata{Volume: volume, FilesTotal: files, FilesDone: done, BytesTotal: 56_789_012, BytesDone: 28_394_506}
}

func response() *pb.TakeSnapshotResponse {
	return &pb.TakeSnapshotResponse{
		Snapshot: archive, Files: files, Bytes: 56_789_012,
		Sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
	}
}
