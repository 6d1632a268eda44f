package lro_test

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/longrunning-go/longrunning/internal/oracle"
	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
)

// A performance is what a handler does in one attempt. It follows from the seed,
// the operation and the number of the attempt.
type performance struct {
	*printTask
	r     *replica
	label string
	dice  dice
	seq   int64
}

func (r *replica) handle(ctx context.Context, task *printTask, req *testpb.PrintRequest) (*testpb.PrintResponse, error) {
	p := &performance{printTask: task, r: r, label: req.GetText(), dice: r.world.seed.dice(task.Attempt(), "handler", req.GetText())}
	time.Sleep(p.dice.between(0, time.Millisecond))
	r.world.logf("%s: runs %s, attempt %d", r.label, p.label, task.Attempt())
	r.tell(func(o *oracle.Oracle) { o.Ran(task.Name(), task.Attempt(), r.label) })
	if p.dice.chance(0.1) {
		ctx = context.WithoutCancel(ctx) // deaf
	}
	for range p.dice.IntN(6) {
		if !p.step(ctx) {
			return p.interrupted(ctx)
		}
	}
	return p.end(ctx)
}

func (p *performance) stamp() oracle.Stamp {
	p.seq++
	return oracle.Stamp{Epoch: p.Attempt(), Seq: p.seq, By: p.r.label}
}

// step answers false when the context has ended.
func (p *performance) step(ctx context.Context) bool {
	s := p.stamp()
	switch pick(p.dice, "rest", "report", "flush", "save") {
	case "report":
		p.Report(s.Metadata())
	case "flush":
		p.Report(s.Metadata())
		time.Sleep(time.Microsecond) // or it would be chance whether Flush or the keeper comes first
		p.saved(s, p.Flush(ctx))
	case "save":
		p.saved(s, p.Save(ctx, s.Checkpoint()))
	}
	return p.r.world.rest(ctx, p.dice.between(0, pick(p.dice, time.Second, 8*time.Second)), p.dice)
}

func (p *performance) saved(s oracle.Stamp, err error) {
	if err == nil {
		p.r.tell(func(o *oracle.Oracle) { o.Saved(p.Name(), s) })
	}
}

// interrupted ends an attempt whose context has ended.
func (p *performance) interrupted(ctx context.Context) (*testpb.PrintResponse, error) {
	time.Sleep(p.dice.between(0, 5*time.Millisecond))
	switch d := p.dice.Float64(); {
	case d < 0.7:
		return nil, ctx.Err()
	case d < 0.8:
		return p.stamp().Response(), nil
	case d < 0.9:
		return nil, lro.Retry(p.stamp().Err(), time.Second)
	case d < 0.95:
		return nil, lro.ErrExternal
	default:
		return nil, p.stamp().Err()
	}
}

// end ends an attempt of its own accord. A poison operation kills its replica with
// every attempt.
func (p *performance) end(ctx context.Context) (*testpb.PrintResponse, error) {
	w := p.r.world
	if w.seed.dice(0, "poison", p.label).chance(0.06) &&
		w.begin(&w.strikes, func() { w.kill(p.r, p.dice) }) { //nolint:contextcheck // the kill outlives the handler
		w.faults.Add(1)
		w.logf("%s: %s is poison", p.r.label, p.label)
		<-p.r.wire.dead
		return nil, errors.New("the process is dead")
	}
	switch choose(p.dice, []choice[string]{
		{40, "respond"},
		{8, "fail"},
		{3, "fail without a status"},
		{15, "retry"},
		{8, "external"},
		{10, "complete"},
		{3, "panic"},
		{1, "goexit"},
		{8, "wait for the end"},
	}) {
	case "fail":
		return nil, p.stamp().Err()
	case "fail without a status":
		return nil, errors.New(p.stamp().String())
	case "retry":
		return nil, lro.Retry(p.stamp().Err(), p.dice.between(time.Nanosecond, pick(p.dice, time.Second, 5*time.Second)))
	case "external":
		return nil, lro.ErrExternal
	case "complete":
		return p.complete(ctx)
	case "panic":
		panic(p.stamp().String())
	case "goexit":
		runtime.Goexit()
	case "wait for the end":
		if !w.rest(ctx, time.Minute, p.dice) {
			return p.interrupted(ctx)
		}
	}
	return p.stamp().Response(), nil
}

// complete ends the operation within the handler, and then returns what must not
// count.
func (p *performance) complete(ctx context.Context) (*testpb.PrintResponse, error) {
	response := p.stamp().Response()
	if err := p.Complete(ctx, response); err != nil {
		if ctx.Err() != nil {
			return p.interrupted(ctx)
		}
		return nil, err
	}
	p.r.tell(func(o *oracle.Oracle) { o.Ended(responded(p.Name(), response)) })
	p.r.world.rest(ctx, p.dice.between(0, time.Second), p.dice)
	return p.stamp().Response(), nil
}
