package scale

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/longrunning-go/longrunning/bench/child"
	"github.com/longrunning-go/longrunning/bench/database"
	"github.com/longrunning-go/longrunning/bench/measure"
	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/lro"
)

// Run is the role of a process in which many operations run. Its arguments are the
// address of a database, and at how many it says how many bytes each takes. Then it
// lets their handlers return, and says how many seconds passed until all were done.
func Run(ctx context.Context, args []string, out io.Writer) (err error) {
	counts, err := child.Numbers(args[1:])
	if err != nil {
		return err
	}
	most := counts[len(counts)-1]
	st, err := database.Open(ctx, args[0], database.Settings{Conns: callers})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	m, err := lro.New(st, &lro.Options{Capacity: most, DrainTimeout: time.Second})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	ran := make(chan error, 1)
	w := newWorkers(m, most)
	go func() { ran <- m.Run(ctx) }()
	defer func() {
		stop()
		err = errors.Join(err, <-ran)
	}()
	before := measure.InUse()
	for _, n := range counts {
		if err := w.until(ctx, n); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out, float64(measure.InUse()-before)/float64(n)); err != nil {
			return err
		}
	}
	took, err := w.letGo(ctx, m)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, took.Seconds())
	return err
}

// The workers are operations whose handlers run until end is closed.
type workers struct {
	takeSnapshot *lro.Method[*pb.TakeSnapshotRequest, *pb.TakeSnapshotResponse, *pb.TakeSnapshotMetadata]
	names        []string
	began, end   chan struct{}
}

func newWorkers(m *lro.Manager, most int) *workers {
	w := &workers{began: make(chan struct{}, most), end: make(chan struct{})}
	w.takeSnapshot = lro.Handle(m, w.handle, nil)
	return w
}

func (w *workers) handle(ctx context.Context, _ *lro.Task[*pb.TakeSnapshotMetadata], _ *pb.TakeSnapshotRequest) (*pb.TakeSnapshotResponse, error) {
	w.began <- struct{}{}
	select {
	case <-w.end:
		return &pb.TakeSnapshotResponse{Snapshot: snapshot, Files: 1}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// until starts operations until n run.
func (w *workers) until(ctx context.Context, n int) error {
	more := make([]string, n-len(w.names))
	_, err := measure.Shared(ctx, callers, len(more), func(ctx context.Context, i int) error {
		op, callErr := w.takeSnapshot.Start(ctx, &pb.TakeSnapshotRequest{Volume: volume}, nil)
		more[i] = op.GetName()
		return callErr
	})
	if err != nil {
		return err
	}
	for range more {
		select {
		case <-w.began:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	w.names = append(w.names, more...)
	return nil
}

// letGo lets all return, and answers how long it took until they were done.
func (w *workers) letGo(ctx context.Context, m *lro.Manager) (time.Duration, error) {
	began := time.Now()
	close(w.end)
	for _, name := range w.names {
		if op, err := m.Wait(ctx, name); err != nil || op.GetError() != nil {
			return 0, errors.Join(err, fmt.Errorf("scale: operation %s must succeed, found %v", name, op))
		}
	}
	return time.Since(began), nil
}
