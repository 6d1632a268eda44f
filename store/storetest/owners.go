package storetest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

const (
	ruleLives           rule = "owners: A Heartbeat keeps its owner alive for ttl from now, and the first registers it."
	ruleRevival         rule = "owners: An owner that lapsed, but that no Claim has marked dead, is alive again by its Heartbeat."
	ruleDeathSticks     rule = "owners: Death is for good: a dead owner's Heartbeats and Claims answer ErrOwnerLost."
	ruleMarks           rule = "owners: A Claim with Adopt marks every lapsed owner dead, whatever it takes."
	ruleLapsedMarksNone rule = "owners: A Claim with Adopt marks nobody dead if its own owner has lapsed or is dead."
	ruleResign          rule = "owners: A ttl of 0 resigns: the owner is dead at once and its records are orphans."
	ruleNeverFromLiving rule = "owners: A record of a living owner is never adopted."
	ruleAdopt           rule = "owners: A Claim with Adopt takes the Running records of dead and of unknown owners."
	ruleNoAdopt         rule = "owners: A Claim without Adopt takes no orphan and marks nobody dead."
	ruleDeadUpdate      rule = "owners: A dead owner's Update succeeds until its record is adopted."
	ruleDeadCreate      rule = "owners: What is created as Running by an owner that is dead or unknown is stored as Pending and due."
	ruleCancelNames     rule = "owners: A Heartbeat answers the names of its owner's Running records with CancelRequested, until they are no longer Running."
)

func ownersCases() []testCase {
	return []testCase{
		{ruleLives, ownersLive},
		{ruleRevival, ownersRevive},
		{ruleDeathSticks, ownersStayDead},
		{ruleDeathSticks, ownersRaceDeath},
		{ruleMarks, ownersMarked},
		{ruleLapsedMarksNone, ownersLapsedTogether},
		{ruleResign, ownersResign},
		{ruleNeverFromLiving, ownersKeep},
		{ruleAdopt, ownersAdopt},
		{ruleNoAdopt, ownersDoNotAdopt},
		{ruleDeadUpdate, ownersUpdateDead},
		{ruleDeadCreate, ownersCreateDead},
		{ruleCancelNames, ownersCancel},
	}
}

// owned creates a Running record of owner, who must be alive.
func (t *trial) owned(owner string) *store.Record {
	return t.create(t.a, running(t.draft(store.Running), owner))
}

func ownersLive(t *trial) {
	t.beat(t.a, "adopter", day)
	t.beat(t.a, "renewed", time.Hour)
	t.beat(t.a, "shortened", 3*time.Hour)
	t.owned("renewed")
	short := t.owned("shortened")
	t.advance(50 * time.Minute)
	t.beat(t.b, "renewed", time.Hour)
	t.beat(t.b, "shortened", time.Hour)
	t.advance(50 * time.Minute)
	t.takes(t.adopt(t.b, "adopter", 10))
	t.beat(t.a, "renewed", time.Hour)
	t.advance(20 * time.Minute)
	t.takes(t.adopt(t.b, "adopter", 10), short)
}

func ownersRevive(t *trial) {
	t.beat(t.a, "adopter", day)
	t.beat(t.a, "late", time.Minute)
	rec := t.owned("late")
	t.advance(time.Hour)
	t.takes(t.claim(t.b, "adopter", 10))
	if _, err := t.a.Heartbeat(t.ctx(), "late", time.Hour); err != nil {
		t.fail("Heartbeat of an owner that lapsed unnoticed: got error %v, want none", err)
	}
	t.beat(t.b, "late", time.Hour)
	t.takes(t.adopt(t.b, "adopter", 10))
	t.update(t.a, marked(rec, "still mine"))
	t.create(t.a, pending(t.draft(store.Pending), 0))
	if got := t.claim(t.a, "late", 1); len(got) != 1 {
		t.fail("Claim of an owner that is alive again: got %d records, want 1", len(got))
	}
}

func ownersStayDead(t *trial) {
	t.beat(t.a, "adopter", 10*day)
	t.beat(t.a, "lapsed", time.Minute)
	t.beat(t.a, "resigned", day)
	t.owned("lapsed")
	t.owned("resigned")
	t.advance(time.Hour)
	t.adopt(t.b, "adopter", 10)
	t.lost(t.rule, t.a, "lapsed")
	t.resign(t.b, "resigned")
	t.adopt(t.b, "adopter", 10)
	for range 3 {
		for _, owner := range []string{"lapsed", "resigned"} {
			t.lost(t.rule, t.a, owner)
			t.lost(t.rule, t.b, owner)
		}
		t.advance(time.Hour)
	}
	if got := t.create(t.a, running(t.draft(store.Running), "lapsed")); got.State != store.Pending {
		t.broken(ruleDeadCreate, "Create as Running by a dead owner: got %v, want PENDING", got.State)
	}
}

