package lro_test

import (
	"context"
	"errors"
	"sync"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/longrunning-go/longrunning/internal/oracle"
	"github.com/longrunning-go/longrunning/lro"
)

// A client starts operations and calls them by name, by way of any replica.
type client struct {
	world *world
	label string
	dice  dice
	seq   int64
}

// A starting is one operation that a client wants, however often it has to ask.
type starting struct {
	label, parent, method string
	repeats               bool // it has a request id
	done                  bool // by StartDone
}

var parentsOf = []string{"", "projects/p"}

func (c *client) run() {
	w := c.world
	for {
		w.rest(w.t.Context(), c.dice.between(0, pick(c.dice, 500*time.Millisecond, 3*time.Second)), c.dice)
		if w.isCalm() {
			return
		}
		c.act()
	}
}

func (c *client) act() {
	verb := choose(c.dice, []choice[string]{
		{35, "start"},
		{10, "get"},
		{12, "wait"},
		{4, "list"},
		{8, "cancel"},
		{4, "delete"},
		{5, "complete"},
		{3, "fail"},
		{6, "report"},
		{8, "several"},
	})
	name := c.known()
	r := c.world.replica(c.dice, "")
	switch {
	case verb == "start" || name == "":
		if s := c.want(); !c.launch(s) {
			c.world.mu.Lock()
			c.world.unsettled = append(c.world.unsettled, s)
			c.world.mu.Unlock()
		}
	case r == nil:
	case verb == "list":
		c.list(r, pick(c.dice, parentsOf...))
	case verb == "several":
		c.several(name)
	default:
		c.byName(r, name, verb, c.dice)
	}
}

func (c *client) known() string {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	// The latest are the ones that are not done.
	n := len(c.world.started)
	if n == 0 {
		return ""
	}
	return c.world.started[max(0, n-1-c.dice.IntN(8))]
}

func (c *client) want() *starting {
	c.seq++
	s := &starting{
		label: numbered(c.label+"-", int(c.seq)), parent: pick(c.dice, parentsOf...),
		method: choose(c.dice, []choice[string]{{60, methodPrint}, {20, methodRare}, {10, methodPost}, {10, ""}}),
	}
	s.repeats = s.method == "" || c.dice.chance(0.8)
	s.done = s.method != "" && c.dice.chance(0.05)
	return s
}

// launch asks until it knows, or gives up for now; one with a request id also asks again, of another
// replica, when it knows already or at the same time.
func (c *client) launch(s *starting) (settled bool) {
	if s.repeats && c.dice.chance(0.2) {
		var twins sync.WaitGroup
		for i := range int64(2) {
			if r := c.world.replica(c.dice, s.method); r != nil {
				d := c.world.seed.dice(i, "twin", s.label)
				twins.Go(func() { time.Sleep(d.between(0, time.Millisecond)); c.try(r, s) })
			}
		}
		twins.Wait()
	}
	for range 3 {
		r := c.world.replica(c.dice, s.method)
		if r != nil && c.try(r, s) || !s.repeats {
			return true
		}
		c.world.rest(c.world.t.Context(), c.dice.between(0, time.Second), c.dice)
	}
	return false
}

// try reports whether the start was acknowledged.
func (c *client) try(r *replica, s *starting) bool {
	w := c.world
	var op *longrunningpb.Operation
	err, arrived := r.ask(40*time.Second, func(ctx context.Context) (err error) {
		op, err = r.start(ctx, s)
		return err
	})
	w.logf("%s: start of %s (%s) on %s: %v, %v, arrives: %v", c.label, s.label, s.method, r.label, op.GetName(), err, arrived)
	if !arrived {
		return false
	}
	if err != nil {
		w.expected("Start", err)
		return false
	}
	id := ""
	if s.repeats {
		id = s.label
	}
	w.oracle.Started(op, id)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.started = append(w.started, op.GetName())
	if w.seed.dice(0, "watched", s.label).chance(0.3) && !w.isCalm() {
		w.clients.Go(func() { c.byName(r, op.GetName(), "watch", w.seed.dice(0, "watch", s.label)) })
	}
	return true
}

