package storetest

import (
	"fmt"
	"slices"

	"github.com/longrunning-go/longrunning/store"
)

const (
	ruleCreate         rule = "create: Create stores a record with version 1 and answers it as stored, Request included."
	ruleCreateEpoch    rule = "create: A record that is stored as Running starts at epoch 1, any other at epoch 0."
	ruleCreateName     rule = "create: Where the Name exists, Create writes nothing and answers that record with its Request."
	ruleCreateRequest  rule = "create: Where the RequestID exists for that Parent and Method, Create writes nothing and answers that record with its Request."
	ruleCreateScope    rule = "create: A RequestID counts for one Parent and Method, and an empty one for nothing."
	ruleCreateRace     rule = "create: Of concurrent Creates with one RequestID one is stored, and all answer it."
	ruleCreateNameRace rule = "create: Of concurrent Creates with one Name one is stored, and all answer it."
	ruleCreateEmpty    rule = "create: A Response or Error that is set, but empty, stays set."
)

func createCases() []testCase {
	return []testCase{
		{ruleCreate, createAnswers},
		{ruleCreateEpoch, createEpochs},
		{ruleCreateName, createSameName},
		{ruleCreateRequest, createSameRequest},
		{ruleCreateScope, createScope},
		{ruleCreateRace, createRace},
		{ruleCreateNameRace, createNameRace},
		{ruleCreateEmpty, createEmpty},
	}
}

func createAnswers(t *trial) {
	t.beat(t.a, "owner", day)
	plain := t.draft(store.External)
	plain.Parent, plain.Name, plain.Method = "", "operations/"+plain.ID, ""
	plain.Request, plain.Carrier, plain.Metadata, plain.Checkpoint = nil, nil, nil, nil
	failed := t.draft(store.Done)
	failed.Response, failed.Error = nil, []byte("error")
	for _, rec := range []*store.Record{
		t.draft(store.Pending),
		running(t.draft(store.Running), "owner"),
		t.draft(store.External),
		t.draft(store.Done),
		failed,
		plain,
		cancelled(deleted(t.draft(store.Pending))),
	} {
		got := t.create(t.a, rec) // which compares the rest
		if got.Version != 1 || got.State != rec.State {
			t.fail("record %q: got %v at version %d, want %v at 1", rec.Name, got.State, got.Version, rec.State)
		}
		t.same(t.rule, t.get(t.b, rec.Name), unasked(got))
	}
}

func createEpochs(t *trial) {
	t.beat(t.a, "owner", day)
	for _, rec := range []*store.Record{
		t.draft(store.Pending),
		running(t.draft(store.Running), "owner"),
		t.draft(store.External),
		t.draft(store.Done),
	} {
		want := int64(0)
		if rec.State == store.Running {
			want = 1
		}
		if got := t.create(t.a, rec); got.State != rec.State || got.Epoch != want {
			t.fail("record created as %v: got %v at epoch %d, want epoch %d", rec.State, got.State, got.Epoch, want)
		}
	}
}

// earlierStates are what may have become of a record before it is created again.
func (t *trial) earlierStates() []func(*store.Record) *store.Record {
	return []func(*store.Record) *store.Record{
		func(rec *store.Record) *store.Record { return rec },
		func(rec *store.Record) *store.Record { return t.update(t.a, marked(rec, "newer")) },
		func(rec *store.Record) *store.Record { return t.update(t.a, deleted(rec)) },
		func(rec *store.Record) *store.Record { return t.update(t.a, deleted(done(rec, day))) },
	}
}

func createSameName(t *trial) {
	for _, become := range t.earlierStates() {
		first := t.draft(store.Pending)
		want := become(t.create(t.a, first))
		again := t.draft(store.External)
		again.Name, again.Method, again.Metadata = first.Name, methodB, []byte("other")
		t.answersEarlier(first, want, again)
	}
}

