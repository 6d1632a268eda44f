package waits

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/longrunning-go/longrunning/bench/measure"
	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/poller"
)

// What those of a crowd wait in.
const (
	pollers   = "pollers"
	bareCalls = "calls"
)

// parked is for how long a call may be, as in a poller.
const parked = time.Minute

// Crowd is the role of a process in which many wait. Its arguments are the address
// of the server, the kind, how many, and the name of an operation that is done when
// all are there. Then it says how many bytes each takes, and in the end how many
// have returned.
func Crowd(ctx context.Context, args []string, out io.Writer) (err error) {
	address, kind, gathered := args[0], args[1], args[3]
	n, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	conn, err := dial(address)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	client := longrunningpb.NewOperationsClient(conn)
	names, err := list(ctx, client)
	if err != nil {
		return err
	}
	wait := waitBare
	if kind == pollers {
		wait = waitPoller
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	before := measure.InUse()
	var waiting sync.WaitGroup
	for i := range n {
		waiting.Go(func() {
			if err := wait(ctx, client, names[i%len(names)]); err != nil {
				stop(err)
			}
		})
	}
	if err := waitPoller(ctx, client, gathered); err != nil {
		return cmp.Or(context.Cause(ctx), err) // who waits with it may have failed first
	}
	if _, err := fmt.Fprintln(out, float64(measure.InUse()-before)/float64(n)); err != nil {
		return err
	}
	waiting.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, n)
	return err
}

func waitPoller(ctx context.Context, client longrunningpb.OperationsClient, name string) error {
	_, err := poller.Resume[*pb.TakeSnapshotResponse](client, name, nil).Wait(ctx)
	return err
}

// waitBare makes the call that a poller makes.
func waitBare(ctx context.Context, client longrunningpb.OperationsClient, name string) error {
	op, err := client.WaitOperation(ctx, &longrunningpb.WaitOperationRequest{Name: name, Timeout: durationpb.New(parked)})
	if err == nil && !op.GetDone() {
		err = fmt.Errorf("waits: operation %s must be done, found %v", name, op)
	}
	return err
}

// list answers the names of all operations to wait for.
func list(ctx context.Context, client longrunningpb.OperationsClient) (names []string, err error) {
	req := &longrunningpb.ListOperationsRequest{Name: parent, PageSize: 1_000}
	for {
		page, err := client.ListOperations(ctx, req)
		if err != nil {
			return nil, err
		}
		for _, op := range page.GetOperations() {
			names = append(names, op.GetName())
		}
		if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
			return names, nil
		}
	}
}
