package storetest

import (
	"errors"
	"slices"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

// The random Claims and Heartbeats of a model.

func (m *model) claim(r rule) {
	c := &store.Claim{
		Owner:   m.owner(),
		Methods: one(m, []string{methodA}, []string{methodB, methodA}, []string{methodB, methodA}, nil),
		Limit:   1 + m.rnd.IntN(3),
		Adopt:   m.rnd.IntN(2) == 0,
	}
	// Whether an owner that has lapsed may claim is not said.
	if m.lapsed(c.Owner) || m.owners[c.Owner] == nil && m.rnd.IntN(4) > 0 {
		m.beat(ruleModel.in("owners"), c.Owner, 2*time.Minute+m.plan(4))
	}
	c.Adopt = c.Adopt && !m.dead(c.Owner)
	m.note("Claim %+v", *c)
	got, err := m.any().Claim(m.t.ctx(), c)
	if m.dead(c.Owner) {
		if !errors.Is(err, store.ErrOwnerLost) {
			if m.owners[c.Owner] != nil {
				r = ruleModel.in("owners")
			}
			m.broken(r, "Claim of dead or unknown %q: got error %v, want ErrOwnerLost", c.Owner, err)
		}
		return
	}
	if err != nil {
		m.broken(r, "Claim: got error %v, want none", err)
	}
	if c.Adopt {
		for owner, l := range m.owners {
			l.dead = l.dead || m.lapsed(owner)
		}
	}
	m.judge(r, c, got)
	for _, rec := range got {
		e := m.records[rec.Name]
		by := r
		if e.rec.State == store.Running {
			by = ruleModel.in("owners")
		}
		e.rec = edited(e.rec, func(w *store.Record) {
			w.State, w.Owner = store.Running, c.Owner
			w.Version++
			w.Epoch++
		})
		if !slices.Equal(rec.Request, e.request) {
			m.broken(r, "Claim: got Request %q, want %q", rec.Request, e.request)
		}
		m.same(by, unasked(rec), e.rec)
	}
}

// judge tells whether c may take what it got.
func (m *model) judge(r rule, c *store.Claim, got []*store.Record) {
	orphans := m.entries(func(e *entry) bool {
		return c.Adopt && e.rec.State == store.Running && m.dead(e.rec.Owner) &&
			(e.rec.CancelRequested || slices.Contains(c.Methods, e.rec.Method))
	})
	waiting := m.entries(func(e *entry) bool {
		return e.rec.State == store.Pending && e.due <= m.now && slices.Contains(c.Methods, e.rec.Method)
	})
	adopted, last := 0, time.Duration(0)
	for _, rec := range got {
		e := m.records[rec.Name]
		switch {
		case slices.Contains(orphans, e):
			orphans = slices.DeleteFunc(orphans, func(o *entry) bool { return o == e })
			adopted++
		case slices.Contains(waiting, e):
			waiting = slices.DeleteFunc(waiting, func(w *entry) bool { return w == e })
			last = max(last, e.due)
		default:
			m.wrong(r, c, rec)
		}
	}
	m.judgeLeft(r, c, got, orphans, adopted)
	if len(waiting) > 0 && len(got) < c.Limit || len(got) > c.Limit {
		m.broken(r, "Claim: got %d records, and %d more are due", len(got), len(waiting))
	}
	for _, e := range waiting {
		if e.due < last {
			m.broken(r, "Claim: %s has been due for longer than one that was taken", e.rec.ID)
		}
	}
}

// judgeLeft tells whether c may leave these orphans behind.
func (m *model) judgeLeft(r rule, c *store.Claim, got []*store.Record, orphans []*entry, adopted int) {
	if len(orphans) > 0 && adopted < c.Limit {
		if !m.takes(c, orphans[0]) && slices.Contains(c.Methods, orphans[0].rec.Method) {
			r = ruleModel.in("owners") // it is no orphan to the store
		}
		m.broken(r, "Claim: %s was not taken, and %d others were", orphans[0].rec.ID, len(got))
	}
}

// wrong notes that c must not take rec.
func (m *model) wrong(r rule, c *store.Claim, rec *store.Record) {
	e := m.records[rec.Name]
	if e == nil || e.rec.State != store.Running || rec.Epoch <= e.rec.Epoch {
		m.broken(r, "Claim: %s is not to be taken, or was taken twice", rec.ID)
	}
	if c.Adopt || m.dead(e.rec.Owner) || m.lapsed(e.rec.Owner) {
		r = ruleModel.in("owners")
	}
	m.broken(r, "Claim: %s was taken from %q", rec.ID, e.rec.Owner)
}

// takes reports whether c takes e when there is no limit.
func (m *model) takes(c *store.Claim, e *entry) bool {
	wide := *c
	wide.Limit = len(m.records)
	got, err := m.any().Claim(m.t.ctx(), &wide)
	return err == nil && slices.Contains(ids(got), e.rec.ID)
}

func (m *model) heartbeat(r rule) {
	owner, ttl := m.owner(), 2*time.Minute+m.plan(4)
	if l := m.owners[owner]; l != nil && m.rnd.IntN(6) == 0 {
		ttl = 0
	}
	m.beat(r, owner, ttl)
}

func (m *model) beat(r rule, owner string, ttl time.Duration) {
	m.note("Heartbeat %s for %v", owner, ttl)
	got, err := m.any().Heartbeat(m.t.ctx(), owner, ttl)
	l := m.owners[owner]
	switch {
	case l == nil:
		l = &life{}
		m.owners[owner] = l
	case l.dead:
		if !errors.Is(err, store.ErrOwnerLost) {
			m.broken(r, "Heartbeat of dead %q: got error %v, want ErrOwnerLost", owner, err)
		}
		return
	}
	if err != nil {
		m.broken(r, "Heartbeat: got error %v, want none", err)
	}
	l.until, l.dead = m.now+ttl, ttl == 0
	var want []string
	for _, e := range m.entries(func(e *entry) bool { return e.rec.Owner == owner && e.rec.CancelRequested }) {
		want = append(want, e.rec.Name)
	}
	slices.Sort(got)
	if slices.Sort(want); ttl != 0 && !slices.Equal(got, want) {
		m.broken(r, "Heartbeat: got %q to cancel, want %q", got, want)
	}
}