// ownersRaceDeath lets an owner that has lapsed come back while its records are
// adopted: one of the two must come first.
func ownersRaceDeath(t *trial) {
	t.beat(t.b, "adopter", 10*day)
	for round := range 20 {
		owner := fmt.Sprint("late ", round)
		t.beat(t.a, owner, time.Minute)
		t.owned(owner)
		t.advance(2 * time.Minute)
		var (
			err     error
			adopted []*store.Record
		)
		t.atOnce(round,
			func() { _, err = t.a.Heartbeat(t.ctx(), owner, time.Hour) },
			func() { adopted = t.adopt(t.b, "adopter", 10) })
		if errors.Is(err, store.ErrOwnerLost) { // the Claim may have found the record locked
			adopted = append(adopted, t.adopt(t.b, "adopter", 10)...)
		}
		if len(adopted) > 0 {
			t.lost(t.rule, t.a, owner)
			continue
		}
		if err != nil {
			t.fail("Heartbeat of lapsed %q: got error %v, but nothing can be adopted", owner, err)
		}
		t.beat(t.a, owner, time.Hour)
		t.resign(t.a, owner)
		t.adopt(t.b, "adopter", 10)
	}
}

func ownersMarked(t *trial) {
	t.beat(t.a, "adopter", day)
	t.beat(t.a, "idle", time.Minute)
	t.beat(t.a, "busy", time.Minute)
	t.beat(t.a, "other", time.Minute)
	t.owned("busy")
	t.owned("other")
	t.create(t.a, t.draft(store.Pending))
	t.advance(time.Hour)
	foreign := store.Claim{Owner: "adopter", Methods: []string{methodB}, Limit: 1, Adopt: true}
	t.takes(t.claimAs(t.b, foreign))
	for _, owner := range []string{"idle", "busy", "other"} {
		t.lost(t.rule, t.a, owner)
	}
}

// ownersLapsedTogether is an outage that a Claim was held up by.
func ownersLapsedTogether(t *trial) {
	t.beat(t.a, "lapsed", time.Minute)
	t.beat(t.a, "dead", day)
	t.beat(t.a, "sibling", time.Minute)
	t.resign(t.a, "dead")
	rec := t.owned("sibling")
	orphan := t.update(t.a, running(t.create(t.a, t.draft(store.External)), "never registered"))
	t.advance(time.Hour)
	_, _ = t.b.Claim(t.ctx(), &store.Claim{Owner: "dead", Methods: []string{methodA}, Limit: 10, Adopt: true}) // ErrOwnerLost: see ruleDeathSticks
	t.takes(t.adopt(t.b, "lapsed", 10), orphan)
	if _, err := t.a.Heartbeat(t.ctx(), "sibling", time.Hour); err != nil {
		t.fail("Heartbeat of an owner that lapsed, after Claims of a lapsed and a dead one: got error %v, want none", err)
	}
	t.update(t.a, marked(rec, "still mine"))
}

func ownersResign(t *trial) {
	t.beat(t.a, "adopter", day)
	t.beat(t.a, "leaver", day)
	rec := t.owned("leaver")
	t.resign(t.b, "leaver")
	t.lost(t.rule, t.a, "leaver")
	t.takes(t.adopt(t.b, "adopter", 10), rec)
}

func ownersKeep(t *trial) {
	t.beat(t.a, "adopter", day)
	t.beat(t.a, "living", time.Hour)
	kept := []*store.Record{
		t.owned("living"),
		t.create(t.a, cancelled(running(t.draft(store.Running), "living"))),
		t.create(t.a, deleted(running(t.draft(store.Running), "living"))),
		t.owned("adopter"),
	}
	t.advance(59 * time.Minute)
	for i := range 3 {
		t.takes(t.adopt(t.either(i), "adopter", 10))
		t.takes(t.adopt(t.either(i), "living", 10))
	}
	for _, rec := range kept {
		t.same(t.rule, t.get(t.b, rec.Name), unasked(rec))
	}
}

