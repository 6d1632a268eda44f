package lro

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	"github.com/longrunning-go/longrunning/store"
)

// A Manager creates, tracks and completes the operations of one store, and runs
// their handlers. Any number of Managers, in any number of processes, may share
// a store. Its methods may be called from any goroutine; calls are trusted, and
// NewServer is where strangers are told apart.
//
// The operations that it answers, or its Methods and its LocalClient, are the
// caller's, but the bytes of the payloads in them are not: replace them, as a whole,
// instead of changing some.
type Manager struct {
	store store.Store
	opts  Options
	log   *slog.Logger
	hub   hub

	outage outage

	mu sync.Mutex
	st state

	// methods is replaced under mu until Run is called. It is no part of st, so that
	// Gets need not wait for mu.
	methods atomic.Pointer[map[string]*method]
}

// New makes a Manager on s. Register methods with Handle and Declare, then call
// Run. Nil opts means the defaults; an error names the option that is wrong.
func New(s store.Store, opts *Options) (*Manager, error) {
	if s == nil {
		return nil, errors.New("lro: New: the store is nil; memstore.New() is the simplest there is")
	}
	resolved, err := opts.resolve()
	if err != nil {
		return nil, err
	}
	return &Manager{
		store: s,
		opts:  resolved,
		log:   resolved.Logger,
		hub:   hub{topics: make(map[string]*topic)},

		outage: outage{log: resolved.Logger},
		st: state{
			held:   make(map[string]*attempt),
			usedBy: make(map[*method]int),
		},
	}, nil
}

// Get answers the latest state of an operation.
//
// Errors: ErrNotFound; INVALID_ARGUMENT for a malformed name; UNAVAILABLE.
func (m *Manager) Get(ctx context.Context, name string) (*longrunningpb.Operation, error) {
	rec, err := m.visible(ctx, name)
	if err != nil {
		return nil, err
	}
	return m.operation(ctx, rec)
}

// visible reads a record that has not been deleted.
func (m *Manager) visible(ctx context.Context, name string) (*store.Record, error) {
	if _, err := parentOf(name); err != nil {
		return nil, m.invalidName(err)
	}
	return m.shown(ctx, name)
}

// shown is visible for a name that has been checked.
func (m *Manager) shown(ctx context.Context, name string) (*store.Record, error) {
	rec, err := m.fetch(ctx, name)
	if err != nil {
		return nil, err
	}
	if rec.Deleted {
		return nil, m.notFound(name)
	}
	return rec, nil
}

// lookup reads a record by a name that a caller gave.
func (m *Manager) lookup(ctx context.Context, name string) (*store.Record, error) {
	if _, err := parentOf(name); err != nil {
		return nil, m.invalidName(err)
	}
	return m.fetch(ctx, name)
}

func (m *Manager) fetch(ctx context.Context, name string) (*store.Record, error) {
	rec, err := m.read(ctx, name, patience)
	if err != nil {
		return nil, m.storeError(ctx, name, err)
	}
	return rec, nil
}

func (m *Manager) invalidName(err error) error {
	return m.invalid(reasonInvalid, "name", "%v", err)
}

// observe tells all who wait here for a record what it has become.
func (m *Manager) observe(rec *store.Record) {
	m.hub.publish(rec)
	if a := m.attemptOf(rec.Name); a != nil {
		a.observe(rec)
	}
}
