package waits

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	longrunning "cloud.google.com/go/longrunning"
	autogen "cloud.google.com/go/longrunning/autogen"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/longrunning-go/longrunning/bench/measure"
	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/poller"
)

// delays measures how much later than their handlers return both clients learn it,
// each of the same operations, which are all under way at the same time.
func delays(ctx context.Context, r *measure.Run) {
	bound := measure.AtLeast(100)
	lengths := []time.Duration{1500 * time.Millisecond, 4 * time.Second}
	n := r.Work(64)
	r.Say("%d operations of each of %v", n, lengths)
	found, err := delayed(ctx, lengths, n)
	for i, length := range lengths {
		what := fmt.Sprintf("gRPC, p50 of the delay after %v: Poller.Wait, Google's client", length)
		if err != nil {
			r.Fail(what, bound, err)
			continue
		}
		ours, google := measure.Quantile(found[i].ours, 0.5), measure.Quantile(found[i].google, 0.5)
		r.Report(measure.Counted(what, float64(ours), float64(google), bound,
			fmt.Sprintf("%d operations waited for by both; %.3g ms against %.3g ms", n, milliseconds(ours), milliseconds(google))))
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// A delayPair is the delays of operations of one length.
type delayPair struct{ ours, google []time.Duration }

// delayed waits for n operations of each length.
func delayed(ctx context.Context, lengths []time.Duration, n int) (found []delayPair, err error) {
	p, err := newPeer(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	google, err := googleClient(ctx, p.conn)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	found = make([]delayPair, len(lengths))
	var waiting sync.WaitGroup
	for i, length := range lengths {
		pair := &found[i]
		pair.ours, pair.google = make([]time.Duration, n), make([]time.Duration, n)
		for at := range n {
			waiting.Go(func() {
				if err := p.delay(ctx, google, length, &pair.ours[at], &pair.google[at]); err != nil {
					stop(err)
				}
			})
		}
	}
	waiting.Wait()
	return found, context.Cause(ctx)
}

func googleClient(ctx context.Context, conn *grpc.ClientConn) (*autogen.OperationsClient, error) {
	return autogen.NewOperationsClient(ctx, option.WithGRPCConn(conn))
}

// delay answers how long after its handler both clients return from their Wait for
// one operation. It starts at any moment of a second, so that polls do not meet.
func (p *peer) delay(ctx context.Context, google *autogen.OperationsClient, length time.Duration, ours, googles *time.Duration) error {
	select {
	case <-time.After(rand.N(time.Second)):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	end := make(chan struct{})
	op, j, err := p.start(ctx, parent, end)
	if err != nil {
		return err
	}
	time.AfterFunc(length, func() { close(end) })
	var at [2]time.Time
	var errs [2]error
	var both sync.WaitGroup
	both.Go(func() {
		_, errs[0] = poller.New[*pb.TakeSnapshotResponse](p.client, op, nil).Wait(ctx)
		at[0] = time.Now()
	})
	both.Go(func() {
		errs[1] = longrunning.InternalNewOperation(google, proto.CloneOf(op)).Wait(ctx, new(pb.TakeSnapshotResponse))
		at[1] = time.Now()
	})
	both.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	returned := <-j.returned
	*ours, *googles = at[0].Sub(returned), at[1].Sub(returned)
	return nil
}