func ownersAdopt(t *trial) {
	t.beat(t.a, "adopter", day)
	t.beat(t.a, "lapsed", time.Minute)
	t.beat(t.a, "resigned", time.Hour)
	first, second := t.owned("lapsed"), t.owned("resigned")
	third := t.update(t.a, running(t.create(t.a, t.draft(store.External)), "never registered"))
	t.resign(t.a, "resigned")
	t.advance(time.Hour)
	got := t.adopt(t.b, "adopter", 10)
	t.takes(got, first, second, third)
	for _, orphan := range []*store.Record{first, second, third} {
		for _, rec := range got {
			if rec.ID != orphan.ID {
				continue
			}
			want := edited(running(orphan, "adopter"), func(r *store.Record) {
				r.Version++
				r.Epoch++
			})
			t.same(t.rule, rec, want, append(timed(), "Request")...)
			t.same(t.rule, t.get(t.a, rec.Name), unasked(rec))
		}
	}
}

func ownersDoNotAdopt(t *trial) {
	t.beat(t.a, "claimer", day)
	t.beat(t.a, "lapsed", time.Minute)
	t.beat(t.a, "resigned", time.Hour)
	t.owned("lapsed")
	t.owned("resigned")
	t.resign(t.a, "resigned")
	t.advance(time.Hour)
	t.takes(t.claim(t.b, "claimer", 10))
	if _, err := t.b.Heartbeat(t.ctx(), "lapsed", time.Hour); err != nil {
		t.fail("Heartbeat after a Claim without Adopt: got error %v, want none", err)
	}
}

func ownersUpdateDead(t *trial) {
	t.beat(t.a, "adopter", day)
	t.beat(t.a, "gone", time.Minute)
	rec := t.owned("gone")
	t.advance(time.Hour)
	foreign := store.Claim{Owner: "adopter", Methods: []string{methodB}, Limit: 1, Adopt: true}
	t.takes(t.claimAs(t.b, foreign)) // which marks it dead
	got, err := t.a.Update(t.ctx(), marked(rec, "dying words"))
	if err != nil {
		t.fail("Update by a dead owner before its record is adopted: got error %v, want none", err)
	}
	adopted := t.adopt(t.b, "adopter", 1)
	t.takes(adopted, rec)
	if string(adopted[0].Metadata) != "dying words" || adopted[0].Version <= got.Version {
		t.broken(ruleClaimCounts, "adopted with metadata %q at version %d, want %q at version %d",
			adopted[0].Metadata, adopted[0].Version, got.Metadata, got.Version+1)
	}
	t.stale(t.a, marked(got, "from the grave"))
	t.stale(t.a, done(got, day))
}

func ownersCreateDead(t *trial) {
	t.beat(t.a, "adopter", day)
	t.beat(t.a, "lapsed", time.Minute)
	t.beat(t.a, "resigned", time.Hour)
	t.resign(t.a, "resigned")
	t.advance(time.Hour)
	t.takes(t.adopt(t.b, "adopter", 1))
	for _, owner := range []string{"lapsed", "resigned", "never registered"} {
		rec := running(t.draft(store.Running), owner)
		got := t.create(t.a, rec)
		want := edited(rec, func(r *store.Record) { r.State, r.Owner, r.Version = store.Pending, "", 1 })
		t.same(t.rule, got, want, append(timed(), "Request")...)
		if !got.DueTime.Equal(got.CreateTime) {
			t.fail("got DueTime %v, want CreateTime %v", got.DueTime, got.CreateTime)
		}
		t.same(t.rule, t.get(t.b, rec.Name), unasked(got))
		t.takes(t.claim(t.b, "adopter", 10), rec)
	}
}

func ownersCancel(t *trial) {
	t.beat(t.a, "owner", day)
	t.beat(t.a, "other", day)
	wants := func(owner string, want ...*store.Record) {
		got := slices.Sorted(slices.Values(t.beat(t.b, owner, day)))
		if w := slices.Sorted(slices.Values(names(want))); !slices.Equal(got, w) {
			t.fail("Heartbeat of %q: got %q to cancel, want %q", owner, got, w)
		}
	}
	one, two, three := t.owned("owner"), t.owned("owner"), t.owned("owner")
	t.owned("owner")
	foreign := t.owned("other")
	wants("owner")
	one, two = t.update(t.a, cancelled(one)), t.update(t.a, cancelled(deleted(two)))
	three = t.update(t.a, cancelled(three))
	t.create(t.a, cancelled(t.draft(store.Pending)))
	for range 2 { // until it is no longer Running
		wants("owner", one, two, three)
		wants("other")
	}
	one = t.update(t.a, marked(one, "still running"))
	foreign = t.update(t.a, cancelled(foreign))
	t.update(t.a, done(two, day))
	t.update(t.a, external(three))
	wants("owner", one)
	wants("other", foreign)
	wants("newcomer")
}
