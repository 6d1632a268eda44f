//go:build linux

package worker

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

// A mined store is a store with a failpoint before and after each write: there
// the process kills itself, if that is what it was told.
type mined struct {
	store.Store
	out *events

	mu     sync.Mutex
	armed  []string
	muted  time.Time
	owners map[string]bool          // the ids that were registered
	seen   map[string]*store.Record // by name: what was last read or written here, not done
}

var (
	_ store.Notifier      = (*mined)(nil)
	_ store.Transactional = (*mined)(nil)
)

// newMined answers one without its Store, which the caller adds.
func newMined(out *events) *mined {
	return &mined{out: out, owners: make(map[string]bool), seen: make(map[string]*store.Record)}
}

func (m *mined) obey(c Command) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c.Strike != nil {
		m.armed = c.Strike
	}
	if c.Mute > 0 {
		m.muted = time.Now().Add(c.Mute)
	}
}

// around runs a write between its failpoints.
func around[T any](m *mined, write string, call func() (T, error)) (T, error) {
	m.pass("before " + write)
	answer, err := call()
	m.failed(err)
	if err == nil {
		m.pass("after " + write)
	}
	return answer, err
}

func (m *mined) failed(err error) {
	for _, known := range []error{nil, store.ErrConflict, store.ErrNotFound, store.ErrOwnerLost, store.ErrInvalid, store.ErrTx} {
		if errors.Is(err, known) {
			return
		}
	}
	m.out.tell(Event{Kind: Failed, Text: err.Error()})
}

func (m *mined) pass(point string) {
	m.mu.Lock()
	armed := slices.Contains(m.armed, point)
	m.mu.Unlock()
	if armed {
		m.out.strike(point)
	}
}

// kill ends this process as the kernel would for want of memory.
func kill() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // nothing is done in the moment until the signal comes
}

func (m *mined) Create(ctx context.Context, rec *store.Record) (*store.Record, error) {
	write := createsPending
	switch rec.State {
	case store.Running:
		write = createsRunning
	case store.External:
		write = createsExternal
	default:
	}
	stored, err := around(m, write, func() (*store.Record, error) { return m.Store.Create(ctx, rec) })
	m.keep(stored)
	return stored, err
}

func (m *mined) Update(ctx context.Context, rec *store.Record) (*store.Record, error) {
	write := m.writes(rec)
	if rec.Epoch > 0 && (write == reports || write == saves || write == ends || write == lets) {
		m.out.tell(Event{Kind: Tries, Name: rec.Name, Epoch: rec.Epoch})
	}
	trespasses := m.trespasses(rec)
	stored, err := around(m, write, func() (*store.Record, error) { return m.Store.Update(ctx, rec) })
	if err == nil && trespasses {
		m.out.tell(Event{Kind: Trespassed, Name: rec.Name, Epoch: rec.Epoch})
	}
	m.keep(stored)
	return stored, err
}

// trespasses reports whether an update lets go of what another process runs. Who
// does that is not to be seen in the store, since such a write bears no stamp.
func (m *mined) trespasses(rec *store.Record) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := m.seen[rec.Name]
	return old != nil && old.Version == rec.Version && old.State == store.Running && !m.owners[old.Owner] &&
		(rec.State == store.Pending || rec.State == store.External)
}

func (m *mined) Claim(ctx context.Context, c *store.Claim) ([]*store.Record, error) {
	m.pass("before " + claims)
	recs, err := m.Store.Claim(ctx, c)
	m.failed(err)
	if len(recs) > 0 {
		m.pass("after " + claims)
	}
	m.keep(recs...)
	return recs, err
}

func (m *mined) Get(ctx context.Context, names ...string) ([]*store.Record, error) {
	recs, err := m.Store.Get(ctx, names...)
	m.keep(recs...)
	return recs, err
}

func (m *mined) Heartbeat(ctx context.Context, owner string, ttl time.Duration) ([]string, error) {
	m.mu.Lock()
	first := !m.owners[owner]
	m.owners[owner] = true
	m.mu.Unlock()
	if first {
		m.out.tell(Event{Kind: Owns, Text: owner})
	}
	return around(m, beats, func() ([]string, error) { return m.Store.Heartbeat(ctx, owner, ttl) })
}

// InTx implements [store.Transactional].
func (m *mined) InTx(ctx context.Context) bool {
	tx, ok := m.Store.(store.Transactional)
	return ok && tx.InTx(ctx)
}

// Notify implements [store.Notifier].
func (m *mined) Notify(ctx context.Context, fn func(store.Hint)) error {
	return m.Store.(store.Notifier).Notify(ctx, func(h store.Hint) {
		m.mu.Lock()
		muted := time.Now().Before(m.muted)
		m.mu.Unlock()
		if muted {
			m.out.tell(Event{Kind: MutedHint})
			return
		}
		fn(h)
	})
}

// keep remembers records, to tell later what an update changes.
func (m *mined) keep(recs ...*store.Record) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, rec := range recs {
		switch {
		case rec == nil:
		case rec.State == store.Done:
			delete(m.seen, rec.Name)
		default:
			m.seen[rec.Name] = rec
		}
	}
}

// writes answers which write an update is.
func (m *mined) writes(rec *store.Record) string {
	m.mu.Lock()
	old := m.seen[rec.Name]
	m.mu.Unlock()
	switch {
	case rec.State == store.Pending:
		return lets
	case old != nil && rec.CancelRequested && !old.CancelRequested:
		return cancels
	case old != nil && rec.Deleted && !old.Deleted:
		return deletes
	case rec.State == store.Done:
		return ends
	case rec.State == store.External && (old == nil || old.State == store.Running):
		return externalises
	case old != nil && !bytes.Equal(old.Checkpoint, rec.Checkpoint):
		return saves
	default:
		return reports
	}
}
