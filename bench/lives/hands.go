package lives

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/longrunning-go/longrunning/bench/lives/byhand"
	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
)

// livesInMap lets operations live in a map with a mutex, a new one at each turn.
func livesInMap(t *turn) life {
	m := byhand.New()
	return func(ctx context.Context, i int) (*pb.TakeSnapshotResponse, error) {
		op, err := m.Start(func(report func(proto.Message) error) (proto.Message, error) {
			return t.work(ctx, t.requests[i], func(meta *pb.TakeSnapshotMetadata) error { return report(meta) })
		})
		if err != nil {
			return nil, err
		}
		t.watch(i)
		if op, err = m.Wait(ctx, op.GetName()); err != nil {
			return nil, err
		}
		res := new(pb.TakeSnapshotResponse)
		return res, op.GetResponse().UnmarshalTo(res)
	}
}
