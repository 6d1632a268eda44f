package lives

import (
	"context"
	"fmt"
	"runtime"

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
		runtime.GC() // so that each collects its own garbage only
		return measure.Shared(ctx, callers, n, func(ctx context.Context, i int) error {
			res, err := live(ctx, i)
			if err == nil && res.GetFiles() != files {
				err = fmt.Errorf("lives: the waiter of operation %d must get the response of its handler, got %v", i, res)
			}
			return err
		})
	}
}
