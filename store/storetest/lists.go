package storetest

import (
	"slices"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

const (
	ruleOrder       rule = "lists: List answers records by ID, descending, and without their Request."
	rulePages       rule = "lists: Before is exclusive, a page has at most Limit records, and fewer than Limit only at the end."
	ruleParent      rule = "lists: Parent selects exactly that parent, and AllParents every one."
	ruleDoneFilter  rule = "lists: Done selects by whether the state is Done."
	ruleDeleted     rule = "lists: Lists of a parent leave out deleted records; queries with Owner or Overdue do not."
	ruleOwnerFilter rule = "lists: Owner selects the Running records of that owner, over all parents."
	ruleOverdue     rule = "lists: Overdue selects records that are not done and whose Deadline has come, over all parents."
	ruleChurn       rule = "lists: Pages return every record that stays exactly once, whatever else is written meanwhile."
)

func listsCases() []testCase {
	return []testCase{
		{ruleOrder, listsOrder},
		{rulePages, listsPages},
		{ruleParent, listsParents},
		{ruleDoneFilter, listsDone},
		{ruleDeleted, listsDeleted},
		{ruleOwnerFilter, listsOwner},
		{ruleOverdue, listsOverdue},
		{ruleChurn, listsChurn},
		{ruleChurn, listsConcurrentChurn},
	}
}

// in answers rec as a record of parent.
func in(parent string, rec *store.Record) *store.Record {
	return edited(rec, func(r *store.Record) {
		r.Parent, r.Name = parent, "operations/"+r.ID
		if parent != "" {
			r.Name = parent + "/" + r.Name
		}
	})
}

// selects checks that q answers exactly recs, in whole and page by page.
func (t *trial) selects(q store.Query, recs ...*store.Record) {
	q.Limit = len(recs) + 10
	want := sortedIDs(recs)
	if got := ids(t.list(t.b, q)); !slices.Equal(got, want) {
		t.fail("List of %+v: got %q, want %q", q, got, want)
	}
	for _, limit := range []int{1, 2} {
		if got := t.walk(q, limit, func() {}); !slices.Equal(got, want) {
			t.fail("List of %+v by pages of %d: got %q, want %q", q, limit, got, want)
		}
	}
}

// walk reads q page by page, with between after each, and answers the IDs.
func (t *trial) walk(q store.Query, limit int, between func()) []string {
	var all []string
	for q.Limit = limit; ; between() {
		page := t.list(t.a, q)
		for _, rec := range page {
			if q.Before != "" && rec.ID >= q.Before {
				t.broken(rulePages, "List of %+v: got %s, want IDs below %s", q, rec.ID, q.Before)
			}
		}
		all = append(all, ids(page)...)
		if len(page) > limit {
			t.broken(rulePages, "List of %+v: got %d records", q, len(page))
		}
		if len(page) < limit {
			return all
		}
		q.Before = page[len(page)-1].ID
	}
}

func listsOrder(t *trial) {
	recs := t.drafts(20, store.External)
	for _, i := range []int{13, 4, 19, 0, 7, 16, 1, 10, 3, 12, 18, 5, 9, 2, 15, 8, 17, 6, 14, 11} {
		t.create(t.either(i), recs[i])
	}
	t.update(t.a, edited(recs[4], func(r *store.Record) { r.Version = 1 })) // the order is not of writes
	got := t.list(t.b, store.Query{Parent: parent, Limit: 100})
	if g, w := ids(got), sortedIDs(recs); !slices.Equal(g, w) {
		t.fail("got %q, want %q", g, w)
	}
	for _, rec := range got {
		t.same(t.rule, rec, t.get(t.a, rec.Name))
		if rec.Request != nil {
			t.fail("record %q: got Request %q, want none", rec.Name, rec.Request)
		}
	}
}

func listsPages(t *trial) {
	recs := t.drafts(9, store.External)
	never := recs[4] // its ID is a token all the same
	recs = slices.Delete(recs, 4, 5)
	t.createAll(t.a, recs...)
	want := sortedIDs(recs)
	for limit := 1; limit <= len(want)+1; limit++ {
		if got := t.walk(store.Query{Parent: parent}, limit, func() {}); !slices.Equal(got, want) {
			t.fail("pages of %d: got %q, want %q", limit, got, want)
		}
	}
	for _, c := range []struct {
		before string
		want   []string
	}{
		{want[0], want[1:]},
		{want[3], want[4:]},
		{never.ID, want[4:]},
		{want[7], nil},
		{t.newID(), want},
	} {
		got := ids(t.list(t.b, store.Query{Parent: parent, Before: c.before, Limit: 100}))
		if !slices.Equal(got, c.want) {
			t.fail("page before %s: got %q, want %q", c.before, got, c.want)
		}
	}
}

func listsParents(t *trial) {
	parents := []string{
		"", "projects/acme", "projects/acme-evil", "projects/acme/locations/x", "projects/acm_", "projects/%",
		"projects/Acme", "projects", "projects/acme/", "prøjects/äcme",
	}
	var all []*store.Record
	for range 2 {
		for _, p := range parents {
			all = append(all, t.create(t.a, in(p, t.draft(store.External))))
		}
	}
	for i, p := range parents {
		t.selects(store.Query{Parent: p}, all[i], all[i+len(parents)])
	}
	t.selects(store.Query{Parent: "projects/ac"})
	t.selects(store.Query{AllParents: true}, all...)
	t.selects(store.Query{AllParents: true, Parent: parents[1]}, all...)
}

// inEveryState creates a record in each state, the Running one of owner.
func (t *trial) inEveryState(owner string) (pending, running, external, done *store.Record) {
	return t.create(t.a, t.draft(store.Pending)),
		t.create(t.a, edited(t.draft(store.Running), func(r *store.Record) { r.Owner = owner })),
		t.create(t.a, t.draft(store.External)),
		t.create(t.a, t.draft(store.Done))
}

func listsDone(t *trial) {
	t.beat(t.a, "owner", day)
	p1, r1, e1, d1 := t.inEveryState("owner")
	p2, r2, e2, d2 := t.inEveryState("owner")
	t.selects(store.Query{Parent: parent, Done: new(true)}, d1, d2)
	t.selects(store.Query{Parent: parent, Done: new(false)}, p1, r1, e1, p2, r2, e2)
	t.selects(store.Query{Parent: parent}, p1, r1, e1, d1, p2, r2, e2, d2)
	t.selects(store.Query{AllParents: true, Done: new(true)}, d1, d2)
}

func listsDeleted(t *trial) {
	t.beat(t.a, "owner", day)
	hide := func(rec *store.Record) { t.update(t.a, deleted(rec)) }
	p1, r1, e1, d1 := t.inEveryState("owner")
	hide(p1)
	hide(r1)
	hide(e1)
	hide(d1)
	p2, r2, e2, d2 := t.inEveryState("owner")
	late := edited(t.draft(store.External), func(r *store.Record) { r.Timeout, r.Deleted = time.Hour, true })
	t.create(t.a, late)
	t.advance(2 * time.Hour)
	t.selects(store.Query{Parent: parent}, p2, r2, e2, d2)
	t.selects(store.Query{AllParents: true}, p2, r2, e2, d2)
	t.selects(store.Query{Parent: parent, Done: new(true)}, d2)
	t.selects(store.Query{Parent: parent, Done: new(false)}, p2, r2, e2)
	t.selects(store.Query{Owner: "owner"}, r1, r2)
	t.selects(store.Query{Overdue: true}, late)
}

func listsOwner(t *trial) {
	t.beat(t.a, "one", day)
	t.beat(t.b, "two", day)
	_, first, _, _ := t.inEveryState("one")
	_, other, _, _ := t.inEveryState("two")
	abroad := t.create(t.b, in("", edited(t.draft(store.Running), func(r *store.Record) { r.Owner = "one" })))
	released := t.create(t.b, running(t.draft(store.Running), "one"))
	ended := t.create(t.b, running(t.draft(store.Running), "one"))
	t.update(t.a, external(released))
	t.update(t.a, done(ended, day))
	t.selects(store.Query{Owner: "one"}, first, abroad)
	t.selects(store.Query{Owner: "one", Parent: "projects/none"}, first, abroad)
	t.selects(store.Query{Owner: "two"}, other)
	t.selects(store.Query{Owner: "on"})
	t.selects(store.Query{Owner: "one", Done: new(false)}, first, abroad)
	t.selects(store.Query{Owner: "one", Done: new(true)})
}

func listsOverdue(t *trial) {
	t.beat(t.a, "owner", day)
	within := func(d time.Duration, rec *store.Record) *store.Record {
		return t.create(t.a, edited(rec, func(r *store.Record) { r.Timeout = d }))
	}
	none := store.Query{Overdue: true}
	waiting := within(time.Hour, t.draft(store.Pending))
	runs := within(time.Hour, running(t.draft(store.Running), "owner"))
	abroad := within(2*time.Hour, in("", t.draft(store.External)))
	ended := within(time.Hour, t.draft(store.External))
	within(time.Hour, t.draft(store.Done))
	within(0, t.draft(store.External))
	t.update(t.a, done(ended, day))
	t.selects(none)
	t.advance(59 * time.Minute)
	t.selects(none)
	t.advance(time.Minute)
	t.selects(store.Query{Overdue: true}, waiting, runs)
	t.selects(store.Query{Overdue: true, Parent: "projects/none"}, waiting, runs)
	t.advance(time.Hour)
	t.selects(store.Query{Overdue: true}, waiting, runs, abroad)
	t.selects(store.Query{Overdue: true, Owner: "owner"}, runs)
	t.selects(store.Query{Overdue: true, Done: new(false)}, waiting, runs, abroad)
	t.selects(store.Query{Overdue: true, Done: new(true)})
}

// listsChurn writes between the pages.
func listsChurn(t *trial) {
	recs := t.drafts(30, store.External)
	t.createAll(t.a, recs[10:]...)
	i := 0
	got := t.walk(store.Query{Parent: parent}, 3, func() {
		if i < 10 {
			t.create(t.b, recs[i]) // sorts behind the walk
			t.update(t.b, deleted(edited(recs[10+2*i], func(r *store.Record) { r.Version = 1 })))
			t.update(t.b, marked(edited(recs[11+2*i], func(r *store.Record) { r.Version = 1 }), "newer"))
			t.create(t.b, t.draft(store.External)) // sorts before it
		}
		i++
	})
	var stable []string
	for j := 29; j > 10; j -= 2 {
		stable = append(stable, recs[j].ID)
	}
	t.onceEach(got, stable)
}

// listsConcurrentChurn writes while the pages are read.
func listsConcurrentChurn(t *trial) {
	recs := t.drafts(60, store.External)
	var stable []string
	for i, rec := range slices.Backward(recs) {
		if i%2 == 0 {
			t.create(t.a, rec)
			stable = append(stable, rec.ID)
		}
	}
	t.together(3, func(caller int) {
		if caller == 0 {
			for range 10 {
				t.onceEach(t.walk(store.Query{Parent: parent}, 4, func() {}), stable)
			}
			return
		}
		for i := range recs {
			if i%2 == 1 && i%4 == 2*caller-1 {
				t.update(t.b, deleted(t.create(t.a, recs[i])))
			} else if i%2 == 0 && i%4 == 2*(caller-1) {
				t.update(t.b, marked(t.get(t.b, recs[i].Name), "newer"))
			}
		}
	})
}

// onceEach checks that got holds each of the stable IDs once, no ID twice, and
// all in descending order.
func (t *trial) onceEach(got, stable []string) {
	for i := 1; i < len(got); i++ {
		if got[i] >= got[i-1] {
			t.fail("pages answered %s after %s, want every ID once and descending", got[i], got[i-1])
		}
	}
	for _, id := range stable {
		if !slices.Contains(got, id) {
			t.fail("pages left out %s, which was there from first to last: got %q", id, got)
		}
	}
}
