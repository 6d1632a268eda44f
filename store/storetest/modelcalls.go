package storetest

import (
	"errors"
	"slices"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

// The random calls of a model. Each expects one answer, or, where the contract
// leaves a choice, one of several, and then changes the model accordingly.

// set fills rec with a random state that may be stored, and answers when it is
// due and when it expires.
func (m *model) set(rec *store.Record) (due, expire time.Duration) {
	rec.Owner, rec.Response, rec.Error, rec.DueIn, rec.ExpireIn = "", nil, nil, 0, 0
	rec.State = one(m, store.Pending, store.Pending, store.Running, store.External, store.Done)
	rec.Metadata, rec.Checkpoint = []byte{byte(len(m.trace))}, []byte{0, byte(len(m.trace))}
	rec.Released, rec.Retried = m.rnd.IntN(5), m.rnd.IntN(5)
	rec.CancelRequested = m.rnd.IntN(4) == 0
	rec.Deleted = m.rnd.IntN(6) == 0
	switch rec.State {
	case store.Pending:
		rec.DueIn = time.Duration(max(0, m.rnd.IntN(5)-2)) * time.Minute
		return m.now + rec.DueIn, 0
	case store.Running:
		rec.Owner = one(m, "unknown", m.owner(), m.owner(), m.owner())
	case store.Done:
		rec.Response = []byte("response")
		rec.ExpireIn = m.plan(2)
		return 0, m.now + rec.ExpireIn
	case store.External:
	}
	return 0, 0
}

func (m *model) create(r rule) {
	rec := in(one(m, parent, "projects/q", ""), m.t.draft(store.External))
	due, expire := m.set(rec)
	if m.lapsed(rec.Owner) {
		return // whether it lives is not said
	}
	rec.Method = one(m, methodA, methodB)
	rec.RequestID = one(m, "", "", "1", "2")
	deadline := time.Duration(0)
	if m.rnd.IntN(2) == 0 {
		rec.Timeout = m.plan(10)
		deadline = m.now + rec.Timeout
	}
	if earlier := m.entries(func(*entry) bool { return true }); len(earlier) > 0 && m.rnd.IntN(6) == 0 {
		rec.Name, rec.RequestID = one(m, earlier...).rec.Name, ""
	}
	m.note("Create %s %v of %q, request %q, %s", rec.ID, rec.State, rec.Owner, rec.RequestID, rec.Name)

	e := m.earlier(rec)
	if e == nil {
		want := edited(unasked(rec), func(w *store.Record) {
			w.Version, w.Timeout, w.DueIn, w.ExpireIn = 1, 0, 0, 0
			switch {
			case w.State == store.Running && m.dead(w.Owner):
				w.State, w.Owner, due = store.Pending, "", m.now
			case w.State == store.Running:
				w.Epoch = 1
			}
		})
		e = &entry{rec: want, request: rec.Request, due: due, deadline: deadline, expire: expire}
		m.records[rec.Name] = e
	}
	got, err := m.any().Create(m.t.ctx(), rec)
	if err != nil {
		if errors.Is(err, store.ErrOwnerLost) {
			r = ruleModel.in("owners")
		}
		m.broken(r, "Create: got error %v, want none", err)
	}
	if got.Name != rec.Name && m.records[got.Name] == nil {
		r = ruleModel.in("expire") // a removed record
	}
	m.same(r, got, edited(e.rec, func(w *store.Record) { w.Request = e.request }))
}

// earlier answers what a Create of rec answers instead of it, or nil.
func (m *model) earlier(rec *store.Record) *entry {
	same := m.entries(func(e *entry) bool {
		return e.rec.Name == rec.Name || rec.RequestID != "" &&
			e.rec.RequestID == rec.RequestID && e.rec.Parent == rec.Parent && e.rec.Method == rec.Method
	})
	if len(same) == 0 {
		return nil
	}
	return same[0] // one at most: an earlier name is created again without a request id
}

func (m *model) update(r rule) {
	found := m.entries(func(*entry) bool { return true })
	if len(found) == 0 {
		return
	}
	e := one(m, found...)
	rec := edited(e.rec, func(*store.Record) {})
	want := error(nil)
	var due, expire time.Duration
	if e.rec.State == store.Done && m.rnd.IntN(2) == 0 {
		rec.Deleted, rec.ExpireIn = true, m.plan(2)
		expire = m.now + rec.ExpireIn
	} else if due, expire = m.set(rec); e.rec.State == store.Done {
		want = store.ErrInvalid // the metadata is another
	}
	switch m.rnd.IntN(6) {
	case 0:
		rec.Version, want = rec.Version-1, store.ErrConflict
	case 1:
		rec.Name, want = "operations/missing", store.ErrNotFound
	}
	m.note("Update %s at version %d to %v of %q", rec.ID, rec.Version, rec.State, rec.Owner)
	got, err := m.any().Update(m.t.ctx(), rec)
	if !errors.Is(err, want) {
		if errors.Is(err, store.ErrOwnerLost) {
			r = ruleModel.in("owners")
		}
		m.broken(r, "Update: got error %v, want %v", err, want)
	}
	if want == nil {
		e.rec = edited(rec, func(w *store.Record) {
			w.Version++
			w.DueIn, w.ExpireIn = 0, 0
		})
		e.due, e.expire = due, expire
		m.same(r, got, e.rec)
	}
}

func (m *model) list(r rule) {
	q := &store.Query{
		Parent:     one(m, parent, "projects/q", ""),
		AllParents: m.rnd.IntN(4) == 0,
		Done:       one(m, nil, new(true), new(false)),
		Owner:      one(m, "", "", m.owner()),
		Overdue:    m.rnd.IntN(4) == 0,
		Limit:      1 + m.rnd.IntN(5),
	}
	if all := m.entries(func(*entry) bool { return true }); len(all) > 0 && m.rnd.IntN(2) == 0 {
		q.Before = one(m, all...).rec.ID
	}
	m.note("List %+v", *q)
	want := m.entries(func(e *entry) bool { return m.selects(q, e) })
	want = want[:min(q.Limit, len(want))]
	got, err := m.any().List(m.t.ctx(), q)
	if err != nil || len(got) != len(want) {
		m.broken(r, "List: got %d records and error %v, want %d and none", len(got), err, len(want))
	}
	for i, e := range want {
		m.same(r, got[i], e.rec)
	}
}

// selects reports whether q selects e.
func (m *model) selects(q *store.Query, e *entry) bool {
	overdue := e.rec.State != store.Done && e.deadline != 0 && e.deadline <= m.now
	return (q.AllParents || q.SeesDeleted() || e.rec.Parent == q.Parent) &&
		(!e.rec.Deleted || q.SeesDeleted()) &&
		(q.Done == nil || *q.Done == (e.rec.State == store.Done)) &&
		(q.Owner == "" || q.Owner == e.rec.Owner) &&
		(!q.Overdue || overdue) &&
		(q.Before == "" || e.rec.ID < q.Before)
}

func (m *model) expire(r rule) {
	limit := 1 + m.rnd.IntN(3)
	m.note("Expire up to %d", limit)
	ready := m.entries(func(e *entry) bool { return e.rec.State == store.Done && e.expire <= m.now })
	n, err := m.any().Expire(m.t.ctx(), limit)
	if want := min(limit, len(ready)); err != nil || n != want {
		m.broken(r, "Expire: got %d and error %v, want %d and none", n, err, want)
	}
	var all []string
	for _, e := range ready {
		all = append(all, e.rec.Name)
	}
	for _, rec := range m.t.read(m.any(), all...) {
		all = slices.DeleteFunc(all, func(name string) bool { return name == rec.Name })
	}
	if len(all) != n {
		m.broken(r, "Expire: got %d, but of the records to remove %d are not there", n, len(all))
	}
	for _, name := range all {
		delete(m.records, name)
		m.gone = append(m.gone, name)
	}
}

func (m *model) advance(rule) {
	d := time.Duration(1+m.rnd.IntN(2)) * time.Minute
	m.note("Advance %v", d)
	m.now += d
	m.db.Advance(d)
}