func createSameRequest(t *trial) {
	for i, become := range t.earlierStates() {
		first := t.draft(store.Pending)
		first.RequestID = fmt.Sprint("request ", i)
		want := become(t.create(t.a, first))
		again := t.draft(store.External)
		again.RequestID, again.Metadata = first.RequestID, []byte("other")
		t.answersEarlier(first, want, again)
		t.absent(t.rule, t.a, again.Name)
	}
}

// answersEarlier creates again, which must change nothing and answer want, the
// record created as first.
func (t *trial) answersEarlier(first, want, again *store.Record) {
	want = edited(want, func(r *store.Record) { r.Request = first.Request })
	t.same(t.rule, t.recreate(t.rule, t.b, again), want)
	t.same(t.rule, t.get(t.a, first.Name), unasked(want))
}

func createScope(t *trial) {
	for _, differ := range []func(first, second *store.Record){
		func(_, second *store.Record) { second.Parent = "projects/other" },
		func(_, second *store.Record) { second.Parent = "" },
		func(_, second *store.Record) { second.Method = methodB },
		func(_, second *store.Record) { second.Method = "" },
		func(_, second *store.Record) { second.RequestID += "x" },
		func(first, second *store.Record) { first.RequestID, second.RequestID = "", "" },
	} {
		first, second := t.draft(store.External), t.draft(store.External)
		first.RequestID = "request of " + first.ID
		second.RequestID = first.RequestID
		differ(first, second)
		t.create(t.a, first)
		if got := t.recreate(t.rule, t.b, second); got.ID != second.ID {
			t.fail("(%q, %q, %q) was answered with the record of (%q, %q, %q)",
				second.Parent, second.Method, second.RequestID, first.Parent, first.Method, first.RequestID)
		}
		t.get(t.a, second.Name)
	}

	bare := t.draft(store.External)
	bare.Method, bare.RequestID = "", "bare"
	t.create(t.a, bare)
	again := t.draft(store.External)
	again.Method, again.RequestID = "", "bare"
	if got := t.recreate(t.rule, t.b, again); got.ID != bare.ID {
		t.fail("RequestID %q without a Method: got a second record %s, want the first %s", bare.RequestID, got.ID, bare.ID)
	}
}

func createRace(t *trial) {
	t.race(func(round int, rec *store.Record) { rec.RequestID = fmt.Sprint("request ", round) })
}

func createNameRace(t *trial) {
	t.race(func(round int, rec *store.Record) { rec.Name = fmt.Sprint(parent, "/operations/", round) })
}

// race creates what alike made equal, several at a time.
func (t *trial) race(alike func(round int, rec *store.Record)) {
	const rounds, callers = 8, 6
	for round := range rounds {
		recs := t.drafts(callers, store.External)
		got := make([]*store.Record, callers)
		for _, rec := range recs {
			alike(round, rec)
		}
		t.together(callers, func(i int) { got[i] = t.recreate(t.rule, t.either(i), recs[i]) })
		for _, g := range got {
			if g.ID != got[0].ID {
				t.fail("%d concurrent Creates answered records %q, want one for all", callers, ids(got))
			}
		}
		unique := slices.Compact(slices.Sorted(slices.Values(names(recs))))
		if kept := t.read(t.a, unique...); len(kept) != 1 || kept[0].ID != got[0].ID {
			t.fail("%d concurrent Creates stored %q and answered %s, want that one only", callers, ids(kept), got[0].ID)
		}
	}
}

func createEmpty(t *trial) {
	rec := t.draft(store.Done)
	rec.Response = []byte{}
	t.create(t.a, rec)
	if got := t.get(t.b, rec.Name); got.Response == nil || got.Error != nil {
		t.fail("DONE with an empty Response: got Response %v, Error %v, want [] and nil", got.Response, got.Error)
	}
	rec = t.draft(store.Done)
	rec.Response, rec.Error = nil, []byte{}
	t.create(t.a, rec)
	if got := t.get(t.b, rec.Name); got.Response != nil || got.Error == nil {
		t.fail("DONE with an empty Error: got Response %v, Error %v, want nil and []", got.Response, got.Error)
	}
}
