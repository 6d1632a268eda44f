package scale

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/longrunning-go/longrunning/bench/database"
	"github.com/longrunning-go/longrunning/bench/measure"
	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/lro"
)

// Run is the role of a process in which many operations run. Its arguments are the
// address of a database, and at how many it says how many bytes each takes. Then it
// lets their handlers return, and says how many seconds passed until all were done.
func Run(ctx context.Context, args []string, out io.Writer) (err error) {
	counts := make([]int, len(args)-1)
	for i, arg := range args[1:] {
		if counts[i], err = strconv.Atoi(arg); err != nil {
			return err
		}
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
	w := &workers{end: make(chan struct{}), began: make(chan struct{}, most)}
	takeSnapshot := lro.Handle(m, w.handle, nil)
	ctx, stop := context.WithCancel(ctx)
	ran := make(chan error, 1)
	go func() { ran <- m.Run(ctx) }()
	defer func() {
		stop()
		err = errors.Join(err, <-ran)
	}()
	names := make([]string, most)
	before, there := measure.InUse(), 0
	for _, n := range counts {
		if _, err := measure.Shared(ctx, callers, n-there, func(ctx context.Context, i int) error {
			op, err := takeSnapshot.Start(ctx, &pb.TakeSnapshotRequest{Volume: volume}, nil)
			names[there+i] = op.GetName()
			return err
		}); err != nil {
			return err
		}
		for ; there < n; there++ {
			select {
			case <-w.began:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		if _, err := fmt.Fprintln(out, float64(measure.InUse()-before)/float64(n)); err != nil {
			return err
		}
	}
	began := time.Now()
	close(w.end)
	for _, name := range names {
		if op, err := m.Wait(ctx, name); err != nil || op.GetError() != nil {
			return errors.Join(err, fmt.Errorf("scale: operation %s must succeed, found %v", name, op))
		}
	}
	_, err = fmt.Fprintln(out, time.Since(began).Seconds())
	return err
}

// The workers run until their end.
type workers struct{ end, began chan struct{} }

func (w *workers) handle(ctx context.Context, _ *lro.Task[*pb.TakeSnapshotMetadata], _ *pb.TakeSnapshotRequest) (*pb.TakeSnapshotResponse, error) {
	w.began <- struct{}{}
	select {
	case <-w.end:
		return &pb.TakeSnapshotResponse{Snapshot: snapshot, Files: 1}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
