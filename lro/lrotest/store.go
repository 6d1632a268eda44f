package lrotest

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// A Store is a memory store ([memstore]) that fails, and whose owners die, when a
// test says so: for what callers see of an outage, and for the second attempt of a
// handler. Several Managers on one Store are a fleet. It is safe for concurrent
// use.
type Store struct {
	mem *memstore.Store

	mu     sync.Mutex // held during every call
	fault  fault
	owners map[string]time.Duration // those that have registered, and for how long
	killed map[string]time.Duration // as owners
}

var (
	_ store.Store    = (*Store)(nil)
	_ store.Notifier = (*Store)(nil)
)

// A fault is what calls meet; the zero one is none.
type fault struct {
	err   error
	calls []string // none: all
	after bool     // the call is carried out
}

func (f fault) hits(call string) bool {
	return f.err != nil && (len(f.calls) == 0 || slices.Contains(f.calls, call))
}

// NewStore returns an empty store that works.
func NewStore() *Store {
	return &Store{mem: memstore.New(), owners: make(map[string]time.Duration), killed: make(map[string]time.Duration)}
}

// Fail makes calls fail with err until [Store.Mend], or until it is told
// otherwise: nothing is written or read. The calls are methods of [store.Store],
// such as "Create", which starts operations, and "Update", which is all that is
// written to them later but for claims; with none given, all fail. Hints go on.
// Mend before the test ends: a Manager that drains waits some seconds for its store.
//
// lro takes an error for an outage and repeats the call, unless it is a sentinel
// of package store: that is taken at its word. An outage alone costs no attempt,
// however long: who calls is answered UNAVAILABLE after some seconds, handlers go
// on, and what they make of it is stored when the store is back. Fail panics if
// err is nil or a call is unknown.
func (s *Store) Fail(err error, calls ...string) { s.set("Fail", fault{err: err, calls: calls}) }

// LoseAnswers is [Store.Fail], but the calls are carried out, and only their
// answers are lost. So who starts an operation is answered UNAVAILABLE, and there
// is one all the same: a caller who repeats the call with the same request id
// must find it (AIP-155).
func (s *Store) LoseAnswers(err error, calls ...string) {
	s.set("LoseAnswers", fault{err: err, calls: calls, after: true})
}

// Mend ends what Fail or LoseAnswers began.
func (s *Store) Mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault{}
}

func (s *Store) set(caller string, f fault) {
	if f.err == nil {
		panic(fmt.Sprintf("lrotest: Store.%s: the error is nil; to end a failure call Mend", caller))
	}
	var known []string
	for method := range reflect.TypeFor[store.Store]().Methods() {
		known = append(known, method.Name)
	}
	for _, call := range f.calls {
		if !slices.Contains(known, call) {
			panic(fmt.Sprintf("lrotest: Store.%s: no call is named %q; want some of %s", caller, call, strings.Join(known, ", ")))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// KillOwners does what the death of every process that uses the store does. Each
// owner is dead for good, and its operations are adopted, as attempts that were
// lost: the handlers run again, with [lro.Task.Attempt] one higher and the
// checkpoint and metadata that were stored last, until the method's MaxAttempts.
//
// In a test no process dies: its Managers stay and come back as new owners.
// The attempts that run are those of the dead. Their contexts end with
// [lro.ErrLeaseLost], mostly at once and with the next heartbeat at the latest,
// and what they write no longer arrives, whether they heed their contexts or not.
// Cancel, Delete, Complete and Fail are heard all the same.
//
// The Managers begin new work after a third of Options.LeaseTTL at most, and adopt
// after one to two LeaseTTLs: half a minute by default, of fake time in a bubble.
// Outside a bubble set LeaseTTL to a second; then it is two to three.
func (s *Store) KillOwners() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for owner := range s.owners {
		_, _ = s.mem.Heartbeat(context.Background(), owner, 0) // resigns; fails for who is dead already
	}
	maps.Copy(s.killed, s.owners)
	clear(s.owners)
}

// do makes a call, or not, as the fault says.
func do[T any](s *Store, call string, f func() (T, error)) (T, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	hit := s.fault.hits(call)
	if !hit || s.fault.after {
		answer, err := f()
		if !hit {
			return answer, err
		}
	}
	var none T
	return none, s.fault.err
}

// Create implements [store.Store].
func (s *Store) Create(ctx context.Context, rec *store.Record) (*store.Record, error) {
	return do(s, "Create", func() (*store.Record, error) { return s.mem.Create(ctx, rec) })
}

// Get implements [store.Store].
func (s *Store) Get(ctx context.Context, names ...string) ([]*store.Record, error) {
	return do(s, "Get", func() ([]*store.Record, error) { return s.mem.Get(ctx, names...) })
}

// Update implements [store.Store].
func (s *Store) Update(ctx context.Context, rec *store.Record) (*store.Record, error) {
	return do(s, "Update", func() (*store.Record, error) {
		if err := s.letGo(ctx, rec); err != nil {
			return nil, err
		}
		return s.mem.Update(ctx, rec)
	})
}

// letGo takes an operation that is to become next from its owner, if that was
// killed, and lets it wait for its adopter for as long as the owner would have been
// believed alive. Who writes next meets a conflict then; an attempt of the dead
// learns that it is fenced off, and frees the slot that the adopter may need. The
// caller holds mu.
func (s *Store) letGo(ctx context.Context, next *store.Record) error {
	recs, err := s.mem.Get(ctx, next.Name)
	if err != nil || len(recs) == 0 {
		return err
	}
	rec := *recs[0]
	due, dead := s.killed[rec.Owner]
	asked := next.CancelRequested && !rec.CancelRequested || next.Deleted && !rec.Deleted // by who is no owner
	if rec.State != store.Running || !dead || asked {
		return nil
	}
	rec.State, rec.Owner, rec.DueIn = store.Pending, "", due
	_, err = s.mem.Update(ctx, &rec)
	return err
}

// List implements [store.Store].
func (s *Store) List(ctx context.Context, q *store.Query) ([]*store.Record, error) {
	return do(s, "List", func() ([]*store.Record, error) { return s.mem.List(ctx, q) })
}

// Claim implements [store.Store].
func (s *Store) Claim(ctx context.Context, c *store.Claim) ([]*store.Record, error) {
	return do(s, "Claim", func() ([]*store.Record, error) { return s.mem.Claim(ctx, c) })
}

// Heartbeat implements [store.Store].
func (s *Store) Heartbeat(ctx context.Context, owner string, ttl time.Duration) ([]string, error) {
	return do(s, "Heartbeat", func() ([]string, error) {
		cancelled, err := s.mem.Heartbeat(ctx, owner, ttl)
		switch {
		case err != nil:
		case ttl == 0:
			delete(s.owners, owner)
		default:
			s.owners[owner] = ttl
		}
		return cancelled, err
	})
}

// Expire implements [store.Store].
func (s *Store) Expire(ctx context.Context, limit int) (int, error) {
	return do(s, "Expire", func() (int, error) { return s.mem.Expire(ctx, limit) })
}

// Secret implements [store.Store].
func (s *Store) Secret(ctx context.Context) ([]byte, error) {
	return do(s, "Secret", func() ([]byte, error) { return s.mem.Secret(ctx) })
}

// Notify implements [store.Notifier].
func (s *Store) Notify(ctx context.Context, fn func(store.Hint)) error {
	return s.mem.Notify(ctx, fn)
}
