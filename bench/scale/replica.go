package scale

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"

	"github.com/longrunning-go/longrunning/bench/database"
	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/lro"
)

// conns is how many connections to the database the fleet has in all.
const conns = 64

// Replica is the role of a replica: a service whose handlers have nothing to do. Its
// argument is the address of the database; it says its own.
func Replica(ctx context.Context, args []string, out io.Writer) (err error) {
	st, err := database.Open(ctx, args[0], database.Settings{Conns: conns / most})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	m, err := lro.New(st, &lro.Options{DrainTimeout: time.Second})
	if err != nil {
		return err
	}
	s := &service{takeSnapshot: lro.Handle(m, answer, nil)}
	g := grpc.NewServer()
	pb.RegisterSnapshotsServer(g, s)
	longrunningpb.RegisterOperationsServer(g, lro.NewServer(m, lro.AllowAll, nil))
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "localhost:0")
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- g.Serve(listener) }()
	defer func() {
		g.Stop()
		if serveErr := <-served; !errors.Is(serveErr, grpc.ErrServerStopped) { // before it served
			err = errors.Join(err, serveErr)
		}
	}()
	if _, err := fmt.Fprintln(out, listener.Addr()); err != nil {
		return err
	}
	return m.Run(ctx)
}

type service struct {
	pb.UnimplementedSnapshotsServer

	takeSnapshot *lro.Method[*pb.TakeSnapshotRequest, *pb.TakeSnapshotResponse, *pb.TakeSnapshotMetadata]
}

// TakeSnapshot starts an operation.
func (s *service) TakeSnapshot(ctx context.Context, req *pb.TakeSnapshotRequest) (*longrunningpb.Operation, error) {
	return s.takeSnapshot.Start(ctx, req, nil)
}

func answer(context.Context, *lro.Task[*pb.TakeSnapshotMetadata], *pb.TakeSnapshotRequest) (*pb.TakeSnapshotResponse, error) {
	return &pb.TakeSnapshotResponse{Snapshot: snapshot, Files: 1}, nil
}
