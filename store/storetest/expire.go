package storetest

import (
	"sync/atomic"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

const (
	ruleExpire      rule = "expire: Expire removes Done records whose ExpireTime has come, from every read."
	ruleExpireEarly rule = "expire: No record is removed before its ExpireTime."
	ruleExpireDone  rule = "expire: No record is removed that is not Done."
	ruleExpireLimit rule = "expire: At most limit records are removed, and as many if there are; the answer is how many."
	ruleExpireFree  rule = "expire: The Name and the RequestID of a removed record are free again."
	ruleExpireRace  rule = "expire: Concurrent Expires count every removed record once."
	ruleExpireDead  rule = "expire: Expire forgets no owner that died of late or still owns a record."
)

func expireCases() []testCase {
	return []testCase{
		{ruleExpire, expireRemoves},
		{ruleExpireEarly, expireEarly},
		{ruleExpireDone, expireNotDone},
		{ruleExpireLimit, expireLimit},
		{ruleExpireFree, expireFrees},
		{ruleExpireRace, expireRace},
		{ruleExpireDead, expireDead},
	}
}

// expires checks that Expire of up to limit answers want.
func (t *trial) expires(limit, want int) {
	if got := t.expire(t.b, limit); got != want {
		t.fail("Expire of up to %d: got %d, want %d", limit, got, want)
	}
}

// kept checks that rec is still there, unchanged.
func (t *trial) kept(rec *store.Record) {
	got := t.read(t.a, rec.Name)
	if len(got) != 1 {
		t.fail("%v record %q, to be removed at %v if it is DONE: it is gone", rec.State, rec.Name, show(rec.ExpireTime))
	}
	t.same(t.rule, got[0], unasked(rec))
}

func expireRemoves(t *trial) {
	born := t.create(t.a, t.draft(store.Done))
	ended := t.update(t.a, deleted(done(t.create(t.a, t.draft(store.External)), time.Hour)))
	other := t.create(t.a, t.draft(store.External))
	t.advance(time.Hour)
	t.expires(10, 2)
	for _, gone := range []*store.Record{born, ended} {
		t.absent(t.rule, t.a, gone.Name)
		t.absent(t.rule, t.b, gone.Name)
	}
	for _, rec := range t.list(t.a, store.Query{Parent: parent, Limit: 10}) {
		if rec.ID != other.ID {
			t.fail("List: got removed record %q", rec.Name)
		}
	}
	t.kept(other)
	t.expires(10, 0)
}

func expireEarly(t *trial) {
	rec := t.create(t.a, t.draft(store.Done)) // for an hour
	t.expires(10, 0)
	t.kept(rec)
	t.advance(59 * time.Minute)
	t.expires(10, 0)
	t.kept(rec)
	rec = t.update(t.a, done(rec, 2*time.Hour))
	t.advance(119 * time.Minute)
	t.expires(10, 0)
	t.kept(rec)
	rec = t.update(t.a, deleted(done(rec, 0)))
	t.expires(10, 1)
	t.absent(t.rule, t.a, rec.Name)
}

func expireNotDone(t *trial) {
	t.beat(t.a, "owner", day)
	recs := []*store.Record{
		edited(t.draft(store.Pending), func(r *store.Record) { r.ExpireIn = time.Minute }),
		running(t.draft(store.Running), "owner"),
		running(t.draft(store.Running), "unknown"),
		t.draft(store.External),
		deleted(t.draft(store.External)),
		cancelled(deleted(t.draft(store.Pending))),
	}
	for i, rec := range recs {
		rec.Timeout = time.Minute
		recs[i] = t.create(t.a, rec)
	}
	t.advance(3 * day)
	t.expires(10, 0)
	for _, rec := range recs {
		t.kept(rec)
	}
}

func expireLimit(t *trial) {
	recs := t.createAll(t.a, t.drafts(7, store.Done)...)
	t.advance(2 * time.Hour)
	left := len(recs)
	for _, want := range []int{3, 3, 1, 0} {
		t.expires(3, want)
		left -= want
		if got := t.read(t.a, names(recs)...); len(got) != left {
			t.fail("after Expires that answered %d together: got %d records of %d, want %d", len(recs)-left, len(got), len(recs), left)
		}
	}
}

func expireFrees(t *trial) {
	first, second, third := t.draft(store.Done), t.draft(store.Done), t.draft(store.Done)
	first.RequestID, second.RequestID = "1", "2"
	t.createAll(t.a, first, second, third)
	t.advance(2 * time.Hour)
	t.expires(10, 3)
	again := t.drafts(4, store.External)
	again[0].RequestID = first.RequestID
	again[1].Name = third.Name
	again[2].Name = second.Name // which has nothing to do with its request id
	again[3].RequestID = second.RequestID
	for _, rec := range again {
		got := t.recreate(t.rule, t.b, rec)
		if got.ID != rec.ID || got.Version != 1 {
			t.fail("Create of %q, request id %q, after their removal: got %s at version %d, want %s at version 1",
				rec.Name, rec.RequestID, got.ID, got.Version, rec.ID)
		}
		t.kept(got)
	}
}

func expireRace(t *trial) {
	recs := t.createAll(t.a, t.drafts(40, store.Done)...)
	t.advance(2 * time.Hour)
	var sum atomic.Int64
	t.together(4, func(i int) {
		for range len(recs) {
			sum.Add(int64(t.expire(t.either(i), 3)))
		}
	})
	sum.Add(int64(t.expire(t.a, len(recs)))) // what all of them found locked
	if left := t.read(t.a, names(recs)...); sum.Load() != int64(len(recs)) || len(left) != 0 {
		t.fail("4 callers removed %d records: their answers add up to %d, and %d records are left", len(recs), sum.Load(), len(left))
	}
}

func expireDead(t *trial) {
	t.beat(t.a, "adopter", day)
	t.beat(t.a, "idle", time.Minute)
	t.beat(t.a, "owns", time.Minute)
	t.create(t.a, running(t.draft(store.Running), "owns"))
	t.advance(time.Hour)
	foreign := store.Claim{Owner: "adopter", Methods: []string{methodB}, Limit: 1, Adopt: true}
	t.claimAs(t.a, foreign) // which marks them dead
	t.lost(ruleDeathSticks, t.b, "idle")
	t.lost(ruleDeathSticks, t.b, "owns")
	t.expire(t.b, 10)
	for _, owner := range []string{"idle", "owns"} {
		if _, err := t.a.Heartbeat(t.ctx(), owner, time.Hour); err == nil {
			t.fail("Heartbeat of %q, which was dead before Expire: got no error, want ErrOwnerLost", owner)
		}
	}
	t.advance(3 * day)
	t.expire(t.b, 10)
	if _, err := t.a.Heartbeat(t.ctx(), "owns", time.Hour); err == nil {
		t.fail("Heartbeat of dead %q, which still owns a record: got no error, want ErrOwnerLost", "owns")
	}

	t.beat(t.a, "paused", time.Minute)
	t.advance(3 * day)
	t.beat(t.a, "finder", day)
	foreign.Owner = "finder"
	t.claimAs(t.a, foreign) // only now it is marked dead
	t.expire(t.b, 10)
	if _, err := t.a.Heartbeat(t.ctx(), "paused", time.Hour); err == nil {
		t.fail("Heartbeat of %q, which lapsed long ago and was marked dead just now: got no error, want ErrOwnerLost", "paused")
	}
}
