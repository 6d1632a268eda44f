package storetest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

const ruleModel rule = "model: Random calls are answered as a plain sequential model of the store answers them."

// in answers the rule as one of topic: a wrong answer is laid to the topic of
// the call that got it.
func (r rule) in(topic string) rule { return rule(topic + ": " + r.text()) }

func modelCases() []testCase {
	return []testCase{{ruleModel, modelRandomCalls}}
}

// modelRandomCalls runs programs of random calls, the same in every run. They
// grow, so that the first to fail is short.
func modelRandomCalls(t *trial) {
	const programs = 12
	for i := range programs {
		db := t.h.New(t.tb)
		m := &model{
			t: t, db: db, handles: []store.Store{db.Open(t.tb), db.Open(t.tb)},
			rnd:     rand.New(rand.NewPCG(uint64(i), 0)),
			records: make(map[string]*entry), owners: make(map[string]*life), ids: []string{"a", "b", "c"},
		}
		for range 10 * (i + 1) {
			m.step()
		}
	}
}

// A model is what a database should hold. Its clock counts from its start. It
// moves by minutes, and what ends does so between them, so that the time that a
// real call takes decides nothing.
type model struct {
	t       *trial
	db      Database
	handles []store.Store
	rnd     *rand.Rand
	trace   []string

	now     time.Duration
	records map[string]*entry // by name
	owners  map[string]*life
	ids     []string // of the owners that act
	gone    []string // names of removed records
}

// An entry is a record: rec as the store should answer it but for the times,
// and the times by the clock of the model.
type entry struct {
	rec                   *store.Record
	request               []byte
	due, deadline, expire time.Duration
}

// A life is that of an owner.
type life struct {
	until time.Duration
	dead  bool
}

// step makes one random call, and then reads whether everything is as it should.
func (m *model) step() {
	calls := []struct {
		weight int
		topic  string
		call   func(r rule)
	}{
		{6, "create", m.create},
		{5, "update", m.update},
		{8, "claim", m.claim},
		{4, "owners", m.heartbeat},
		{3, "lists", m.list},
		{2, "expire", m.expire},
		{3, "times", m.advance},
	}
	sum := 0
	for _, c := range calls {
		sum += c.weight
	}
	n := m.rnd.IntN(sum)
	for _, c := range calls {
		if n -= c.weight; n < 0 {
			r := ruleModel.in(c.topic)
			c.call(r)
			m.verify(r)
			return
		}
	}
}

// note adds a call to the trace.
func (m *model) note(format string, args ...any) {
	m.trace = append(m.trace, fmt.Sprintf("%v: ", m.now)+fmt.Sprintf(format, args...))
}

func (m *model) broken(r rule, format string, args ...any) {
	m.t.broken(r, "%s\n\tafter these calls:\n\t\t%s", fmt.Sprintf(format, args...), strings.Join(m.trace, "\n\t\t"))
}

// verify reads every record there ever was.
func (m *model) verify(r rule) {
	all := slices.Clone(m.gone)
	for name := range m.records {
		all = append(all, name)
	}
	got, err := m.any().Get(m.t.ctx(), all...)
	if err != nil {
		m.broken(ruleModel.in("get"), "Get of every name: got error %v, want none", err)
	}
	seen := make(map[string]bool)
	for _, rec := range got {
		e, ok := m.records[rec.Name]
		if !ok || seen[rec.Name] {
			m.broken(r, "Get: got removed record, or twice, %s", rec.ID)
		}
		seen[rec.Name] = true
		if rec.Request != nil || rec.Version < e.rec.Version {
			r = ruleModel.in("get")
		}
		m.same(r, rec, e.rec)
	}
	for name, e := range m.records {
		if !seen[name] {
			m.broken(r, "Get: %v record %s is not there", e.rec.State, e.rec.ID)
		}
	}
}

// same compares all but the times, which the model plans only, and what sets
// them.
func (m *model) same(r rule, got, want *store.Record) {
	if d := diff(got, want, timed()...); d != "" {
		m.broken(r, "record %s: %s", want.ID, d)
	}
}

// any answers one of the handles.
func (m *model) any() store.Store { return m.handles[m.rnd.IntN(len(m.handles))] }

// plan answers a random duration of whole minutes and a half.
func (m *model) plan(minutes int) time.Duration {
	return time.Duration(m.rnd.IntN(minutes))*time.Minute + 30*time.Second
}

// one answers one of a few.
func one[T any](m *model, of ...T) T { return of[m.rnd.IntN(len(of))] }

// entries answers the records by ID, descending, that is selects.
func (m *model) entries(is func(*entry) bool) []*entry {
	var out []*entry
	for _, e := range m.records {
		if is(e) {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b *entry) int { return cmp.Compare(b.rec.ID, a.rec.ID) })
	return out
}

// owner answers one of the owners that act. The dead start again under a new id,
// sooner or later.
func (m *model) owner() string {
	i := m.rnd.IntN(len(m.ids))
	if l := m.owners[m.ids[i]]; l != nil && l.dead && m.rnd.IntN(2) == 0 {
		m.ids[i] += "'"
	}
	return m.ids[i]
}

// dead reports whether owner is dead or unknown.
func (m *model) dead(owner string) bool {
	l := m.owners[owner]
	return l == nil || l.dead
}

// lapsed reports whether owner would be marked dead by a Claim with Adopt.
func (m *model) lapsed(owner string) bool {
	l := m.owners[owner]
	return l != nil && !l.dead && l.until <= m.now
}
