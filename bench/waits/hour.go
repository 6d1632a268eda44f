package waits

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	longrunning "cloud.google.com/go/longrunning"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"

	"github.com/longrunning-go/longrunning/bench/child"
	"github.com/longrunning-go/longrunning/bench/measure"
	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/poller"
)

// calls counts the calls with which either client waits for an operation of an hour.
func calls(ctx context.Context, r *measure.Run, program []string) {
	const what = "gRPC, calls for an operation of an hour: Poller.Wait, Google's client"
	bound := measure.AtMost(0.6)
	var ours, google float64
	process, err := child.Start(ctx, program, "hour")
	if err == nil {
		_, err = fmt.Fscan(process.Out, &ours, &google)
		err = errors.Join(err, process.Close())
	}
	if err != nil {
		r.Fail(what, bound, err)
		return
	}
	r.Report(measure.Counted(what, ours, google, bound, fmt.Sprintf("in fake time; %g calls against %g", ours, google)))
}

// Hour is the role of a process that waits for an operation of an hour, in fake
// time, with either client, and says how many calls each has made.
//
// Google's client sleeps by the clock, and only a bubble of package synctest has
// another one, which it gives to tests alone. So this process pretends to be a
// test: testing.Main is there for programs that do, and ends the process.
func Hour(_ context.Context, _ []string, out io.Writer) error {
	testing.Main(
		func(string, string) (bool, error) { return true, nil },
		[]testing.InternalTest{{Name: "hour", F: func(t *testing.T) { //nolint:contextcheck // a channel from outside the bubble would stop its clock
			synctest.Test(t, func(t *testing.T) {
				if err := hours(t.Context(), out); err != nil {
					fmt.Fprintln(os.Stderr, "waits:", err) // t would write it to out
					t.Fail()
				}
			})
		}}}, nil, nil)
	return nil
}

func hours(ctx context.Context, out io.Writer) error {
	ours, err := callsOf(ctx, func(conn *grpc.ClientConn, op *longrunningpb.Operation) error {
		_, err := poller.New[*pb.TakeSnapshotResponse](longrunningpb.NewOperationsClient(conn), op, nil).Wait(ctx)
		return err
	})
	if err != nil {
		return err
	}
	google, err := callsOf(ctx, func(conn *grpc.ClientConn, op *longrunningpb.Operation) error {
		client, failed := googleClient(ctx, conn)
		if failed != nil {
			return failed
		}
		return longrunning.InternalNewOperation(client, op).Wait(ctx, new(pb.TakeSnapshotResponse))
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, ours, google)
	return err
}

// callsOf answers how many calls wait makes for an operation of an hour.
func callsOf(ctx context.Context, wait func(*grpc.ClientConn, *longrunningpb.Operation) error) (n int64, err error) {
	listener := bufconn.Listen(1 << 16)
	s, err := serve(ctx, listener)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	conn, err := dial("passthrough:///hour", grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
		return listener.DialContext(ctx)
	}))
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	end := make(chan struct{})
	op, _, err := s.start(ctx, parent, end)
	if err != nil {
		return 0, err
	}
	time.AfterFunc(time.Hour, func() { close(end) })
	err = wait(conn, op)
	return s.traffic.all.Load(), err
}
