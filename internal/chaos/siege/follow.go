//go:build linux

package siege

import (
	"context"
	"fmt"
	"sync"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/longrunning-go/longrunning/internal/chaos/worker"
	"github.com/longrunning-go/longrunning/internal/oracle"
	"github.com/longrunning-go/longrunning/internal/testpb"
)

// A plan is what a client does to its operation.
type plan struct {
	cancels, deletes bool
	finishes         bool          // ends it by name
	vanishes         bool          // its start is rolled back
	patience         time.Duration // about how long the work takes
}

// follow reads the operation until it is done, and meanwhile does what was planned.
func (c *client) follow(ctx context.Context, op *longrunningpb.Operation, p plan) {
	name, began := op.GetName(), time.Now()
	after := func(share float64) bool { return time.Since(began) > time.Duration(share*float64(p.patience)) }
	for ctx.Err() == nil && !op.GetDone() {
		c.act(ctx, name, &p, after)
		read, found := c.read(ctx, name, !p.cancels && !p.deletes && !p.finishes)
		if !found {
			return
		}
		if read != nil {
			op = read
		}
		c.siege.pause(ctx, 20*time.Millisecond)
	}
	if !op.GetDone() {
		return
	}
	// What is done can be cancelled, which changes nothing, and deleted.
	p.finishes = false
	c.act(ctx, name, &p, func(float64) bool { return true })
	if c.chance(0.3) {
		c.read(ctx, name, true)
	}
}

// act does one thing of the plan, if after says that it is time for it.
func (c *client) act(ctx context.Context, name string, p *plan, after func(share float64) bool) {
	switch {
	case p.cancels && after(c.rand.Float64()):
		p.cancels = !c.cancel(ctx, name)
	case p.deletes && after(c.rand.Float64()):
		p.deletes = !c.remove(ctx, name)
	case p.finishes && after(1.5*c.rand.Float64()):
		p.finishes = !c.finish(ctx, name)
	}
}

// read asks one worker, by Get or Wait; a nil operation is no answer.
func (c *client) read(ctx context.Context, name string, idle bool) (op *longrunningpb.Operation, found bool) {
	m := c.siege.any()
	if m == nil {
		c.siege.pause(ctx, 20*time.Millisecond)
		return nil, true
	}
	conn := m.client()
	if conn == nil {
		return nil, true
	}
	asked := time.Now()
	waits := c.chance(0.7)
	length := c.patience(idle)
	op, err := c.ask(ctx, longrunningpb.NewOperationsClient(conn), name, waits, length)
	undisturbed := waits && m.calmSince(asked.Add(-time.Second))
	switch {
	case err == nil && undisturbed:
		c.siege.oracle.Waited(asked, op)
	case err == nil:
		c.siege.oracle.Read(asked, op)
	case status.Code(err) == codes.NotFound:
		c.siege.oracle.Missed(asked, name)
		return nil, false
	case undisturbed && ctx.Err() == nil && status.Code(err) == codes.DeadlineExceeded:
		c.siege.blame(oracle.Woken, name, fmt.Sprintf("a wait of %v was not answered for %v", length, time.Since(asked).Round(time.Millisecond)))
		return nil, true
	case unknown(err):
		c.siege.pause(ctx, 20*time.Millisecond)
		return nil, true
	default:
		c.siege.blame(Refused, name, "a read was answered "+err.Error())
	}
	return op, true
}

// patience answers how long a wait is. Who has something to do yet waits a little
// only.
func (c *client) patience(idle bool) time.Duration {
	least := c.siege.scenario.Load.Wait / 8
	if !idle {
		return least
	}
	return least * time.Duration(2+2*c.rand.IntN(4))
}

