package storetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

const (
	ruleUpdate      rule = "update: Update replaces the fields that lro sets and answers the record as stored, without its Request."
	ruleVersions    rule = "update: Every Update raises the version by one."
	ruleCAS         rule = "update: Update swaps only the version that its caller read; otherwise it writes nothing and answers ErrConflict."
	ruleFixed       rule = "update: Update ignores the fixed fields, the epoch and the times of its argument."
	ruleDoneStays   rule = "update: An Update that would change more of a Done record than Deleted and ExpireTime answers ErrInvalid and writes nothing."
	ruleNotFound    rule = "update: Update of a name that no record has answers ErrNotFound and writes nothing."
	ruleNoLost      rule = "update: No update is lost when many callers in two processes contend for a record."
	ruleUpdateClaim rule = "update: Of an Update and a Claim that race for one version only one succeeds."
)

func updateCases() []testCase {
	return []testCase{
		{ruleUpdate, updateReplaces},
		{ruleVersions, updateVersions},
		{ruleCAS, updateSwaps},
		{ruleFixed, updateFixed},
		{ruleDoneStays, updateDone},
		{ruleNotFound, updateNotFound},
		{ruleNoLost, updateContended},
		{ruleUpdateClaim, updateAgainstClaim},
		{ruleLinear, updateLinear},
	}
}

func updateReplaces(t *trial) {
	t.beat(t.a, "owner", day)
	rec := t.create(t.a, t.draft(store.External))
	for _, change := range []func(*store.Record){
		func(r *store.Record) { r.State, r.Owner = store.Running, "owner" },
		func(r *store.Record) { r.Released, r.Retried = 7, 1<<31-1 },
		func(r *store.Record) { r.CancelRequested = true },
		func(r *store.Record) { r.Metadata, r.Checkpoint = []byte("m\x00\xff"), nil },
		func(r *store.Record) { r.State, r.Owner = store.Pending, "" },
		func(r *store.Record) { r.Metadata, r.Checkpoint = nil, []byte("c\x00\xff") },
		func(r *store.Record) { r.Released, r.Retried, r.Deleted = 0, 0, true },
		func(r *store.Record) { r.State, r.Error = store.Done, []byte("e\x00\xff") },
		func(r *store.Record) { r.Deleted = false },
	} {
		want := edited(unasked(rec), change)
		rec = t.update(t.a, want)
		t.same(t.rule, rec, want, stored()...)
		t.same(t.rule, t.get(t.b, rec.Name), rec)
	}
}

func updateVersions(t *trial) {
	rec := t.create(t.a, t.draft(store.External))
	for i := range 5 {
		rec = t.update(t.either(i), rec) // which checks it
	}
	if rec.Version != 6 {
		t.fail("after Create and 5 Updates: got version %d, want 6", rec.Version)
	}
}

func updateSwaps(t *trial) {
	t.beat(t.a, "owner", day)
	first := t.create(t.a, t.draft(store.Pending))
	second := t.update(t.b, marked(first, "second"))
	t.stale(t.a, marked(first, "stale"))
	t.stale(t.b, done(first, 0))
	if got := t.claim(t.b, "owner", 1); len(got) != 1 {
		t.broken(ruleClaim, "Claim with one record due: got %d, want 1", len(got))
	}
	t.stale(t.a, marked(second, "before the claim"))

	current := t.get(t.a, first.Name)
	ahead := edited(current, func(r *store.Record) { r.Version++; r.Metadata = []byte("ahead") })
	if _, err := t.a.Update(t.ctx(), ahead); !errors.Is(err, store.ErrConflict) {
		t.fail("Update at version %d of a record at %d: got error %v, want ErrConflict", ahead.Version, current.Version, err)
	}
	t.same(t.rule, t.get(t.b, first.Name), current)
}

func updateFixed(t *trial) {
	rec := t.draft(store.External)
	rec.RequestID, rec.Timeout = "request", day
	created := t.create(t.a, rec)
	other := edited(created, func(r *store.Record) {
		long := r.CreateTime.Add(100 * day)
		r.Parent, r.ID, r.Method, r.RequestID = "projects/other", t.newID(), methodB, "other"
		r.Request, r.Carrier = []byte("other"), map[string]string{"other": "other"}
		r.Epoch, r.Timeout = 77, time.Minute
		r.CreateTime, r.UpdateTime, r.EndTime = long, long, long
		r.Deadline, r.DueTime, r.ExpireTime = long, long, long
	})
	got := t.update(t.b, other)
	t.same(t.rule, got, unasked(created), "Version", "UpdateTime")
	if got.UpdateTime.Equal(other.UpdateTime) {
		t.fail("got the UpdateTime of the argument, %v", got.UpdateTime)
	}
	t.same(t.rule, t.get(t.a, rec.Name), got)

	again := t.draft(store.External)
	again.RequestID = rec.RequestID
	earlier := t.recreate(ruleCreateRequest, t.a, again)
	if earlier.ID == again.ID {
		t.broken(ruleCreateRequest, "Create with the RequestID of %q stored a second record", rec.Name)
	}
	t.same(t.rule, earlier, got, "Request")
}

