package storetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

const (
	ruleInvalidCreate rule = "invalid: Create of a record that can never be stored answers ErrInvalid and writes nothing."
	ruleInvalidUpdate rule = "invalid: Update to what can never be stored answers ErrInvalid and writes nothing."
	ruleInvalidFlight rule = "invalid: A bad record harms no other that is written at the same time."
	ruleInvalidLimit  rule = "invalid: A Limit below 1 is ErrInvalid."
	ruleInvalidOwner  rule = "invalid: A Heartbeat without an owner, of one that is no text, or for less than 0, is ErrInvalid."
	ruleInvalidRead   rule = "invalid: A read by what can never be stored finds nothing, and fails with nothing but ErrInvalid."
)

func invalidCases() []testCase {
	return []testCase{
		{ruleInvalidCreate, invalidCreate},
		{ruleInvalidUpdate, invalidUpdate},
		{ruleInvalidFlight, invalidFlight},
		{ruleInvalidLimit, invalidLimit},
		{ruleInvalidOwner, invalidOwner},
		{ruleInvalidRead, invalidRead},
	}
}

// A fault makes a record one that can never be stored.
type fault struct {
	what string
	make func(*store.Record)
}

// faults are those that Create and Update share.
func faults() []fault {
	return []fault{
		{"no state", func(r *store.Record) { r.State = 0 }},
		{"an unknown state", func(r *store.Record) { r.State = 5 }},
		{"a negative state", func(r *store.Record) { r.State = -1 }},
		{"RUNNING without an owner", func(r *store.Record) { r.State = store.Running }},
		{"PENDING with an owner", func(r *store.Record) { r.State, r.Owner = store.Pending, "owner" }},
		{"EXTERNAL with an owner", func(r *store.Record) { r.Owner = "owner" }},
		{"EXTERNAL with a response", func(r *store.Record) { r.Response = []byte("r") }},
		{"PENDING with an error", func(r *store.Record) { r.State, r.Error = store.Pending, []byte("e") }},
		{"DONE with neither", func(r *store.Record) { r.State = store.Done }},
		{"DONE with both", func(r *store.Record) { r.State, r.Response, r.Error = store.Done, []byte("r"), []byte("e") }},
		{"NUL in the owner", func(r *store.Record) { r.State, r.Owner = store.Running, "own\x00er" }},
		{"an owner that is no UTF-8", func(r *store.Record) { r.State, r.Owner = store.Running, "own\xffer" }},
		{"a negative DueIn", func(r *store.Record) { r.State, r.DueIn = store.Pending, -1 }},
		{"a negative ExpireIn", func(r *store.Record) { r.State, r.Response, r.ExpireIn = store.Done, []byte("r"), -1 }},
	}
}

// createFaults are faults of fixed fields.
func createFaults() []fault {
	return []fault{
		{"no name", func(r *store.Record) { r.Name = "" }},
		{"no ID", func(r *store.Record) { r.ID = "" }},
		{"NUL in the name", func(r *store.Record) { r.Name += "\x00" }},
		{"NUL in the parent", func(r *store.Record) { r.Parent = "projects/\x00" }},
		{"NUL in the method", func(r *store.Record) { r.Method += "\x00" }},
		{"NUL in the request ID", func(r *store.Record) { r.RequestID = "a\x00b" }},
		{"a name that is no UTF-8", func(r *store.Record) { r.Name += "\xc3" }},
		{"a parent that is no UTF-8", func(r *store.Record) { r.Parent += "\xed\xa0\x80" }},
		{"a request ID that is no UTF-8", func(r *store.Record) { r.RequestID = "\xff" }},
		{"a negative Timeout", func(r *store.Record) { r.Timeout = -1 }},
	}
}

func invalidCreate(t *trial) {
	for i, f := range append(faults(), createFaults()...) {
		rec := t.draft(store.External)
		name := rec.Name
		f.make(rec)
		if _, err := t.either(i).Create(t.ctx(), rec); !errors.Is(err, store.ErrInvalid) {
			t.fail("Create of a record with %s: got error %v, want ErrInvalid", f.what, err)
		}
		t.absent(t.rule, t.a, name)
	}
	if got := t.list(t.a, store.Query{AllParents: true, Limit: 10}); len(got) != 0 {
		t.fail("List: got %q, want no record", names(got))
	}
}

