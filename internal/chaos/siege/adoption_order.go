//go:build linux

package siege

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/longrunning-go/longrunning/internal/oracle"
	"github.com/longrunning-go/longrunning/store"
)

// crowded has slots for a trifle of what is due. The lease is long against a
// heartbeat that is late on a busy machine: a Manager whose own is old may not
// adopt.
func crowded() Scenario {
	return Scenario{Capacity: 8, TTL: 4 * time.Second}
}

// measureOrder kills one of two workers whose slots are all taken, and finds in the
// store's log what the other one claimed before the orphans.
func measureOrder(ctx context.Context, p *pair) ([]Figure, error) {
	survivor, err := p.enlist(ctx, p.survivors)
	if err != nil {
		return nil, err
	}
	victim, err := p.enlist(ctx, p.victims)
	if err != nil {
		return nil, err
	}
	p.steady(ctx)
	if !p.eventually(ctx, 10*time.Second, func() bool { return p.isFull(victim) && p.isFull(survivor) }) {
		return nil, fmt.Errorf("the slots are not all taken: %d and %d of %d", len(victim.held()), len(survivor.held()), p.scenario.Capacity)
	}
	d, err := p.death(ctx, victim)
	if err != nil {
		return nil, err
	}
	if d.heir, err = p.journal.ownerOf(survivor); err != nil {
		return nil, err
	}
	p.strikeDown(survivor) // what is in the log is all
	history, err := p.ground.history(ctx)
	if err != nil {
		return nil, err
	}
	return p.judge(d, history)
}

func (p *pair) isFull(m *member) bool { return len(m.held()) == p.scenario.Capacity }

// A death is that of an owner, by the store's clock.
type death struct {
	owner, heir string
	lapsed      time.Time // when its lease did
	marked      time.Time // when it was marked dead, so that what it ran could be adopted; zero if it never was
}

// death kills a worker, and waits until all that it ran has another owner, but not
// for ever.
func (p *pair) death(ctx context.Context, m *member) (d death, err error) {
	p.strikeDown(m)
	var dead bool
	if d.owner, err = p.journal.ownerOf(m); err != nil {
		return d, err
	}
	if d.lapsed, dead, err = p.ground.lease(ctx, d.owner); err != nil {
		return d, err
	}
	if dead {
		return d, fmt.Errorf("the owner of %s was marked dead before it was known when its lease lapses", m.name)
	}
	p.eventually(ctx, 3*(p.scenario.TTL+sweep+slack), func() bool {
		var left []*store.Record
		left, err = p.filled.List(ctx, &store.Query{Owner: d.owner, Limit: 1})
		return err == nil && len(left) == 0
	})
	if err != nil {
		return d, err
	}
	at, dead, err := p.ground.lease(ctx, d.owner)
	if dead {
		d.marked = at
	}
	return d, err
}

// A round is what one Claim of the survivor took. Its claims come one after the
// other, and each bears one time.
type round struct {
	at           time.Time
	orphans, due int
	free         int // slots, before
	waiting      int // operations that are left pending
}

// rounds reads the heir's claims out of the log, and how many operations of the
// dead are left in the end.
func rounds(d death, history []oracle.Change, capacity int) (all []round, left int) {
	last := make(map[string]*store.Record)
	pending, busy := 0, 0
	count := func(rec *store.Record, by int) {
		switch {
		case rec == nil:
		case rec.State == store.Pending:
			pending += by
		case rec.State == store.Running && rec.Owner == d.heir:
			busy += by
		case rec.State == store.Running && rec.Owner == d.owner:
			left += by
		}
	}
	for _, c := range history {
		old, next := last[c.Record.Name], c.Record
		last[next.Name] = next
		free := capacity - busy
		count(old, -1)
		count(next, 1)
		if old == nil || next.Owner != d.heir || next.Epoch == old.Epoch {
			continue
		}
		if len(all) == 0 || !all[len(all)-1].at.Equal(next.UpdateTime) {
			all = append(all, round{at: next.UpdateTime, free: free})
		}
		r := &all[len(all)-1]
		r.waiting = pending
		if old.State == store.Running {
			r.orphans++
		} else {
			r.due++
		}
	}
	return all, left
}

// judge compares the order of the claims with what is promised: from the death
// mark on, nothing that is due is claimed while an orphan is left. A round may
// take both, if the orphans do not fill it. The one claim that may pass between the
// lapse and the mark is one that looked for the dead just before the lapse.
func (p *pair) judge(d death, history []oracle.Change) ([]Figure, error) {
	all, left := rounds(d, history, p.scenario.Capacity)
	first, last, orphans := len(all), len(all), left
	for i, r := range all {
		if r.orphans == 0 {
			continue
		}
		first = min(first, i)
		if orphans += r.orphans; left == 0 {
			last = i
		}
	}
	switch {
	case len(all) == 0 || orphans == 0:
		return nil, fmt.Errorf("the survivor made %d claims, and the victim left %d orphans; want some of both", len(all), orphans)
	case all[min(last, len(all)-1)].waiting < backlog:
		return nil, fmt.Errorf("%d operations were due when the orphans were adopted; want %d", all[min(last, len(all)-1)].waiting, backlog)
	}
	p.progress("%d of %d orphans were adopted", orphans-left, orphans)
	if first < len(all) {
		r := all[first]
		p.progress("the first with %d free slots of %d, %v after the lease had lapsed; %d were due then", r.free, p.scenario.Capacity, r.at.Sub(d.lapsed), r.waiting)
	}
	late, before, between := 0, 0, 0
	for i, r := range all[:last] {
		switch {
		case i >= first:
			between += r.due
		case r.at.Before(d.lapsed):
		case d.marked.IsZero() || r.at.Before(d.marked):
			late++
		default:
			before += r.due
		}
	}
	what := fmt.Sprintf("all slots busy, %d due: ", backlog)
	figure := func(text string, found, bound int) Figure {
		return Figure{What: what + text, Found: strconv.Itoa(found), Bound: strconv.Itoa(bound), Met: found <= bound}
	}
	return []Figure{
		figure("claims from the lapse of the lease to the death mark (one may be under way)", late, 1),
		figure("due operations claimed from the death mark to the first orphan", before, 0),
		figure(fmt.Sprintf("due operations claimed from the first to the last of %d orphans", orphans), between, 0),
	}, nil
}