func updateDone(t *trial) {
	t.beat(t.a, "owner", day)
	for _, rec := range []*store.Record{done(t.draft(store.Done), day), failed(t.draft(store.Done))} {
		rec = unasked(t.create(t.a, rec))
		for i, change := range []func(*store.Record){
			func(r *store.Record) { *r = *pending(r, 0); r.Response, r.Error = nil, nil },
			func(r *store.Record) { *r = *running(r, "owner"); r.Response, r.Error = nil, nil },
			func(r *store.Record) { *r = *external(r); r.Response, r.Error = nil, nil },
			func(r *store.Record) { r.Response, r.Error = []byte("another"), nil },
			func(r *store.Record) { r.Response, r.Error = nil, []byte("another") },
			func(r *store.Record) { r.Response, r.Error = r.Error, r.Response },
			func(r *store.Record) { r.Metadata = []byte("another") },
			func(r *store.Record) { r.Checkpoint = nil },
			func(r *store.Record) { r.Released++ },
			func(r *store.Record) { r.Retried++ },
			func(r *store.Record) { r.CancelRequested = true },
		} {
			bad := edited(rec, change)
			if _, err := t.either(i).Update(t.ctx(), bad); !errors.Is(err, store.ErrInvalid) {
				t.fail("change %d of a Done record: got error %v, want ErrInvalid", i, err)
			}
			stale := edited(bad, func(r *store.Record) { r.Version++ })
			if _, err := t.either(i).Update(t.ctx(), stale); !errors.Is(err, store.ErrConflict) {
				t.fail("change %d of another version of a Done record: got error %v, want ErrConflict", i, err)
			}
			t.same(t.rule, t.get(t.b, rec.Name), rec)
		}
		got := t.update(t.a, deleted(edited(rec, func(r *store.Record) { r.ExpireIn = time.Minute })))
		t.same(t.rule, got, deleted(rec), stored()...)
	}
}

func updateNotFound(t *trial) {
	kept := t.create(t.a, t.draft(store.External))
	missing := t.draft(store.External)
	missing.Version = 1
	for version := range int64(2) {
		missing = edited(missing, func(r *store.Record) { r.Version = version })
		if _, err := t.a.Update(t.ctx(), missing); !errors.Is(err, store.ErrNotFound) {
			t.fail("Update of missing %q at version %d: got error %v, want ErrNotFound", missing.Name, version, err)
		}
	}
	t.absent(t.rule, t.b, missing.Name)
	t.same(t.rule, t.get(t.b, kept.Name), unasked(kept))
}

func updateContended(t *trial) {
	const callers, rounds = 6, 20
	cur := t.create(t.a, t.draft(store.External))
	for range rounds {
		var errs [callers]error
		t.together(callers, func(i int) {
			var got *store.Record
			if got, errs[i] = t.either(i).Update(t.ctx(), marked(cur, fmt.Sprint("caller ", i))); errs[i] == nil {
				t.ledger.wrote(got)
			}
		})
		winner := -1
		for i, err := range errs {
			switch {
			case err == nil && winner < 0:
				winner = i
			case !errors.Is(err, store.ErrConflict):
				t.fail("callers %d and %d at version %d: got error %v, want one success and ErrConflict otherwise", winner, i, cur.Version, err)
			}
		}
		got := t.get(t.a, cur.Name)
		if want := fmt.Sprint("caller ", winner); string(got.Metadata) != want || got.Version != cur.Version+1 {
			t.fail("after %d Updates at version %d: got %q at version %d, want %q at %d",
				callers, cur.Version, got.Metadata, got.Version, want, cur.Version+1)
		}
		cur = got
	}
}

func updateAgainstClaim(t *trial) {
	t.beat(t.b, "owner", day)
	for round := range 20 {
		rec := t.create(t.a, t.draft(store.Pending))
		var (
			err     error
			claimed []*store.Record
		)
		t.atOnce(round,
			func() { _, err = t.a.Update(t.ctx(), marked(rec, "updated")) },
			func() { claimed = t.claim(t.b, "owner", 1) })
		if err != nil && !errors.Is(err, store.ErrConflict) {
			t.fail("Update that races with a Claim: got error %v, want none or ErrConflict", err)
		}
		// An Update that came first is seen by the Claim.
		want := rec.Version + int64(len(claimed))
		if err == nil {
			want++
		}
		if got := t.get(t.a, rec.Name); got.Version != want || (string(got.Metadata) == "updated") != (err == nil) {
			t.fail("Update answered %v and %d Claims took the record: got version %d and metadata %q, want version %d and the metadata of the Update only if it succeeded",
				err, len(claimed), got.Version, got.Metadata, want)
		}
		if len(claimed) == 1 && err == nil && claimed[0].Version != want {
			t.fail("Update at version %d succeeded after the Claim of that version", rec.Version)
		}
		if cur := t.get(t.a, rec.Name); cur.State == store.Pending {
			t.update(t.a, external(cur))
		}
	}
}
