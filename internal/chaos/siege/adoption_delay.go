//go:build linux

package siege

import (
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	"github.com/longrunning-go/longrunning/internal/chaos/worker"
	"github.com/longrunning-go/longrunning/internal/testpb"
)

const (
	kills      = 5
	operations = 30 // that a victim runs: more than a Manager takes with one claim
)

// roomy has capacity for all that is adopted.
func roomy() Scenario {
	return Scenario{Capacity: 40, TTL: 2 * time.Second}
}

// measureDelay kills workers, and measures how long it takes until the operations
// of each begin again.
func measureDelay(ctx context.Context, p *pair) ([]Figure, error) {
	survivor, err := p.enlist(ctx, p.survivors)
	if err != nil {
		return nil, err
	}
	p.steady(ctx)
	var first, last time.Duration // the longest of all kills
	for i := range kills {
		d, err := p.delaysAfterKill(ctx, survivor)
		if err != nil {
			return nil, err
		}
		first, last = max(first, d.first), max(last, d.last)
		p.progress("kill %d: the first of %d operations began again after %v, the last after %v",
			i+1, d.count, d.first.Round(time.Millisecond), d.last.Round(time.Millisecond))
	}
	if _, err := p.journal.ownerOf(survivor); err != nil {
		return nil, err
	}
	bound := p.scenario.TTL + sweep + slack
	figure := func(which string, longest time.Duration) Figure {
		return Figure{
			What:  fmt.Sprintf("capacity free, %d pending that nobody runs: from the kill to attempt 2, %s of %d operations, longest of %d kills", backlog, which, operations, kills),
			Found: longest.Round(time.Millisecond).String(), Bound: bound.String(), Met: longest <= bound,
		}
	}
	return []Figure{figure("first", first), figure("last", last)}, nil
}

// delays are those of the operations of one victim.
type delays struct {
	count       int
	first, last time.Duration
}

// delaysAfterKill kills a fresh worker that runs operations. What does not begin
// again counts as if it did when this gave up, far beyond the bound.
func (p *pair) delaysAfterKill(ctx context.Context, survivor *member) (delays, error) {
	victim, err := p.enlist(ctx, p.victims)
	if err != nil {
		return delays{}, err
	}
	if err := p.occupy(ctx, victim); err != nil {
		return delays{}, err
	}
	p.pause(ctx, p.rand(p.scenario.TTL)) // so that the lease's rest varies
	killed := p.strikeDown(victim)
	held := victim.held()
	if len(held) < operations {
		return delays{}, fmt.Errorf("the victim ran %d operations; want %d", len(held), operations)
	}
	p.eventually(ctx, 3*(p.scenario.TTL+sweep+slack), func() bool {
		for a := range held {
			if p.journal.beginning(attempt{a.name, a.epoch + 1}, survivor).IsZero() {
				return false
			}
		}
		return true
	})
	d := delays{count: len(held), first: time.Since(killed)}
	for a := range held {
		delay := time.Since(killed)
		if began := p.journal.beginning(attempt{a.name, a.epoch + 1}, survivor); !began.IsZero() {
			delay = began.Sub(killed)
		}
		d.first, d.last = min(d.first, delay), max(d.last, delay)
	}
	return d, p.vacate(ctx, survivor)
}

// occupy starts long operations on a worker until it runs enough of them itself.
func (p *pair) occupy(ctx context.Context, m *member) error {
	script := worker.Script{Steps: 1000, Pause: 500 * time.Millisecond, End: worker.EndsResponse}
	for n := 0; len(m.held()) < operations; n++ {
		if n == 2*operations {
			return fmt.Errorf("worker %s runs %d of %d operations that were started on it; want %d", m.name, len(m.held()), n, operations)
		}
		op, err := call(ctx, m.client(), worker.Count, &testpb.PrintRequest{Text: script.String()})
		if err != nil {
			return err
		}
		// Right after its start a worker may store it for whoever has a lease.
		if !p.eventually(ctx, 10*time.Second, func() bool { return p.journal.hasBegun(op.GetName()) }) {
			return fmt.Errorf("no worker runs %s", op.GetName())
		}
	}
	return ctx.Err()
}

// vacate cancels all that a worker runs.
func (p *pair) vacate(ctx context.Context, m *member) error {
	ops := longrunningpb.NewOperationsClient(m.client())
	for a := range m.held() {
		if _, err := ops.CancelOperation(ctx, &longrunningpb.CancelOperationRequest{Name: a.name}); err != nil {
			return err
		}
	}
	if !p.eventually(ctx, 10*time.Second, func() bool { return len(m.held()) == 0 }) {
		return fmt.Errorf("worker %s still runs %d operations that are cancelled", m.name, len(m.held()))
	}
	return nil
}

// beginning answers when a worker began an attempt, zero if it did not.
func (j *journal) beginning(a attempt, m *member) (began time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if s := j.spans[a]; s != nil && s.member == m {
		began = s.began
	}
	return began
}

func (j *journal) hasBegun(name string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.newest[name] > 0
}
