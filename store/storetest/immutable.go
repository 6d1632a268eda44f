package storetest

import (
	"maps"
	"slices"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

const ruleImmutable rule = "immutable: The store changes no record that it was given or has answered."

func immutableCases() []testCase {
	return []testCase{{ruleImmutable, immutableRecords}}
}

// A snapshot is a record in somebody's hands and what it was when it got there.
type snapshot struct {
	how        string
	held, then *store.Record
}

// immutableRecords makes every call that writes and looks whether the records
// of the calls before it are as they were.
func immutableRecords(t *trial) {
	var all []snapshot
	keep := func(how string, recs ...*store.Record) {
		for _, rec := range recs {
			all = append(all, snapshot{how, rec, deepCopy(rec)})
		}
	}
	create := func(s store.Store, rec *store.Record) *store.Record {
		rec.Timeout = time.Hour
		keep("given to Create", rec)
		got := t.create(s, rec)
		keep("answered by Create", got)
		return got
	}
	update := func(s store.Store, rec *store.Record) *store.Record {
		keep("given to Update", rec)
		got := t.update(s, rec)
		keep("answered by Update", got)
		return got
	}
	look := func() {
		keep("answered by Get", t.read(t.b, heldNames(all)...)...)
		keep("answered by List", t.list(t.a, store.Query{AllParents: true, Limit: 100})...)
	}

	t.beat(t.a, "gone", day)
	t.beat(t.b, "owner", 2*day)
	first := t.draft(store.Pending)
	first.DueIn, first.RequestID = time.Minute, "request"
	create(t.a, first)
	held := create(t.a, running(t.draft(store.Running), "gone"))
	ended := create(t.b, t.draft(store.Done))
	lost := create(t.b, running(t.draft(store.Running), "never registered"))
	keep("answered by Create of an earlier one", t.recreate(ruleCreateName, t.b, first))
	look()
	held = update(t.a, marked(held, "x"))
	t.advance(time.Hour)
	keep("answered by Claim", t.claim(t.b, "owner", 10)...)
	look()
	update(t.b, cancelled(held))
	t.resign(t.a, "gone")
	keep("answered by Claim with Adopt", t.adopt(t.b, "owner", 10)...)
	look()
	for _, rec := range t.read(t.a, first.Name, lost.Name) {
		rec = update(t.a, pending(rec, time.Minute))
		rec = update(t.b, external(rec))
		update(t.a, deleted(done(rec, time.Minute)))
	}
	update(t.b, deleted(done(ended, time.Minute)))
	look()
	t.advance(time.Hour)
	t.expire(t.a, 10)
	t.recreate(ruleExpireFree, t.b, first)

	for _, s := range all {
		if d := diff(s.held, s.then); d != "" {
			t.fail("record %q, %s: %s", s.then.Name, s.how, d)
		}
	}
}

// heldNames answers the name of every record in all.
func heldNames(all []snapshot) []string {
	seen := make(map[string]bool)
	for _, s := range all {
		seen[s.then.Name] = true
	}
	return slices.Collect(maps.Keys(seen))
}