func invalidUpdate(t *trial) {
	before := unasked(t.create(t.a, t.draft(store.External)))
	for i, f := range faults() {
		bad := edited(before, f.make)
		if _, err := t.either(i).Update(t.ctx(), bad); !errors.Is(err, store.ErrInvalid) {
			t.fail("Update to a record with %s: got error %v, want ErrInvalid", f.what, err)
		}
		t.same(t.rule, t.get(t.b, before.Name), before)
	}
}

// invalidFlight writes good and bad records at once, which stores that group
// writes must tell apart.
func invalidFlight(t *trial) {
	const callers, rounds = 8, 5
	bad := createFaults()
	t.together(callers, func(i int) {
		s := t.either(i)
		for round := range rounds {
			rec := t.draft(store.External)
			rec.RequestID = fmt.Sprint("request of ", rec.ID)
			if i%2 == 0 {
				got, err := s.Create(t.ctx(), rec)
				if err == nil {
					_, err = s.Update(t.ctx(), marked(got, "good"))
				}
				if err != nil {
					t.fail("Create and Update of a good record among bad ones: got error %v, want none", err)
				}
				continue
			}
			f := bad[(i*rounds+round)%len(bad)]
			f.make(rec)
			if _, err := s.Create(t.ctx(), rec); !errors.Is(err, store.ErrInvalid) {
				t.fail("Create of a record with %s among good ones: got error %v, want ErrInvalid", f.what, err)
			}
		}
	})
}

func invalidLimit(t *trial) {
	t.beat(t.a, "owner", day)
	waiting := unasked(t.create(t.a, t.draft(store.Pending)))
	for _, limit := range []int{0, -1} {
		if _, err := t.a.List(t.ctx(), &store.Query{Parent: parent, Limit: limit}); !errors.Is(err, store.ErrInvalid) {
			t.fail("List with Limit %d: got error %v, want ErrInvalid", limit, err)
		}
		c := &store.Claim{Owner: "owner", Methods: []string{methodA}, Limit: limit}
		if _, err := t.a.Claim(t.ctx(), c); !errors.Is(err, store.ErrInvalid) {
			t.fail("Claim with Limit %d: got error %v, want ErrInvalid", limit, err)
		}
	}
	t.same(t.rule, t.get(t.b, waiting.Name), waiting)
}

func invalidOwner(t *trial) {
	for _, c := range []struct {
		owner string
		ttl   time.Duration
	}{
		{"", time.Hour},
		{"own\x00er", time.Hour},
		{"own\xffer", time.Hour},
		{"owner", -1},
	} {
		if _, err := t.a.Heartbeat(t.ctx(), c.owner, c.ttl); !errors.Is(err, store.ErrInvalid) {
			t.fail("Heartbeat of %q for %v: got error %v, want ErrInvalid", c.owner, c.ttl, err)
		}
	}
}

func invalidRead(t *trial) {
	t.beat(t.a, "owner", day)
	rec := t.create(t.a, t.draft(store.External))
	for _, bad := range []string{"\x00", "a\x00b", "\xff", "\xed\xa0\x80"} {
		got, err := t.a.Get(t.ctx(), bad, rec.Name, rec.Name+bad)
		if err != nil || len(got) != 1 || got[0].ID != rec.ID {
			t.fail("Get of %q and of a name: got %q and error %v, want the one record", bad, names(got), err)
		}
		for _, q := range []store.Query{{Parent: bad}, {Owner: bad}} {
			q.Limit = 10
			t.nothing(fmt.Sprintf("List of %+v", q))(t.a.List(t.ctx(), &q))
		}
		c := store.Claim{Owner: "owner", Methods: []string{bad}, Limit: 10}
		t.nothing(fmt.Sprintf("Claim %+v", c))(t.a.Claim(t.ctx(), &c))
	}
}

// nothing answers a check that a call answered no record, or ErrInvalid.
func (t *trial) nothing(what string) func([]*store.Record, error) {
	return func(got []*store.Record, err error) {
		if len(got) != 0 || err != nil && !errors.Is(err, store.ErrInvalid) {
			t.fail("%s: got %q and error %v, want nothing, or ErrInvalid", what, names(got), err)
		}
	}
}
