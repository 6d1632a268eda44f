package waits

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	"github.com/longrunning-go/longrunning/bench/measure"
	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/poller"
)

// wakes measures how long after its handler has returned an operation's
// Poller.Wait returns: against a unary round trip on the same connection.
func wakes(ctx context.Context, r *measure.Run) {
	const what = "gRPC, p50 from the handler's return to that of Poller.Wait, of a round trip"
	bound := measure.AtMost(4)
	if err := func() (err error) {
		p, err := newPeer(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, p.close()) }()
		done, err := p.takeSnapshot.StartDone(ctx, &pb.TakeSnapshotRequest{}, &pb.TakeSnapshotResponse{Files: 1}, &lro.StartOptions{Parent: parent})
		if err != nil {
			return err
		}
		w := &waker{p, done.GetName()}
		const each = 8
		r.Compare(ctx, &measure.Comparison{
			What: what, Unit: "calls", Bound: bound, Time: r.Time(6 * time.Second), Quantile: 0.5,
			Subject: func(ctx context.Context) (measure.Sample, error) { return pooled(ctx, each, w.wake) },
			Base: func(ctx context.Context) (measure.Sample, error) {
				return measure.Timed(ctx, 1, each, func(ctx context.Context, _ int) error { return w.get(ctx) })
			},
		})
		return nil
	}(); err != nil {
		r.Fail(what, bound, err)
	}
}

// pooled is measure.Timed for one caller of what holds the clock itself.
func pooled(ctx context.Context, n int, fn func(context.Context) (time.Duration, error)) (measure.Sample, error) {
	s := measure.Sample{Count: n}
	for range n {
		took, err := fn(ctx)
		if err != nil {
			return s, err
		}
		s.Took += took
		s.Times = append(s.Times, took)
	}
	return s, nil
}

type waker struct {
	*peer

	done string // the name of a done operation
}

// get makes a unary round trip.
func (w *waker) get(ctx context.Context) error {
	op, err := w.client.GetOperation(ctx, &longrunningpb.GetOperationRequest{Name: w.done})
	if err == nil && !op.GetDone() {
		err = fmt.Errorf("waits: operation %s must be done, found %v", w.done, op)
	}
	return err
}

// wake lets the handler of an operation return for which a poller waits.
func (w *waker) wake(ctx context.Context) (time.Duration, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	end := make(chan struct{})
	op, j, err := w.start(ctx, parent, end)
	if err != nil {
		return 0, err
	}
	woken := make(chan time.Time, 1)
	go func() {
		_, err := poller.New[*pb.TakeSnapshotResponse](w.client, op, nil).Wait(ctx)
		at := time.Now()
		if err != nil {
			stop(err) // before at is taken for that of a success
		}
		woken <- at
	}()
	if err := w.traffic.await(ctx, 1); err != nil {
		return 0, err
	}
	// The server has the call. While another comes and goes it gets as far as it
	// can: a call that came too late to be parked would be answered too soon.
	if err := w.get(ctx); err != nil {
		return 0, err
	}
	close(end)
	at := <-woken
	if err := context.Cause(ctx); err != nil {
		return 0, err
	}
	return at.Sub(<-j.returned), nil
}
