package service_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"

	"github.com/longrunning-go/longrunning/examples/snapshots/service"
	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb/snapshotspoller"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/memstore"
)

const (
	project = "projects/p1"
	volume  = project + "/volumes/v1"
)

// A fleet is what the servers of one service share.
type fleet struct {
	folder string // of the volume
	dir    string // of the archives
	list   string // of the volumes
	store  *memstore.Store
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	return &fleet{t.TempDir(), t.TempDir(), t.TempDir(), memstore.New()}
}

// write makes a file of the volume.
func (f *fleet) write(t *testing.T, name string, size int) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(f.folder, name), make([]byte, size), 0o600))
}

// A link is one server's connection to the store. Once cut, nothing that the
// server does reaches the store, as if it had been killed.
type link struct {
	store.Store
	cut atomic.Bool
}

var errCut = errors.New("the link is cut")

func (l *link) Update(ctx context.Context, rec *store.Record) (*store.Record, error) {
	if l.cut.Load() {
		return nil, errCut
	}
	return l.Store.Update(ctx, rec)
}

func (l *link) Claim(ctx context.Context, c *store.Claim) ([]*store.Record, error) {
	if l.cut.Load() {
		return nil, errCut
	}
	return l.Store.Claim(ctx, c)
}

func (l *link) Heartbeat(ctx context.Context, owner string, ttl time.Duration) ([]string, error) {
	if l.cut.Load() {
		return nil, errCut
	}
	return l.Store.Heartbeat(ctx, owner, ttl)
}

// A server is one process of a fleet, and a client of it.
type server struct {
	pb.SnapshotsClient
	t    *testing.T
	ops  longrunningpb.OperationsClient
	link *link
	stop func() // drains
}

// setup starts a server over gRPC on an in-memory connection. Call it inside a
// bubble.
func setup(t *testing.T, f *fleet) *server {
	t.Helper()
	s := &server{t: t, link: &link{Store: f.store}}
	m, err := lro.New(s.link, &lro.Options{Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	volumes, err := service.OpenVolumes(f.list)
	must(t, err)
	svc, err := service.New(m, f.dir, volumes)
	must(t, err)

	listener := bufconn.Listen(1 << 20)
	g := grpc.NewServer()
	pb.RegisterSnapshotsServer(g, svc)
	longrunningpb.RegisterOperationsServer(g, lro.NewServer(m, lro.AllowAll, nil))
	served, ran := make(chan error, 1), make(chan error, 1)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	go func() { served <- g.Serve(listener) }()
	go func() { ran <- m.Run(ctx) }()
	s.stop = func() {
		cancel()
		if runErr := <-ran; runErr != nil && !s.link.cut.Load() { // without a store ends may be lost, and Run says so
			t.Errorf("Run: got error %v, want none", runErr)
		}
		ran <- nil
	}
	conn, err := grpc.NewClient("passthrough:///bufconn",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(t, err)
	t.Cleanup(func() {
		s.stop()
		must(t, conn.Close())
		g.Stop()
		if err := <-served; !errors.Is(err, grpc.ErrServerStopped) { // stopped before it served
			must(t, err)
		}
	})
	s.SnapshotsClient, s.ops = pb.NewSnapshotsClient(conn), longrunningpb.NewOperationsClient(conn)
	synctest.Wait()
	return s
}

// create creates the volume of the fleet.
func (s *server) create(f *fleet) {
	s.t.Helper()
	p, err := snapshotspoller.CreateVolume(s.t.Context(), s, s.ops, &pb.CreateVolumeRequest{Parent: project, VolumeId: "v1", Volume: &pb.Volume{Path: f.folder}}, nil)
	must(s.t, err)
	_, err = p.Wait(s.t.Context())
	must(s.t, err)
}

// take starts a snapshot of the volume and answers the operation's name.
func (s *server) take(bytesPerSecond int64) string {
	s.t.Helper()
	op, err := s.TakeSnapshot(s.t.Context(), &pb.TakeSnapshotRequest{Volume: volume, BytesPerSecond: bytesPerSecond})
	must(s.t, err)
	return op.GetName()
}

// wait answers the outcome of a snapshot.
func (s *server) wait(name string) (*pb.TakeSnapshotResponse, error) {
	return snapshotspoller.ResumeTakeSnapshot(s.ops, name, nil).Wait(s.t.Context())
}

// metadata answers how far a snapshot is.
func (s *server) metadata(name string) *pb.TakeSnapshotMetadata {
	s.t.Helper()
	op, err := s.ops.GetOperation(s.t.Context(), &longrunningpb.GetOperationRequest{Name: name})
	must(s.t, err)
	meta, err := snapshotspoller.TakeSnapshotMetadata(op)
	must(s.t, err)
	return meta
}

func wantCode(t *testing.T, what string, err error, want codes.Code) {
	t.Helper()
	if got := status.Code(err); got != want {
		t.Errorf("%s: got code %v (%v), want %v", what, got, err, want)
	}
}

func wantEqual(t *testing.T, what string, got, want proto.Message) {
	t.Helper()
	if !proto.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