// several calls one operation by several ways at the same time.
func (c *client) several(name string) {
	var calls sync.WaitGroup
	for range 2 + c.dice.IntN(2) {
		verb := pick(c.dice, "cancel", "complete", "fail", "delete", "report", "get", "wait")
		r := c.world.replica(c.dice, "")
		d := dice{c.world.seed.dice(c.dice.Int64(), "several").Rand}
		if r != nil {
			calls.Go(func() { time.Sleep(d.between(0, 3*time.Millisecond)); c.byName(r, name, verb, d) })
		}
	}
	calls.Wait()
}

// byName makes one call and tells the oracle what it was answered.
func (c *client) byName(r *replica, name, verb string, d dice) {
	w := c.world
	patience := 20 * time.Second
	switch verb {
	case "wait":
		patience = d.between(500*time.Millisecond, 10*time.Second)
	case "watch":
		patience = time.Minute
	}
	asked := time.Now()
	suffered, sound := r.wire.sound()
	s := oracle.Stamp{Seq: d.Int64N(1 << 40), By: c.label}
	var op *longrunningpb.Operation
	err, arrived := r.ask(patience, func(ctx context.Context) (err error) {
		op, err = c.send(ctx, r, name, verb, s)
		return err
	})
	w.logf("%s: %s %s (%s) on %s: %v, arrives: %v", c.label, verb, w.ledger.label(name), name, r.label, err, arrived)
	if !arrived {
		return
	}
	w.expected(verb, err, codes.NotFound, codes.FailedPrecondition)
	since, still := r.wire.sound()
	switch {
	case errors.Is(err, lro.ErrNotFound):
		if verb != "complete" && verb != "fail" && verb != "report" { // these see what is deleted
			w.oracle.Missed(asked, name)
		}
	case err != nil:
	case verb == "get":
		w.oracle.Read(asked, op)
	case verb == "wait" || verb == "watch":
		if sound && still && since.Equal(suffered) && asked.Sub(suffered) > recovery {
			w.oracle.Waited(asked, op)
		} else {
			w.oracle.Read(asked, op)
		}
	case verb == "cancel":
		w.oracle.Cancelled(name)
	case verb == "delete":
		w.oracle.Deleted(name)
	case verb == "report":
		w.oracle.Saved(name, s)
	case verb == "complete":
		w.oracle.Ended(responded(name, s.Response()))
	case verb == "fail":
		w.oracle.Ended(failed(name, s.Err()))
	}
}

func (c *client) send(ctx context.Context, r *replica, name, verb string, s oracle.Stamp) (*longrunningpb.Operation, error) {
	switch verb {
	case "get":
		return r.Get(ctx, name)
	case "wait", "watch":
		return r.Wait(ctx, name)
	case "cancel":
		return nil, r.Cancel(ctx, name)
	case "delete":
		return nil, r.Delete(ctx, name)
	case "report":
		return nil, r.Report(ctx, name, s.Metadata())
	case "complete":
		return nil, r.Complete(ctx, name, s.Response())
	default:
		return nil, r.Fail(ctx, name, s.Err())
	}
}

// list reads a parent. What was started before and is not there was missed.
func (c *client) list(r *replica, parent string) {
	w := c.world
	asked := time.Now()
	w.mu.Lock()
	missing := make(map[string]bool)
	for _, name := range w.started {
		if (parent != "") == (len(name) > 11 && name[:9] == "projects/") {
			missing[name] = true
		}
	}
	w.mu.Unlock()
	var ops []*longrunningpb.Operation
	err, arrived := r.ask(20*time.Second, func(ctx context.Context) error {
		for op, err := range r.List(ctx, parent, nil) {
			if err != nil {
				return err
			}
			ops = append(ops, op)
		}
		return nil
	})
	if !arrived {
		return
	}
	w.expected("list", err)
	for _, op := range ops {
		w.oracle.Read(asked, op)
		delete(missing, op.GetName())
	}
	for name := range missing {
		if err == nil {
			w.oracle.Missed(asked, name)
		}
	}
}

func responded(name string, response proto.Message) *longrunningpb.Operation {
	packed, err := anypb.New(response)
	if err != nil {
		panic(err)
	}
	return &longrunningpb.Operation{Name: name, Done: true, Result: &longrunningpb.Operation_Response{Response: packed}}
}

func failed(name string, err error) *longrunningpb.Operation {
	return &longrunningpb.Operation{Name: name, Done: true, Result: &longrunningpb.Operation_Error{Error: status.Convert(err).Proto()}}
}
