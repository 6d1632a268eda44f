package memstore

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

// A Store is a [store.Store] in memory. It is safe for concurrent use.
type Store struct {
	secret []byte

	records *records

	mu         sync.RWMutex
	requests   map[string][]byte     // by name
	requestIDs map[requestKey]string // names
	owners     map[string]*owner
	indexes

	subscriptions
}

var (
	_ store.Store    = (*Store)(nil)
	_ store.Notifier = (*Store)(nil)
)

type requestKey struct{ parent, method, requestID string }

// New returns an empty store.
func New() *Store {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails: see crypto/rand
	return &Store{
		secret:     secret,
		records:    newRecords(),
		requests:   make(map[string][]byte),
		requestIDs: make(map[requestKey]string),
		owners:     make(map[string]*owner),
		indexes:    newIndexes(),
	}
}

func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// begin turns away a call whose context has ended, before anything is written.
func begin(ctx context.Context, call string) error {
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("memstore: %s not begun: %w", call, err)
	}
	return nil
}

// Create implements [store.Store].
func (s *Store) Create(ctx context.Context, rec *store.Record) (*store.Record, error) {
	if err := begin(ctx, "Create"); err != nil {
		return nil, err
	}
	if err := rec.Validate(); err != nil {
		return nil, err
	}
	stored, created := s.create(rec)
	if created {
		s.publish(store.Hint{Names: []string{stored.Name}, Due: stored.State == store.Pending})
	}
	return stored, nil
}

func (s *Store) create(rec *store.Record) (stored *store.Record, created bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := requestKey{rec.Parent, rec.Method, rec.RequestID}
	earlier, ok := s.records.get(rec.Name)
	if !ok && rec.RequestID != "" {
		earlier, ok = s.records.get(s.requestIDs[key])
	}
	if ok {
		return s.withRequest(earlier), false
	}

	next := *rec
	next.Version, next.Epoch = 1, 0
	next.CreateTime, next.EndTime, next.Deadline = now(), time.Time{}, time.Time{}
	if rec.Timeout > 0 {
		next.Deadline = next.CreateTime.Add(rec.Timeout)
	}
	if next.State == store.Running {
		if s.alive(next.Owner) {
			next.Epoch = 1
		} else {
			next.State, next.Owner = store.Pending, ""
		}
	}
	s.requests[rec.Name] = rec.Request
	if rec.RequestID != "" {
		s.requestIDs[key] = rec.Name
	}
	return s.withRequest(s.put(nil, &next, next.CreateTime)), true
}

// put stamps next as written at t, stores it and answers it. The caller holds mu.
func (s *Store) put(old, next *store.Record, t time.Time) *store.Record {
	next.UpdateTime, next.DueTime, next.ExpireTime = t, time.Time{}, time.Time{}
	switch next.State {
	case store.Running, store.External:
	case store.Pending:
		next.DueTime = t.Add(next.DueIn)
	case store.Done:
		next.ExpireTime = t.Add(next.ExpireIn)
		if next.EndTime.IsZero() {
			next.EndTime = t
		}
	}
	next.Request, next.Timeout, next.DueIn, next.ExpireIn = nil, 0, 0, 0
	s.records.set(next)
	s.reindex(old, next)
	return next
}

func (s *Store) withRequest(rec *store.Record) *store.Record {
	answer := *rec
	answer.Request = s.requests[rec.Name]
	return &answer
}

// Get implements [store.Store].
func (s *Store) Get(ctx context.Context, names ...string) ([]*store.Record, error) {
	if err := begin(ctx, "Get"); err != nil {
		return nil, err
	}
	found := make([]*store.Record, 0, len(names))
	for _, name := range names {
		if rec, ok := s.records.get(name); ok {
			found = append(found, rec)
		}
	}
	return found, nil
}

// Update implements [store.Store].
func (s *Store) Update(ctx context.Context, rec *store.Record) (*store.Record, error) {
	if err := begin(ctx, "Update"); err != nil {
		return nil, err
	}
	if err := rec.Validate(); err != nil {
		return nil, err
	}
	old, next, err := s.update(rec)
	if err != nil {
		return nil, err
	}
	if due := next.State == store.Pending; due || changed(old, next) {
		s.publish(store.Hint{Names: []string{next.Name}, Due: due})
	}
	return next, nil
}

func (s *Store) update(rec *store.Record) (old, next *store.Record, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, ok := s.records.get(rec.Name)
	if !ok {
		return nil, nil, fmt.Errorf("%w: %q", store.ErrNotFound, rec.Name)
	}
	if old.Version != rec.Version {
		return nil, nil, fmt.Errorf("%w: %q is at version %d, the caller read %d", store.ErrConflict, rec.Name, old.Version, rec.Version)
	}
	set := *old
	set.Version++
	set.State, set.Owner = rec.State, rec.Owner
	set.Released, set.Retried = rec.Released, rec.Retried
	set.CancelRequested, set.Deleted = rec.CancelRequested, rec.Deleted
	set.Metadata, set.Checkpoint = rec.Metadata, rec.Checkpoint
	set.Response, set.Error = rec.Response, rec.Error
	set.DueIn, set.ExpireIn = rec.DueIn, rec.ExpireIn
	return old, s.put(old, &set, now()), nil
}

// changed reports whether somebody may wait for the difference; metadata and
// checkpoints are read when they are asked for.
func changed(old, next *store.Record) bool {
	return old.State != next.State || old.Owner != next.Owner ||
		old.CancelRequested != next.CancelRequested || old.Deleted != next.Deleted
}

// Expire implements [store.Store].
func (s *Store) Expire(ctx context.Context, limit int) (int, error) {
	if err := begin(ctx, "Expire"); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := now()
	s.forgetOwners(t)
	expired := s.expired(t, limit)
	for _, rec := range expired {
		s.records.remove(rec.Name)
		delete(s.requests, rec.Name)
		if rec.RequestID != "" {
			delete(s.requestIDs, requestKey{rec.Parent, rec.Method, rec.RequestID})
		}
		s.reindex(rec, nil)
	}
	return len(expired), nil
}

// Secret implements [store.Store].
func (s *Store) Secret(context.Context) ([]byte, error) { return s.secret, nil }
