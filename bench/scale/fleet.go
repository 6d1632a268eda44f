package scale

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/longrunning-go/longrunning/bench/child"
	"github.com/longrunning-go/longrunning/bench/database"
	"github.com/longrunning-go/longrunning/bench/measure"
	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/poller"
)

const (
	most    = 8 // replicas
	callers = 64
)

// What makes up the payload, 800 bytes of it.
var volume, snapshot = "projects/acme/volumes/" + strings.Repeat("v", 378), strings.Repeat("s", 400) //nolint:gochecknoglobals // strings.Repeat is no constant

// Fleet measures how many operations a fleet of 2, 4 and 8 processes completes:
// against one process. Each is started at one replica and waited for at another.
func Fleet(ctx context.Context, r *measure.Run, systems []database.System, program []string) {
	curve := measure.Curve{
		Name: "fleet", Title: "Processes that share one database, and the processors of one machine",
		X: "processes", Y: "operations a second, where one process does 1",
	}
	for _, system := range systems {
		points, err := replicas(ctx, r, system, program)
		if err != nil {
			r.Fail(system.Name()+": fleet", measure.Bound{}, err)
			continue
		}
		curve.Series = append(curve.Series, measure.Series{Name: system.Name(), Points: points})
	}
	r.Draw(curve)
}

func replicas(ctx context.Context, r *measure.Run, system database.System, program []string) (points []measure.Point, err error) {
	db, err := system.New(ctx)
	if err != nil {
		return nil, err
	}
	var fleet []*replica
	for range most {
		one, err := startReplica(ctx, program, db.Address())
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, one.close()) }()
		fleet = append(fleet, one)
	}
	points = []measure.Point{{X: 1, Y: 1}}
	for _, n := range []int{2, 4, most} {
		line := r.Compare(ctx, &measure.Comparison{
			What: fmt.Sprintf("%s, fleet, %d callers: %d processes, 1", system.Name(), callers, n), Unit: "operations", Bound: measure.AtLeast(0), Time: r.Time(3 * time.Second),
			Subject: lives(fleet[:n], r.Work(256)), Base: lives(fleet[:1], r.Work(256)),
		})[0]
		points = append(points, measure.Point{X: float64(n), Y: line.Figure})
	}
	return points, nil
}

// lives starts n operations at some replicas, and waits for each at the next one.
func lives(fleet []*replica, n int) measure.Contender {
	return func(ctx context.Context) (measure.Sample, error) {
		return measure.Shared(ctx, callers, n, func(ctx context.Context, i int) error {
			op, err := pb.NewSnapshotsClient(fleet[i%len(fleet)].conn).TakeSnapshot(ctx, &pb.TakeSnapshotRequest{Volume: volume})
			if err != nil {
				return err
			}
			next := fleet[(i+1)%len(fleet)].conn
			_, err = poller.New[*pb.TakeSnapshotResponse](longrunningpb.NewOperationsClient(next), op, nil).Wait(ctx)
			return err
		})
	}
}

// A replica is another process, and a connection to it.
type replica struct {
	process *child.Process
	conn    *grpc.ClientConn
}

func startReplica(ctx context.Context, program []string, address string) (*replica, error) {
	process, err := child.Start(ctx, program, "replica", address)
	if err != nil {
		return nil, err
	}
	var at string
	if _, err := fmt.Fscan(process.Out, &at); err != nil {
		return nil, errors.Join(err, process.Close())
	}
	conn, err := grpc.NewClient(at, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, errors.Join(err, process.Close())
	}
	return &replica{process, conn}, nil
}

func (r *replica) close() error { return errors.Join(r.conn.Close(), r.process.Close()) }
