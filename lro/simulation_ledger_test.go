package lro_test

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/longrunning-go/longrunning/internal/oracle"
	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// A ledger is the store that all replicas share. It notes every version that it
// commits, in the order of the commits.
type ledger struct {
	*memstore.Store
	blind  bool               // planted: Update takes any version for the one that it expects
	buried func(owner string) // called when a Claim takes an owner for dead

	mu      sync.Mutex
	history []oracle.Change
	newest  map[string]*store.Record // of what is stored
	labels  map[string]string        // of all that ever was, by name
	open    int                      // records that are not done
	leases  map[string]time.Time     // when those of the living owners lapse
}

func newLedger() *ledger {
	return &ledger{
		Store: memstore.New(), newest: make(map[string]*store.Record), labels: make(map[string]string),
		leases: make(map[string]time.Time),
	}
}

// note enters a record; the caller holds mu.
func (l *ledger) note(rec *store.Record) {
	l.history = append(l.history, oracle.Change{At: time.Now(), Record: rec})
	if old := l.newest[rec.Name]; old != nil && old.State != store.Done {
		l.open--
	}
	if rec.State != store.Done {
		l.open++
	}
	l.newest[rec.Name] = rec
}

func (l *ledger) Create(ctx context.Context, rec *store.Record) (*store.Record, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	stored, err := l.Store.Create(ctx, rec)
	if err == nil && l.newest[stored.Name] == nil {
		l.labels[stored.Name] = labelOf(rec)
		l.note(stored)
	}
	return stored, err
}

func (l *ledger) Update(ctx context.Context, rec *store.Record) (*store.Record, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if newest := l.newest[rec.Name]; l.blind && newest != nil {
		current := *rec
		current.Version = newest.Version
		rec = &current
	}
	stored, err := l.Store.Update(ctx, rec)
	if err == nil {
		l.note(stored)
	}
	return stored, err
}

func (l *ledger) Claim(ctx context.Context, c *store.Claim) ([]*store.Record, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	buries := c.Adopt && ctx.Err() == nil && time.Now().Before(l.leases[c.Owner])
	for owner, until := range l.leases {
		if buries && !time.Now().Before(until) {
			delete(l.leases, owner)
			if ctx.Done() != nil {
				l.buried(owner)
			} // else it comes late, when its owner is back and others are not: rare, and no care of its caller's helps
		}
	}
	recs, err := l.Store.Claim(ctx, c)
	for _, rec := range recs {
		l.note(rec)
	}
	return recs, err
}

func (l *ledger) Heartbeat(ctx context.Context, owner string, ttl time.Duration) ([]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	names, err := l.Store.Heartbeat(ctx, owner, ttl)
	if err == nil {
		l.leases[owner] = time.Now().Add(ttl)
	}
	return names, err
}

func (l *ledger) Expire(ctx context.Context, limit int) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, err := l.Store.Expire(ctx, limit)
	if n == 0 {
		return n, err
	}
	var removed []*store.Record
	for name, rec := range l.newest {
		if rec.State != store.Done || rec.ExpireTime.After(time.Now()) {
			continue
		}
		if recs, getErr := l.Get(ctx, name); getErr == nil && len(recs) == 0 {
			removed = append(removed, rec)
			delete(l.newest, name)
		}
	}
	slices.SortFunc(removed, func(a, b *store.Record) int { return cmp.Compare(a.ID, b.ID) })
	for _, rec := range removed {
		l.history = append(l.history, oracle.Change{At: time.Now(), Record: rec, Removed: true})
	}
	return n, err
}

// external answers what waits for somebody outside.
func (l *ledger) external() (names []string, open int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, rec := range l.newest {
		if rec.State == store.External {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, l.open
}

func (l *ledger) label(name string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.labels[name]
}

// labelOf answers what its client calls an operation; the name has chance in it.
func labelOf(rec *store.Record) string {
	if rec.RequestID != "" {
		return rec.RequestID
	}
	packed, req := new(anypb.Any), new(testpb.PrintRequest)
	if proto.Unmarshal(rec.Request, packed) != nil || packed.UnmarshalTo(req) != nil {
		return ""
	}
	return req.GetText()
}
