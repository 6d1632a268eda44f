package storetest

import (
	"slices"

	"github.com/longrunning-go/longrunning/store"
)

const (
	ruleGet        rule = "get: Get answers the records of the names, deleted ones too, as soon as they are written and in every process."
	ruleGetMissing rule = "get: Names that no record has are left out."
	ruleGetRequest rule = "get: Get answers records without their Request."
	ruleGetFresh   rule = "get: A write is visible to every read that starts after it."
)

func getCases() []testCase {
	return []testCase{
		{ruleGet, getAnswers},
		{ruleGetMissing, getMissing},
		{ruleGetRequest, getRequest},
		{ruleGetFresh, getFresh},
	}
}

func getAnswers(t *trial) {
	recs := t.createAll(t.a, t.drafts(70, store.External)...)
	t.update(t.a, deleted(recs[7]))
	got := t.read(t.b, names(recs)...)
	if g, w := sortedIDs(got), sortedIDs(recs); !slices.Equal(g, w) {
		t.fail("Get of %d names: got %q, want %q", len(recs), g, w)
	}
	if got := t.read(t.b); len(got) != 0 {
		t.fail("Get of no names: got %q, want nothing", names(got))
	}
}

func getMissing(t *trial) {
	rec := t.create(t.a, t.draft(store.External))
	missing := []string{"", "operations/missing", rec.Name + "x", rec.Name[:len(rec.Name)-1], rec.Parent, rec.ID}
	if got := t.read(t.b, missing...); len(got) != 0 {
		t.fail("Get of %q: got %q, want nothing", missing, names(got))
	}
	got := t.read(t.b, append(missing, rec.Name)...)
	if len(got) != 1 || got[0].ID != rec.ID {
		t.fail("Get of %q and of missing names: got %q, want that one", rec.Name, names(got))
	}
}

func getRequest(t *trial) {
	t.beat(t.a, "owner", day)
	rec := t.create(t.a, running(t.draft(store.Running), "owner"))
	t.get(t.b, rec.Name) // which checks it, here and everywhere
}

func getFresh(t *trial) {
	rec := t.create(t.a, t.draft(store.External))
	for i := range 10 {
		rec = t.update(t.either(i), rec)
		for _, s := range []store.Store{t.a, t.b} {
			t.same(t.rule, t.get(s, rec.Name), rec)
		}
	}
}
