package allocations

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/longrunning-go/longrunning/bench/database"
	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store"
)

// A service has two Managers on one store: one that runs what it starts, and one
// that runs nothing, so that its starts can be counted alone.
type service struct {
	events *events
	starts *lro.Method[*pb.TakeSnapshotRequest, *pb.TakeSnapshotResponse, *pb.TakeSnapshotMetadata]

	runs         *lro.Manager
	takeSnapshot *lro.Method[*pb.TakeSnapshotRequest, *pb.TakeSnapshotResponse, *pb.TakeSnapshotMetadata]
	server       *lro.Server

	stop context.CancelFunc
	ran  chan error
}

func newService(ctx context.Context, address string) (*service, error) {
	st, err := database.Open(ctx, address, database.Settings{Conns: 4})
	if err != nil {
		return nil, err
	}
	s := &service{events: &events{st, make(chan struct{}, 1), make(chan struct{}, 1)}, ran: make(chan error, 1)}
	starts, err := lro.New(s.events, &lro.Options{Capacity: -1, Logger: slog.New(slog.DiscardHandler)})
	if err == nil {
		s.runs, err = lro.New(s.events, nil)
	}
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	s.starts = lro.Declare[*pb.TakeSnapshotRequest, *pb.TakeSnapshotResponse, *pb.TakeSnapshotMetadata](starts, &lro.MethodOptions{External: true})
	s.takeSnapshot = lro.Handle(s.runs, s.handle, nil)
	s.server = lro.NewServer(s.runs, authorizer(), nil)
	ctx, s.stop = context.WithCancel(ctx)
	go func() { s.ran <- s.runs.Run(ctx) }()
	return s, nil
}

func (s *service) close() error {
	s.stop()
	return errors.Join(<-s.ran, s.events.Close())
}

// handle reports twice. The first report is stored by itself, as every one is that
// comes long after the one before; the second travels with the end. That waits for
// the waiter.
func (s *service) handle(ctx context.Context, t *lro.Task[*pb.TakeSnapshotMetadata], req *pb.TakeSnapshotRequest) (*pb.TakeSnapshotResponse, error) {
	progress := metadata()
	t.Report(progress)
	if err := await(ctx, s.events.wrote); err != nil {
		return nil, err
	}
	progress.FilesDone = progress.GetFilesTotal()
	t.Report(progress)
	return response(), await(ctx, s.events.read)
}

func await(ctx context.Context, event <-chan struct{}) error {
	select {
	case <-event:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// events is a store that tells when an operation that runs was written, and when
// one was read.
type events struct {
	*database.Store

	wrote, read chan struct{}
}

func (e *events) Update(ctx context.Context, rec *store.Record) (*store.Record, error) {
	stored, err := e.Store.Update(ctx, rec)
	if err == nil && stored.State == store.Running {
		poke(e.wrote)
	}
	return stored, err
}

func (e *events) Get(ctx context.Context, names ...string) ([]*store.Record, error) {
	recs, err := e.Store.Get(ctx, names...)
	poke(e.read)
	return recs, err
}

func poke(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

const (
	tenant = "acme"
	parent = "projects/" + tenant
	volume = parent + "/volumes/code"
	scope  = "snapshots.read"
)

type tenantKey struct{}

func withTenant(ctx context.Context) context.Context {
	return context.WithValue(ctx, tenantKey{}, tenant)
}

// authorizer looks at the tenant and the scopes of a caller, as that of a service
// does.
func authorizer() lro.Authorizer {
	granted := []string{scope}
	return lro.All(
		func(ctx context.Context, a lro.Access) error {
			of, _ := ctx.Value(tenantKey{}).(string)
			if own, ok := strings.CutPrefix(a.Parent, "projects/"); of == "" || !ok || own != of {
				return errors.New("not the caller's tenant")
			}
			return nil
		},
		lro.RequireScopes(func(context.Context) []string { return granted }, map[lro.Verb][]string{lro.VerbGet: granted}),
	)
}

func request() *pb.TakeSnapshotRequest { return &pb.TakeSnapshotRequest{Volume: volume} }

func response() *pb.TakeSnapshotResponse {
	return &pb.TakeSnapshotResponse{
		Snapshot: "/var/snapshots/acme/code-20260102T030405Z.tar.gz", Files: 1_234, Bytes: 56_789_012,
		Sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
	}
}

func metadata() *pb.TakeSnapshotMetadata {
	began := time.Date(2026, time.January, 2, 3, 4, 5, 0, time.UTC)
	return &pb.TakeSnapshotMetadata{
		Volume: volume, FilesTotal: 1_234, BytesTotal: 56_789_012, Attempt: 1,
		CreateTime: timestamppb.New(began), UpdateTime: timestamppb.New(began.Add(time.Minute)),
	}
}
