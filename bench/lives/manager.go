package lives

import (
	"context"
	"errors"
	"sync/atomic"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	"github.com/longrunning-go/longrunning/bench/database"
	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/poller"
	"github.com/longrunning-go/longrunning/store"
)

// A manager is the subject: a Manager that runs.
type manager struct {
	takeSnapshot *lro.Method[*pb.TakeSnapshotRequest, *pb.TakeSnapshotResponse, *pb.TakeSnapshotMetadata]
	client       longrunningpb.OperationsClient
	turn         atomic.Pointer[turn]

	store *database.Store
	stop  context.CancelFunc
	ran   chan error
}

// newManager opens the store at an address and runs a Manager on it. So many handlers
// run at once. A channel that is not nil gets one for each operation that is stored as
// done.
func newManager(ctx context.Context, address string, capacity int, ended chan<- struct{}) (*manager, error) {
	st, err := database.Open(ctx, address, database.Settings{Conns: conns})
	if err != nil {
		return nil, err
	}
	m := &manager{store: st, ran: make(chan error, 1)}
	var watched store.Store = st
	if ended != nil {
		watched = &endings{st, ended}
	}
	lm, err := lro.New(watched, &lro.Options{Capacity: capacity})
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	m.takeSnapshot = lro.Handle(lm, m.handle, nil)
	m.client = lm.LocalClient()
	ctx, m.stop = context.WithCancel(ctx)
	go func() { m.ran <- lm.Run(ctx) }()
	return m, nil
}

// close ends the Manager's Run.
func (m *manager) close() error {
	m.stop()
	return errors.Join(<-m.ran, m.store.Close())
}

func (m *manager) handle(ctx context.Context, task *lro.Task[*pb.TakeSnapshotMetadata], req *pb.TakeSnapshotRequest) (*pb.TakeSnapshotResponse, error) {
	return m.turn.Load().work(ctx, req, func(meta *pb.TakeSnapshotMetadata) error {
		task.Report(meta)
		return nil
	})
}

// lives waits by a Poller, as one does who wants the response and not its Any.
func (m *manager) lives(t *turn) life {
	m.turn.Store(t)
	return func(ctx context.Context, i int) (*pb.TakeSnapshotResponse, error) {
		op, err := m.takeSnapshot.Start(ctx, t.requests[i], nil)
		if err != nil {
			return nil, err
		}
		t.watch(i)
		return poller.New[*pb.TakeSnapshotResponse](m.client, op, nil).Wait(ctx)
	}
}

// start starts an operation for which nobody waits.
func (m *manager) start(ctx context.Context, i int) error {
	_, err := m.takeSnapshot.Start(ctx, request(i), nil)
	return err
}

// left answers how many operations are not stored as done.
func (m *manager) left(ctx context.Context) (int, error) {
	recs, err := m.store.List(ctx, &store.Query{AllParents: true, Done: new(false), Limit: mostEnded})
	return len(recs), err
}

// endings is a store that tells of each operation that it has stored as done.
type endings struct {
	*database.Store

	ended chan<- struct{}
}

// Update implements [store.Store].
func (s *endings) Update(ctx context.Context, rec *store.Record) (*store.Record, error) {
	stored, err := s.Store.Update(ctx, rec)
	if err == nil && stored.State == store.Done {
		s.ended <- struct{}{}
	}
	return stored, err
}
