package storetest_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/memstore"
	"github.com/longrunning-go/longrunning/store/storetest"
)

// TestBroken runs the suite against stores that are broken on purpose, each in
// one method: the rule that is broken must be reported, and no other topic.
func TestBroken(t *testing.T) {
	t.Parallel()
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		found := storetest.Check(t, setup(memstore.New))
		t.Logf("the sound memstore: reported %d violations", len(found))
		for _, v := range found {
			t.Errorf("the sound memstore: got %v, want no violation", v)
		}
	})
	for _, c := range []struct {
		name  string
		open  func() store.Store
		topic string
		rule  string // how the sentence begins
	}{
		{"CAS ignored", func() store.Store { return &ignoresCAS{memstore.New()} }, "update", "Update swaps only the version"},
		{"paging repeats a row", func() store.Store { return &repeatsRow{memstore.New()} }, "lists", "Before is exclusive"},
		{"a claim for two owners", func() store.Store { return &claimsTwice{Store: memstore.New()} }, "claim", "No record is handed to two Claims"},
		{"a request id that is not atomic", func() store.Store { return &looksThenWrites{Store: memstore.New()} }, "create", "Of concurrent Creates with one RequestID"},
		{"expiry before completion", func() store.Store { return &expiresUndone{memstore.New()} }, "expire", "No record is removed that is not Done"},
		{"expiry before its time", func() store.Store { return &expiresEarly{memstore.New()} }, "expire", "No record is removed before its ExpireTime"},
		{"adoption from a living owner", func() store.Store { return &robsLiving{memstore.New()} }, "owners", "A record of a living owner is never adopted"},
		{"death that does not stick", func() store.Store { return &risesAgain{memstore.New()} }, "owners", "Death is for good"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			judge(t, c.name, storetest.Check(t, setup(c.open)), c.topic+": "+c.rule)
		})
	}
}

// judge prints the rules in found, of the store that is called broken, and
// checks that the wanted one is among them, given as "topic: how the sentence
// begins", and that no other topic is but those of also.
func judge(t *testing.T, broken string, found []storetest.Violation, want string, also ...string) {
	t.Helper()
	topic, _, _ := strings.Cut(want, ":")
	var rules []string
	for _, v := range found {
		if rules = append(rules, ruleOf(v)); v.Topic != topic && !slices.Contains(also, v.Topic) {
			t.Errorf("%s: got a violation of topic %s, want only of %s: %v", broken, v.Topic, topic, v)
		}
	}
	slices.Sort(rules)
	rules = slices.Compact(rules)
	for _, r := range rules {
		t.Logf("%s: reported %s", broken, r)
	}
	if !slices.ContainsFunc(rules, func(r string) bool { return strings.HasPrefix(r, want) }) {
		t.Errorf("%s: got violations of %q, want the rule %q", broken, rules, want)
	}
}

// ruleOf answers the rule of v behind its topic.
func ruleOf(v storetest.Violation) string { return v.Topic + ": " + v.Rule }

// ignoresCAS writes whatever version its caller read.
type ignoresCAS struct{ *memstore.Store }

func (s *ignoresCAS) Update(ctx context.Context, rec *store.Record) (*store.Record, error) {
	for {
		blind := *rec
		found, err := s.Get(ctx, rec.Name)
		if err != nil {
			return nil, err
		}
		if len(found) == 1 {
			blind.Version = found[0].Version
		}
		got, err := s.Store.Update(ctx, &blind)
		if !errors.Is(err, store.ErrConflict) {
			return got, err
		}
	}
}

// repeatsRow begins a page with the last row of the page before: "at or below"
// where "below" is meant.
type repeatsRow struct{ *memstore.Store }

func (s *repeatsRow) List(ctx context.Context, q *store.Query) ([]*store.Record, error) {
	at := *q
	if at.Before != "" {
		at.Before += "\x00"
	}
	return s.Store.List(ctx, &at)
}

