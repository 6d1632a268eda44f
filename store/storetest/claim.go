package storetest

import (
	"slices"
	"sync"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

const (
	ruleClaim        rule = "claim: Claim makes its living owner the owner of records and answers them as Running and its own."
	ruleClaimCounts  rule = "claim: A Claim raises version and epoch by one and answers the record whole, Request included."
	ruleClaimOnce    rule = "claim: No record is handed to two Claims."
	ruleClaimDue     rule = "claim: Only Pending records that are due are claimed, the longest due first."
	ruleClaimMethods rule = "claim: Only Pending records of the Claim's methods are claimed."
	ruleClaimLimit   rule = "claim: At most Limit records are claimed, and as many if there are."
	ruleClaimDeleted rule = "claim: Deleted records are claimed like any other."
	ruleClaimOrphans rule = "claim: Orphans are taken before the backlog."
	ruleClaimCancel  rule = "claim: Orphans are taken if their Method is the Claim's or CancelRequested is set."
	ruleClaimUnknown rule = "claim: An owner that was never registered gets ErrOwnerLost, and nothing is claimed."
)

func claimCases() []testCase {
	return []testCase{
		{ruleClaim, claimTakes},
		{ruleClaimCounts, claimCounts},
		{ruleClaimOnce, claimOnce},
		{ruleClaimOnce, claimRace},
		{ruleClaimOnce, claimRaceForOrphans},
		{ruleClaimDue, claimDue},
		{ruleClaimMethods, claimMethods},
		{ruleClaimLimit, claimLimit},
		{ruleClaimDeleted, claimDeleted},
		{ruleClaimOrphans, claimOrphans},
		{ruleClaimCancel, claimCancelled},
		{ruleClaimUnknown, claimUnknown},
	}
}

// takes checks that got, the answer of a Claim, is exactly want.
func (t *trial) takes(got []*store.Record, want ...*store.Record) {
	if g, w := sortedIDs(got), sortedIDs(want); !slices.Equal(g, w) {
		t.fail("Claim: got %q, want %q", g, w)
	}
}

func claimTakes(t *trial) {
	t.beat(t.a, "owner", day)
	waiting, _, _, _ := t.inEveryState("owner")
	got := t.claim(t.b, "owner", 10)
	t.takes(got, waiting)
	for _, rec := range got {
		t.same(t.rule, t.get(t.a, rec.Name), unasked(rec))
	}
	t.takes(t.claim(t.b, "owner", 10))
}

func claimCounts(t *trial) {
	t.beat(t.a, "one", day)
	t.beat(t.a, "two", day)
	cur := t.create(t.a, cancelled(t.draft(store.Pending)))
	for i, owner := range []string{"one", "two", "one"} {
		got := t.claim(t.either(i), owner, 1)
		t.takes(got, cur)
		want := edited(running(cur, owner), func(r *store.Record) {
			r.Version++
			r.Epoch = int64(i) + 1
			r.Request = []byte("request of " + r.ID)
		})
		t.same(t.rule, got[0], want, timed()...)
		cur = t.update(t.b, pending(got[0], 0))
		if cur.Epoch != want.Epoch {
			t.fail("Update after the Claim: got epoch %d, want %d", cur.Epoch, want.Epoch)
		}
	}
}

func claimOnce(t *trial) {
	t.beat(t.a, "one", day)
	t.beat(t.b, "two", day)
	first, second := t.create(t.a, t.draft(store.Pending)), t.create(t.a, t.draft(store.Pending))
	got := t.claim(t.a, "one", 1)
	t.takes(append(got, t.claim(t.b, "two", 2)...), first, second)
	t.takes(t.claim(t.a, "one", 2))
	t.takes(t.claim(t.b, "two", 2))
	t.update(t.a, done(t.get(t.a, first.Name), day))
	t.update(t.a, external(t.get(t.a, second.Name)))
	t.takes(t.claim(t.a, "one", 2))
	t.takes(t.claim(t.b, "two", 2))
}

// claimRace lets owners in two processes claim, release and claim again.
func claimRace(t *trial) {
	const owners, records, attempts = 4, 30, 3
	var (
		mu   sync.Mutex
		left = records * attempts
	)
	for i := range owners {
		t.beat(t.a, string(rune('a'+i)), day)
	}
	t.createAll(t.a, t.drafts(records, store.Pending)...)
	t.together(owners, func(i int) {
		s := t.either(i)
		for range 100 * records * attempts {
			got := t.claim(s, string(rune('a'+i)), 1+i)
			for _, rec := range got {
				if rec.Epoch < attempts {
					t.update(s, pending(rec, 0))
				}
			}
			mu.Lock()
			left -= len(got)
			over := left <= 0
			mu.Unlock()
			if over {
				return
			}
		}
	})
	if left != 0 {
		t.fail("%d records were released until their epoch %d: %d claims are missing", records, attempts, left)
	}
}

// claimRaceForOrphans lets owners in two processes adopt what one left.
func claimRaceForOrphans(t *trial) {
	const owners, records = 4, 30
	t.adoptsAtAll()
	t.beat(t.a, "gone", day)
	for range records {
		t.owned("gone")
	}
	for i := range owners {
		t.beat(t.a, string(rune('a'+i)), day)
	}
	t.resign(t.a, "gone")
	var adopted [owners]int
	t.together(owners, func(i int) {
		for range records {
			adopted[i] += len(t.adopt(t.either(i), string(rune('a'+i)), 1+i))
		}
	})
	sum := len(t.adopt(t.a, "a", records)) // what all of them found locked
	for _, n := range adopted {
		sum += n
	}
	if sum != records {
		t.fail("%d owners adopted %d records, want %d", owners, sum, records)
	}
}

func claimDue(t *trial) {
	t.beat(t.a, "owner", day)
	third := t.create(t.a, pending(t.draft(store.Pending), 3*time.Hour))
	first := t.create(t.a, pending(t.draft(store.Pending), time.Hour))
	second := t.create(t.a, pending(t.draft(store.Pending), 2*time.Hour))
	t.takes(t.claim(t.a, "owner", 10))
	t.advance(59 * time.Minute)
	t.takes(t.claim(t.b, "owner", 10))
	t.advance(time.Minute)
	t.takes(t.claim(t.a, "owner", 10), first)
	t.advance(3 * time.Hour)
	now := edited(t.draft(store.Pending), func(r *store.Record) { r.Method = methodB })
	t.create(t.a, now)
	for _, want := range []*store.Record{second, third, now} {
		both := store.Claim{Owner: "owner", Methods: []string{methodB, methodA}, Limit: 1}
		t.takes(t.claimAs(t.b, both), want)
	}
}

func claimMethods(t *trial) {
	t.beat(t.a, "owner", day)
	of := func(method string) *store.Record {
		return t.create(t.a, edited(t.draft(store.Pending), func(r *store.Record) { r.Method = method }))
	}
	a, b := of(methodA), of(methodB)
	of("")
	of(methodA + "x")
	t.create(t.a, edited(cancelled(t.draft(store.Pending)), func(r *store.Record) { r.Method = "/other.Service/C" }))
	claim := func(methods ...string) []*store.Record {
		return t.claimAs(t.b, store.Claim{Owner: "owner", Methods: methods, Limit: 10})
	}
	t.takes(claim())
	t.takes(claim("/storetest.Service/", "/storetest.Service/%"))
	t.takes(claim(methodA, methodA), a)
	t.takes(claim(methodA, methodB), b)
}

func claimLimit(t *trial) {
	t.beat(t.a, "owner", day)
	t.createAll(t.a, t.drafts(7, store.Pending)...)
	b := edited(t.draft(store.Pending), func(r *store.Record) { r.Method = methodB })
	t.create(t.a, b)
	for _, want := range []int{3, 3, 2, 0} {
		c := store.Claim{Owner: "owner", Methods: []string{methodA, methodB}, Limit: 3}
		if got := t.claimAs(t.b, c); len(got) != want {
			t.fail("Claim of up to 3: got %d records, want %d", len(got), want)
		}
	}
}

// adoptsAtAll checks with a record of its own that "owner" gets orphans.
func (t *trial) adoptsAtAll() {
	t.beat(t.a, "forerunner", day)
	rec := t.owned("forerunner")
	t.resign(t.a, "forerunner")
	t.beat(t.b, "owner", day)
	if got := t.adopt(t.b, "owner", 1); len(got) != 1 || got[0].ID != rec.ID {
		t.broken(ruleAdopt, "Claim with Adopt: got %q, want %s of an owner that resigned", ids(got), rec.ID)
	}
}

func claimDeleted(t *trial) {
	t.adoptsAtAll()
	t.beat(t.a, "gone", day)
	orphan := t.create(t.a, running(deleted(t.draft(store.Running)), "gone"))
	waiting := t.create(t.a, deleted(t.draft(store.Pending)))
	t.takes(t.claim(t.b, "owner", 10), waiting)
	t.resign(t.a, "gone")
	t.takes(t.adopt(t.b, "owner", 10), orphan)
}

func claimOrphans(t *trial) {
	t.adoptsAtAll()
	t.beat(t.a, "gone", day)
	backlog := t.createAll(t.a, t.drafts(5, store.Pending)...)
	t.advance(time.Hour) // the backlog waits longer
	orphans := t.createAll(t.a, running(t.draft(store.Running), "gone"), running(t.draft(store.Running), "gone"),
		running(t.draft(store.Running), "gone"))
	t.resign(t.a, "gone")
	got := t.adopt(t.b, "owner", 2)
	got = append(got, t.adopt(t.b, "owner", 2)...)
	for _, rec := range orphans {
		if !slices.Contains(ids(got), rec.ID) {
			t.fail("two Claims of up to 2 with 3 orphans: got %q, want every orphan %q", ids(got), ids(orphans))
		}
	}
	if len(got) != 4 {
		t.fail("two Claims of up to 2: got %d records, want the orphans and one of the backlog", len(got))
	}
	got = append(got, t.adopt(t.b, "owner", 10)...)
	t.takes(got, append(backlog, orphans...)...)
}

func claimCancelled(t *trial) {
	t.adoptsAtAll()
	t.beat(t.a, "gone", day)
	foreign := func() *store.Record {
		return edited(running(t.draft(store.Running), "gone"), func(r *store.Record) { r.Method = methodB })
	}
	t.create(t.a, foreign())
	toCancel := t.create(t.a, cancelled(foreign()))
	mine := t.create(t.a, running(t.draft(store.Running), "gone"))
	t.resign(t.a, "gone")
	none := store.Claim{Owner: "owner", Limit: 10, Adopt: true}
	t.takes(t.claimAs(t.b, none), toCancel)
	t.takes(t.adopt(t.b, "owner", 10), mine)
	t.takes(t.adopt(t.b, "owner", 10))
}

func claimUnknown(t *trial) {
	waiting := t.create(t.a, t.draft(store.Pending))
	t.lostClaim(t.rule, t.b, "stranger")
	t.same(t.rule, t.get(t.a, waiting.Name), unasked(waiting))
	t.beat(t.b, "stranger", day)
	t.takes(t.claim(t.b, "stranger", 1), waiting)
}
