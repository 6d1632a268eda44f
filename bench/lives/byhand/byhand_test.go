package byhand_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/longrunning-go/longrunning/bench/lives/byhand"
	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// A server starts an operation that does work, and answers it.
type server struct {
	start func(context.Context, byhand.Work) (*longrunningpb.Operation, error)
	get   func(context.Context, string) (*longrunningpb.Operation, error)
	wait  func(context.Context, string) (*longrunningpb.Operation, error)
}

// setup answers both Managers, ours until the test ends.
func setup(t *testing.T) map[string]server {
	t.Helper()
	m, err := lro.New(memstore.New(), &lro.Options{ReportInterval: 1})
	if err != nil {
		t.Fatal(err)
	}
	var work byhand.Work
	method := lro.Handle(m, func(_ context.Context, task *lro.Task[*pb.TakeSnapshotMetadata], _ *pb.TakeSnapshotRequest) (*pb.TakeSnapshotResponse, error) {
		res, err := work(func(meta proto.Message) error {
			task.Report(meta.(*pb.TakeSnapshotMetadata))
			return nil
		})
		if err != nil {
			return nil, err
		}
		return res.(*pb.TakeSnapshotResponse), nil
	}, nil)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ran := make(chan error, 1)
	go func() { ran <- m.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ran; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	synctest.Wait()

	hand := byhand.New()
	return map[string]server{
		"lro": {func(ctx context.Context, w byhand.Work) (*longrunningpb.Operation, error) {
			work = w
			return method.Start(ctx, &pb.TakeSnapshotRequest{}, nil)
		}, m.Get, m.Wait},
		"by hand": {
			func(_ context.Context, w byhand.Work) (*longrunningpb.Operation, error) { return hand.Start(w) },
			func(_ context.Context, name string) (*longrunningpb.Operation, error) { return hand.Get(name) },
			hand.Wait,
		},
	}
}

// What is compared does the same: both Managers answer the same operation at each
// step of its life.
func TestSame(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		res  *pb.TakeSnapshotResponse
		err  error
	}{
		{"a response", &pb.TakeSnapshotResponse{Files: 3}, nil},
		{"an error", nil, status.Error(codes.FailedPrecondition, "the volume is gone")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				lives := make(map[string][]*longrunningpb.Operation)
				for name, s := range setup(t) {
					lives[name] = live(t, s, tt.res, tt.err)
				}
				ours, hands := lives["lro"], lives["by hand"]
				for i, step := range []string{"started", "reported", "reported again", "a wait that has ended", "waited for", "done"} {
					if hands[i].GetName() == "" {
						t.Errorf("%s: got no name by hand, want one", step)
					}
					ours[i].Name, hands[i].Name = "", ""
					if !proto.Equal(ours[i], hands[i]) {
						t.Errorf("%s: got %v by hand, want what lro answers, %v", step, hands[i], ours[i])
					}
				}
			})
		})
	}
}

// live answers copies of an operation at each step of its life.
func live(t *testing.T, s server, res *pb.TakeSnapshotResponse, failure error) (steps []*longrunningpb.Operation) {
	t.Helper()
	next := make(chan struct{})
	keep := func(op *longrunningpb.Operation, err error) {
		if err != nil {
			t.Fatal(err)
		}
		steps = append(steps, proto.CloneOf(op))
	}
	op, err := s.start(t.Context(), func(report func(proto.Message) error) (proto.Message, error) {
		for files := range int64(2) {
			<-next
			if err := report(&pb.TakeSnapshotMetadata{FilesDone: files + 1}); err != nil {
				return nil, err
			}
		}
		<-next
		return res, failure
	})
	keep(op, err)
	for range 2 {
		next <- struct{}{}
		settle(t)
		keep(s.get(t.Context(), op.GetName()))
	}
	short, stop := context.WithTimeout(t.Context(), time.Millisecond)
	keep(s.wait(short, op.GetName()))
	stop()
	next <- struct{}{}
	keep(s.wait(t.Context(), op.GetName()))
	keep(s.get(t.Context(), op.GetName()))
	return steps
}

// Neither knows what was never started.
func TestUnknown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for name, s := range setup(t) {
			for call, fn := range map[string]func(context.Context, string) (*longrunningpb.Operation, error){"Get": s.get, "Wait": s.wait} {
				if _, err := fn(t.Context(), "operations/none"); status.Code(err) != codes.NotFound {
					t.Errorf("%s, %s of an operation that does not exist: got %v, want NOT_FOUND", name, call, err)
				}
			}
		}
	})
}

// settle lets what was reported be stored, which ours does at most once in a
// ReportInterval.
func settle(t *testing.T) {
	t.Helper()
	time.Sleep(time.Millisecond)
	synctest.Wait()
}
