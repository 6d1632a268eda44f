package waits

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store/memstore"
)

const parent = "projects/acme"

// A service has operations in a memory store, whose handlers return when they are
// let go.
type service struct {
	traffic *traffic

	takeSnapshot *lro.Method[*pb.TakeSnapshotRequest, *pb.TakeSnapshotResponse, *pb.TakeSnapshotMetadata]
	server       *grpc.Server
	stop         context.CancelFunc
	ran          chan error

	mu   sync.Mutex
	jobs map[string]*job // by the volume in their request
}

// A job is what the handler of one operation does.
type job struct {
	end      <-chan struct{} // it returns when this is closed
	returned chan time.Time  // gets when it does
}

// serve makes a service as one would, and serves it.
func serve(ctx context.Context, listener net.Listener) (*service, error) {
	m, err := lro.New(memstore.New(), &lro.Options{Capacity: 20_000, DrainTimeout: time.Second})
	if err != nil {
		return nil, err
	}
	s := &service{traffic: newTraffic(), ran: make(chan error, 1), jobs: make(map[string]*job)}
	s.takeSnapshot = lro.Handle(m, s.handle, nil)
	s.server = grpc.NewServer(grpc.UnaryInterceptor(s.traffic.intercept))
	longrunningpb.RegisterOperationsServer(s.server, lro.NewServer(m, lro.AllowAll, nil))
	ctx, s.stop = context.WithCancel(ctx)
	go func() { s.ran <- m.Run(ctx) }()
	go func() { _ = s.server.Serve(listener) }() // until close; whoever calls meets its error
	return s, nil
}

func (s *service) close() error {
	s.server.Stop()
	s.stop()
	return <-s.ran
}

func (s *service) handle(ctx context.Context, _ *lro.Task[*pb.TakeSnapshotMetadata], req *pb.TakeSnapshotRequest) (*pb.TakeSnapshotResponse, error) {
	s.mu.Lock()
	j := s.jobs[req.GetVolume()]
	s.mu.Unlock()
	select {
	case <-j.end:
		j.returned <- time.Now()
		return &pb.TakeSnapshotResponse{Files: 1}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// start starts an operation of a project whose handler returns when end is closed.
func (s *service) start(ctx context.Context, parent string, end <-chan struct{}) (*longrunningpb.Operation, *job, error) {
	j := &job{end: end, returned: make(chan time.Time, 1)}
	s.mu.Lock()
	volume := fmt.Sprintf("%s/volumes/%d", parent, len(s.jobs))
	s.jobs[volume] = j
	s.mu.Unlock()
	op, err := s.takeSnapshot.Start(ctx, &pb.TakeSnapshotRequest{Volume: volume}, &lro.StartOptions{Parent: parent})
	return op, j, err
}

// A peer is a service, and a connection to it over TCP on loopback.
type peer struct {
	*service

	conn   *grpc.ClientConn
	client longrunningpb.OperationsClient
}

func newPeer(ctx context.Context) (*peer, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "localhost:0")
	if err != nil {
		return nil, err
	}
	s, err := serve(ctx, listener)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	conn, err := dial(listener.Addr().String())
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return &peer{service: s, conn: conn, client: longrunningpb.NewOperationsClient(conn)}, nil
}

func dial(address string, opts ...grpc.DialOption) (*grpc.ClientConn, error) {
	return grpc.NewClient(address, append(opts, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
}

func (p *peer) close() error {
	return errors.Join(p.conn.Close(), p.service.close())
}
