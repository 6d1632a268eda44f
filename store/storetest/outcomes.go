package storetest

import (
	"context"
	"errors"

	"github.com/longrunning-go/longrunning/store"
)

const (
	ruleRepeatCreate rule = "outcomes: A Create that is repeated unchanged answers the record of the first, whatever became of it."
	ruleRepeatUpdate rule = "outcomes: An Update that is repeated unchanged conflicts; a re-read shows one version more and its content."
	ruleWhole        rule = "outcomes: A caller's ended context tears no write: the record is wholly old or wholly new."
	ruleUnknown      rule = "outcomes: A call whose context ends answers no sentinel, and no success that did not happen."
)

func outcomesCases() []testCase {
	return []testCase{
		{ruleRepeatCreate, outcomesRepeatCreate},
		{ruleRepeatUpdate, outcomesRepeatUpdate},
		{ruleWhole, outcomesEndedCreate},
		{ruleWhole, outcomesEndedUpdate},
		{ruleWhole, outcomesEndedClaim},
	}
}

func outcomesRepeatCreate(t *trial) {
	t.beat(t.a, "owner", day)
	again := func(s store.Store, rec, want *store.Record) {
		t.same(t.rule, t.recreate(t.rule, s, rec), want, "Request")
	}
	for _, requestID := range []string{"", "request"} {
		rec := edited(t.draft(store.Pending), func(r *store.Record) { r.RequestID = requestID })
		want := t.create(t.a, rec)
		again(t.b, rec, want)
		for _, claimed := range t.claim(t.b, "owner", 1) {
			want = claimed
		}
		again(t.a, rec, want)
		again(t.b, rec, t.update(t.b, deleted(done(want, day))))
	}
	held := running(t.draft(store.Running), "owner")
	again(t.b, held, t.create(t.a, held))
}

func outcomesRepeatUpdate(t *trial) {
	t.beat(t.a, "owner", day)
	cur := t.create(t.a, running(t.draft(store.Running), "owner"))
	for i, change := range []func(*store.Record) *store.Record{
		func(rec *store.Record) *store.Record { return marked(rec, "content") },
		cancelled,
		func(rec *store.Record) *store.Record { return done(rec, day) },
		deleted,
	} {
		write := change(unasked(cur))
		t.update(t.either(i), write)
		_, err := t.either(i+1).Update(t.ctx(), write)
		cur = t.get(t.either(i), write.Name)
		if cur.Version > write.Version+1 {
			t.broken(ruleCAS, "Update at version %d succeeded twice", write.Version)
		}
		if !errors.Is(err, store.ErrConflict) {
			t.fail("repeated Update: got error %v, want ErrConflict", err)
		}
		t.same(t.rule, cur, write, stored()...)
	}
}

// abandon makes a call whose context has ended before it, or ends during it.
func (t *trial) abandon(round int, call func(context.Context) error) error {
	ctx, cancel := context.WithCancel(t.ctx())
	defer cancel()
	if round%3 == 0 {
		cancel()
		return t.noSentinel(call(ctx))
	}
	var err error
	t.atOnce(round, func() { err = call(ctx) }, cancel)
	return t.noSentinel(err)
}

func (t *trial) noSentinel(err error) error {
	if isSentinel(err) {
		t.broken(ruleUnknown, "got error %v, want one that is no sentinel, or none", err)
	}
	return err
}

const abandoned = 30

func outcomesEndedCreate(t *trial) {
	t.create(t.a, t.draft(store.External)) // not abandoned, it is whole
	for round := range abandoned {
		rec := t.draft(store.External)
		err := t.abandon(round, func(ctx context.Context) error {
			_, err := t.a.Create(ctx, rec)
			return err
		})
		got := t.read(t.b, rec.Name)
		if err == nil && len(got) == 0 {
			t.broken(ruleUnknown, "Create of %q answered nil, but no record has that name", rec.Name)
		}
		for _, g := range got {
			t.same(t.rule, g, unasked(rec), stored()...)
		}
		t.same(t.rule, t.recreate(ruleRepeatCreate, t.b, rec), rec, append(stored(), "Request")...)
	}
}

func outcomesEndedUpdate(t *trial) {
	everything := func(rec *store.Record) *store.Record {
		return edited(done(rec, day), func(r *store.Record) {
			r.Released, r.Retried, r.CancelRequested, r.Deleted = 8, 9, true, true
			r.Metadata, r.Checkpoint = []byte("new"), []byte("new")
		})
	}
	t.update(t.a, everything(t.create(t.a, t.draft(store.External)))) // not abandoned, it is whole
	for round := range abandoned {
		before := unasked(t.create(t.a, t.draft(store.External)))
		write := everything(before)
		err := t.abandon(round, func(ctx context.Context) error {
			_, err := t.a.Update(ctx, write)
			return err
		})
		got := t.get(t.b, before.Name)
		if got.Version == before.Version {
			if err == nil {
				t.broken(ruleUnknown, "Update of %q answered nil, but wrote nothing", before.Name)
			}
			t.same(t.rule, got, before)
			continue
		}
		t.same(t.rule, got, edited(write, func(r *store.Record) { r.Version++ }), timed()...)
	}
}

func outcomesEndedClaim(t *trial) {
	t.beat(t.a, "owner", day)
	for round := range abandoned {
		before := unasked(t.create(t.a, t.draft(store.Pending)))
		var claimed []*store.Record
		err := t.abandon(round, func(ctx context.Context) (err error) {
			c := &store.Claim{Owner: "owner", Methods: []string{methodA}, Limit: 1}
			claimed, err = t.a.Claim(ctx, c)
			return err
		})
		got := t.get(t.b, before.Name)
		if err == nil && len(claimed) == 1 && claimed[0].ID == before.ID && got.State == store.Pending {
			t.broken(ruleUnknown, "Claim handed out %q, which is still PENDING", before.Name)
		}
		if got.State == store.Pending {
			t.same(t.rule, got, before)
		} else {
			t.same(t.rule, got, edited(running(before, "owner"), func(r *store.Record) {
				r.Version++
				r.Epoch++
			}), timed()...)
		}
	}
}
