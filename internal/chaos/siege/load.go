//go:build linux

package siege

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/longrunning-go/longrunning/internal/chaos/worker"
	"github.com/longrunning-go/longrunning/internal/testpb"
)

// A load is the clients at work.
type load struct {
	siege   *siege
	ending  chan struct{} // closed when nothing more is started
	expired context.CancelFunc
	clients sync.WaitGroup
	ids     atomic.Int64
}

// load starts the clients.
func (s *siege) load(ctx context.Context) *load {
	ctx, stop := context.WithCancel(ctx)
	l := &load{siege: s, ending: make(chan struct{}), expired: stop}
	for i := range s.scenario.Load.Clients {
		c := &client{load: l, siege: s, id: fmt.Sprintf("c%d", i), rand: rand.New(rand.NewPCG(s.seed, uint64(i+1)))}
		l.clients.Go(func() {
			for ctx.Err() == nil {
				select {
				case <-l.ending:
					return
				default:
					c.once(ctx)
				}
			}
		})
	}
	return l
}

// stop lets the clients see their operations end, for so long at most.
func (l *load) stop(patience time.Duration) {
	close(l.ending)
	timer := time.AfterFunc(patience, l.expired)
	defer timer.Stop()
	l.clients.Wait()
	l.expired()
}

// A client has one operation under way at a time.
type client struct {
	load  *load
	siege *siege
	id    string
	rand  *rand.Rand
	seq   int64
}

func (c *client) chance(share float64) bool { return c.rand.Float64() < share }

// once starts an operation and follows it to its end.
func (c *client) once(ctx context.Context) {
	req := &testpb.PrintRequest{RequestId: fmt.Sprintf("%s-%d", c.id, c.load.ids.Add(1))}
	method, script, p := c.draw(req)
	p.finishes = p.finishes || method != worker.Nobody && method != worker.Poison && script.End == worker.EndsExternal
	p.deletes = !p.finishes && method != worker.Nobody && script.Steps < longSteps && c.chance(c.siege.scenario.Load.Delete)
	p.patience = min(time.Duration(script.Steps)*script.Pause, 5*time.Second)
	req.Text = script.String()
	if op := c.start(ctx, method, req, p.vanishes); op != nil && !p.vanishes {
		c.follow(ctx, op, p)
	}
}

// longSteps are those of a Script that is longer than an operation may take.
const longSteps = 600

// draw draws what to start, and what to do to it.
func (c *client) draw(req *testpb.PrintRequest) (method string, script worker.Script, p plan) {
	l := c.siege.scenario.Load
	script = l.Script(c.rand)
	p.cancels = c.chance(l.Cancel)
	method = worker.Count
	switch roll := c.rand.Float64(); {
	case roll < l.External:
		method, p.finishes = worker.Create, true
	case roll < l.External+l.Order:
		method, script.End = worker.Order, worker.EndsResponse
		if req.Parent = "ordered"; c.chance(0.2) {
			req.Parent, p.vanishes = worker.RollsBack, true
		}
	case roll < l.External+l.Order+l.Rare:
		method = worker.Rare
	case roll < l.External+l.Order+l.Rare+l.Nobody:
		method, p.cancels = worker.Nobody, c.chance(0.5)
	case c.siege.count(Poisoned) < c.siege.scenario.Quota[Poisoned] && roll < l.External+l.Order+l.Rare+l.Nobody+l.Poison:
		method, script.End, p.cancels = worker.Poison, worker.EndsPoison, false
	case roll > 1-l.Long:
		script = worker.Script{Steps: longSteps, Pause: 100 * time.Millisecond, Mute: c.chance(0.5), End: worker.EndsResponse}
		p.cancels = true
	default:
	}
	return method, script, p
}

// start makes a start until its outcome is known, on one worker after the other.
func (c *client) start(ctx context.Context, method string, req *testpb.PrintRequest, vanishes bool) *longrunningpb.Operation {
	once := func(conn *grpc.ClientConn) (*longrunningpb.Operation, error) {
		limited, stop := context.WithTimeout(ctx, 3*time.Second)
		defer stop()
		op, err := call(limited, conn, method, req)
		if err == nil && !vanishes {
			c.siege.oracle.Started(op, req.GetRequestId())
		}
		return op, err
	}
	twice := c.chance(c.siege.scenario.Load.Twice)
	for ctx.Err() == nil {
		conn := c.worker(ctx)
		if conn == nil {
			return nil
		}
		var both sync.WaitGroup
		if other := c.worker(ctx); twice && other != nil {
			both.Go(func() { _, _ = once(other) })
		}
		op, err := once(conn)
		both.Wait()
		switch {
		case err == nil:
			return op
		case vanishes:
			return nil
		case !unknown(err):
			c.siege.blame(Refused, req.GetRequestId(), "a start was answered "+err.Error())
			return nil
		}
		c.siege.pause(ctx, 20*time.Millisecond)
	}
	return nil
}

// worker answers the connection to one that serves, once there is one.
func (c *client) worker(ctx context.Context) (conn *grpc.ClientConn) {
	for ctx.Err() == nil {
		if m := c.siege.any(); m != nil {
			if conn = m.client(); conn != nil {
				return conn
			}
		}
		c.siege.pause(ctx, 20*time.Millisecond)
	}
	return nil
}

// unknown reports whether a call that failed so may have been done.
func unknown(err error) bool {
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.Aborted, codes.Unknown, codes.ResourceExhausted:
		return true
	default:
		return false
	}
}
