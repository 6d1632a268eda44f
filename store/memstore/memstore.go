package memstore

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"github.com/longrunning-go/longrunning/internal/hints"
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

	hub *hints.Hub
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
		hub:        hints.New(nil),
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

// beginWrite also turns away what belongs to a transaction of the caller.
func beginWrite(ctx context.Context, call string) error {
	if tx := store.TxOf(ctx); tx != nil {
		return fmt.Errorf("%w: memstore has no transactions, and %s was called with a %T", store.ErrTx, call, tx)
	}
	return begin(ctx, call)
}

// Create implements [store.Store].
func (s *Store) Create(ctx context.Context, rec *store.Record) (*store.Record, error) {
	if err := beginWrite(ctx, "Create"); err != nil {
		return nil, err
	}
	if err := rec.Validate(); err != nil {
		return nil, err
	}
	stored, created := s.create(rec)
	if created {
		if hint, ok := store.HintOf(nil, stored); ok {
			s.hub.Publish(hint)
		}
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

	next := rec.Created(now(), s.alive(rec.Owner))
	s.requests[rec.Name] = rec.Request
	if rec.RequestID != "" {
		s.requestIDs[key] = rec.Name
	}
	return s.withRequest(s.put(nil, next)), true
}

// put stores next in the place of old, if any, and answers it. The caller holds
// mu, and has made next for this.
func (s *Store) put(old, next *store.Record) *store.Record {
	next.Request = nil
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
	if err := beginWrite(ctx, "Update"); err != nil {
		return nil, err
	}
	if err := rec.Validate(); err != nil {
		return nil, err
	}
	old, next, err := s.update(rec)
	if err != nil {
		return nil, err
	}
	if hint, ok := store.HintOf(old, next); ok {
		s.hub.Publish(hint)
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
	if next, err = old.Updated(rec, now()); err != nil {
		return nil, nil, err
	}
	return old, s.put(old, next), nil
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

// Notify implements [store.Notifier].
func (s *Store) Notify(ctx context.Context, fn func(store.Hint)) error { return s.hub.Notify(ctx, fn) }

// Secret implements [store.Store].
func (s *Store) Secret(context.Context) ([]byte, error) { return s.secret, nil }