func (c *client) ask(ctx context.Context, ops longrunningpb.OperationsClient, name string, waits bool, length time.Duration) (*longrunningpb.Operation, error) {
	if !waits {
		limited, stop := context.WithTimeout(ctx, 2*time.Second)
		defer stop()
		return ops.GetOperation(limited, &longrunningpb.GetOperationRequest{Name: name})
	}
	limited, stop := context.WithTimeout(ctx, length+c.siege.scenario.Bounds.Wake)
	defer stop()
	return ops.WaitOperation(limited, &longrunningpb.WaitOperationRequest{Name: name, Timeout: durationpb.New(length)})
}

// settled makes a call by name, and reports whether its outcome is known.
func (c *client) settled(ctx context.Context, name string, call func(context.Context, *grpc.ClientConn) error, acknowledged func()) bool {
	conn := c.worker(ctx)
	if conn == nil {
		return false
	}
	ctx, stop := context.WithTimeout(ctx, 3*time.Second)
	defer stop()
	asked := time.Now()
	err := call(ctx, conn)
	switch {
	case err == nil:
		acknowledged()
	case status.Code(err) == codes.NotFound:
		c.siege.oracle.Missed(asked, name)
	case unknown(err):
		return false
	case status.Code(err) != codes.FailedPrecondition:
		c.siege.blame(Refused, name, "a call by name was answered "+err.Error())
	}
	return true
}

func (c *client) cancel(ctx context.Context, name string) bool {
	return c.settled(ctx, name, func(ctx context.Context, conn *grpc.ClientConn) error {
		_, err := longrunningpb.NewOperationsClient(conn).CancelOperation(ctx, &longrunningpb.CancelOperationRequest{Name: name})
		return err
	}, func() { c.siege.oracle.Cancelled(name) })
}

func (c *client) remove(ctx context.Context, name string) bool {
	return c.settled(ctx, name, func(ctx context.Context, conn *grpc.ClientConn) error {
		_, err := longrunningpb.NewOperationsClient(conn).DeleteOperation(ctx, &longrunningpb.DeleteOperationRequest{Name: name})
		return err
	}, func() { c.siege.oracle.Deleted(name) })
}

// finish ends the operation by name, often on two workers at once, with results
// of which only one can be it. Sometimes it only reports.
func (c *client) finish(ctx context.Context, name string) bool {
	if c.chance(0.3) {
		stamp := c.stamp()
		c.settled(ctx, name, func(ctx context.Context, conn *grpc.ClientConn) error {
			_, err := call(ctx, conn, worker.Report, &testpb.PrintRequest{Parent: name, Text: stamp.String()})
			return err
		}, func() { c.siege.oracle.Saved(name, stamp) })
		return false
	}
	var both sync.WaitGroup
	var known, knownToo bool
	fails, failsToo := c.chance(0.3), c.chance(0.3)
	first, second := c.stamp(), c.stamp()
	if knownToo = true; c.chance(0.5) {
		both.Go(func() { knownToo = c.end(ctx, name, second, failsToo) })
	}
	known = c.end(ctx, name, first, fails)
	both.Wait()
	return known && knownToo
}

func (c *client) stamp() oracle.Stamp {
	c.seq++
	return oracle.Stamp{Seq: c.seq, By: c.id}
}

func (c *client) end(ctx context.Context, name string, stamp oracle.Stamp, fails bool) bool {
	method, ended := worker.Complete, &longrunningpb.Operation{Name: name, Done: true}
	if fails {
		method = worker.Fail
		ended.Result = &longrunningpb.Operation_Error{Error: status.Convert(stamp.Err()).Proto()}
	} else if packed, err := anypb.New(stamp.Response()); c.siege.must(err) {
		ended.Result = &longrunningpb.Operation_Response{Response: packed}
	}
	return c.settled(ctx, name, func(ctx context.Context, conn *grpc.ClientConn) error {
		_, err := call(ctx, conn, method, &testpb.PrintRequest{Parent: name, Text: stamp.String()})
		return err
	}, func() { c.siege.oracle.Ended(ended) })
}