// claimsTwice hands the last claimed record to the next owner as well.
type claimsTwice struct {
	*memstore.Store
	mu   sync.Mutex
	last *store.Record
}

func (s *claimsTwice) Claim(ctx context.Context, c *store.Claim) ([]*store.Record, error) {
	got, err := s.Store.Claim(ctx, c)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && len(got) < c.Limit && s.last != nil && s.last.Owner != c.Owner {
		again := *s.last
		again.Owner = c.Owner
		got = append(got, &again)
	}
	if len(got) > 0 {
		s.last = got[0]
	}
	return got, err
}

// looksThenWrites looks for the request id, and writes some time later.
type looksThenWrites struct {
	*memstore.Store
	mu   sync.Mutex
	seen map[[3]string]bool
}

func (s *looksThenWrites) Create(ctx context.Context, rec *store.Record) (*store.Record, error) {
	key := [3]string{rec.Parent, rec.Method, rec.RequestID}
	s.mu.Lock()
	seen := s.seen[key] || rec.RequestID == ""
	s.mu.Unlock()
	if seen {
		return s.Store.Create(ctx, rec)
	}
	time.Sleep(time.Millisecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.seen[key] {
		if s.seen == nil {
			s.seen = make(map[[3]string]bool)
		}
		s.seen[key] = true
		return s.Store.Create(ctx, rec)
	}
	second := *rec
	second.RequestID += "'" + rec.ID // past the check of memstore
	return s.Store.Create(ctx, &second)
}

// expiresUndone ends and removes whatever is not done.
type expiresUndone struct{ *memstore.Store }

func (s *expiresUndone) Expire(ctx context.Context, limit int) (int, error) {
	undone, err := s.List(ctx, &store.Query{AllParents: true, Done: new(false), Limit: limit})
	if err != nil {
		return 0, err
	}
	s.end(ctx, undone)
	return s.Store.Expire(ctx, limit)
}

// end makes records Done, to be removed now.
func (s *expiresUndone) end(ctx context.Context, recs []*store.Record) {
	for _, rec := range recs {
		end := *rec
		end.State, end.Owner, end.Response, end.ExpireIn = store.Done, "", []byte("ended"), 0
		_, _ = s.Update(ctx, &end)
	}
}

// expiresEarly removes whatever is done.
type expiresEarly struct{ *memstore.Store }

func (s *expiresEarly) Expire(ctx context.Context, limit int) (int, error) {
	all, err := s.List(ctx, &store.Query{AllParents: true, Done: new(true), Limit: limit})
	if err != nil {
		return 0, err
	}
	for _, rec := range all {
		now := *rec
		now.ExpireIn = 0
		_, _ = s.Update(ctx, &now)
	}
	return s.Store.Expire(ctx, limit)
}

// robsLiving adopts from any owner but the claimer.
type robsLiving struct{ *memstore.Store }

func (s *robsLiving) Claim(ctx context.Context, c *store.Claim) ([]*store.Record, error) {
	if c.Adopt && c.Limit > 0 {
		undone, err := s.List(ctx, &store.Query{AllParents: true, Done: new(false), Limit: 1000})
		if err != nil {
			return nil, err
		}
		for _, rec := range undone {
			if rec.State == store.Running && rec.Owner != c.Owner && slices.Contains(c.Methods, rec.Method) {
				loot := *rec
				loot.Owner = "nobody" // an orphan for memstore
				_, _ = s.Update(ctx, &loot)
			}
		}
	}
	return s.Store.Claim(ctx, c)
}

// risesAgain answers the Heartbeats of the dead.
type risesAgain struct{ *memstore.Store }

func (s *risesAgain) Heartbeat(ctx context.Context, owner string, ttl time.Duration) ([]string, error) {
	toCancel, err := s.Store.Heartbeat(ctx, owner, ttl)
	if errors.Is(err, store.ErrOwnerLost) {
		return nil, nil
	}
	return toCancel, err
}
