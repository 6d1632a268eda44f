package memstore

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"time"

	"github.com/tidwall/btree"

	"github.com/longrunning-go/longrunning/store"
)

// An index orders the records it holds by a key that ends in the ID.
type index struct {
	*btree.BTreeG[*store.Record]
	holds func(*store.Record) bool
}

func newIndex(holds func(*store.Record) bool, compare func(a, b *store.Record) int) index {
	less := func(a, b *store.Record) bool {
		return cmp.Or(compare(a, b), cmp.Compare(a.ID, b.ID)) < 0
	}
	return index{btree.NewBTreeGOptions(less, btree.Options{NoLocks: true}), holds}
}

type indexes struct {
	byID       index // all
	byParent   index // by parent
	byDueTime  index // pending, by method and due time
	byOwner    index // running, by owner
	cancelled  index // running and cancelled, by owner
	byDeadline index // not done, by deadline
	byExpiry   index // done, by expire time
}

func newIndexes() indexes {
	all := func(*store.Record) bool { return true }
	in := func(state store.State) func(*store.Record) bool {
		return func(r *store.Record) bool { return r.State == state }
	}
	return indexes{
		byID: newIndex(all, func(a, b *store.Record) int { return 0 }),
		byParent: newIndex(all, func(a, b *store.Record) int {
			return cmp.Compare(a.Parent, b.Parent)
		}),
		byDueTime: newIndex(in(store.Pending), func(a, b *store.Record) int {
			return cmp.Or(cmp.Compare(a.Method, b.Method), a.DueTime.Compare(b.DueTime))
		}),
		byOwner:   newIndex(in(store.Running), compareOwners),
		cancelled: newIndex(func(r *store.Record) bool { return r.State == store.Running && r.CancelRequested }, compareOwners),
		byDeadline: newIndex(func(r *store.Record) bool {
			return r.State != store.Done && !r.Deadline.IsZero()
		}, func(a, b *store.Record) int { return a.Deadline.Compare(b.Deadline) }),
		byExpiry: newIndex(in(store.Done), func(a, b *store.Record) int {
			return a.ExpireTime.Compare(b.ExpireTime)
		}),
	}
}

// reindex replaces old, if any, by next, if any.
func (x *indexes) reindex(old, next *store.Record) {
	for _, i := range []index{x.byID, x.byParent, x.byDueTime, x.byOwner, x.cancelled, x.byDeadline, x.byExpiry} {
		if old != nil && i.holds(old) {
			i.Delete(old)
		}
		if next != nil && i.holds(next) {
			i.Set(next)
		}
	}
}

func compareOwners(a, b *store.Record) int { return cmp.Compare(a.Owner, b.Owner) }

// of yields the records of one owner in an index by owner.
func (i index) of(owner string) iter.Seq[*store.Record] {
	return func(yield func(*store.Record) bool) {
		i.Ascend(&store.Record{Owner: owner}, func(rec *store.Record) bool {
			return rec.Owner == owner && yield(rec)
		})
	}
}

// orphans answers what the claim may adopt, by visiting each owner that is not
// alive. The caller holds mu.
func (s *Store) orphans(c *store.Claim) []*store.Record {
	var found []*store.Record
	for owner := ""; len(found) < c.Limit; owner += "\x00" {
		next, ok := "", false
		s.byOwner.Ascend(&store.Record{Owner: owner}, func(rec *store.Record) bool {
			next, ok = rec.Owner, true
			return false
		})
		if !ok {
			break
		}
		owner = next
		if s.alive(owner) {
			continue
		}
		for rec := range s.byOwner.of(owner) {
			if len(found) == c.Limit {
				break
			}
			if rec.CancelRequested || slices.Contains(c.Methods, rec.Method) {
				found = append(found, rec)
			}
		}
	}
	return found
}

// due answers up to limit pending records of the claim's methods, the longest
// due first. The caller holds mu.
func (s *Store) due(c *store.Claim, t time.Time, limit int) []*store.Record {
	var found []*store.Record
	for i, method := range c.Methods {
		if slices.Contains(c.Methods[:i], method) {
			continue
		}
		n := 0
		s.byDueTime.Ascend(&store.Record{Method: method}, func(rec *store.Record) bool {
			if n == limit || rec.Method != method || rec.DueTime.After(t) {
				return false
			}
			found = append(found, rec)
			n++
			return true
		})
	}
	slices.SortStableFunc(found, func(a, b *store.Record) int { return a.DueTime.Compare(b.DueTime) })
	return found[:min(limit, len(found))]
}

// expired answers up to limit records whose time has come. The caller holds mu.
func (s *Store) expired(t time.Time, limit int) []*store.Record {
	var found []*store.Record
	s.byExpiry.Scan(func(rec *store.Record) bool {
		if len(found) >= limit || rec.ExpireTime.After(t) {
			return false
		}
		found = append(found, rec)
		return true
	})
	return found
}

// List implements [store.Store].
func (s *Store) List(ctx context.Context, q *store.Query) ([]*store.Record, error) {
	if err := begin(ctx, "List"); err != nil {
		return nil, err
	}
	if err := q.Validate(); err != nil {
		return nil, err
	}
	var found []*store.Record
	s.mu.RLock()
	defer s.mu.RUnlock()
	t := now()
	for rec := range s.candidates(q, t) {
		if q.Before != "" && rec.ID >= q.Before ||
			q.Done != nil && *q.Done != (rec.State == store.Done) ||
			rec.Deleted && !q.SeesDeleted() ||
			q.Overdue && (rec.State == store.Done || rec.Deadline.IsZero() || rec.Deadline.After(t)) {
			continue
		}
		if found = append(found, rec); len(found) == q.Limit {
			break
		}
	}
	return found, nil
}

// candidates yields, ID descending, the records that may answer q.
func (s *Store) candidates(q *store.Query, t time.Time) iter.Seq[*store.Record] {
	descend := func(i index, in func(*store.Record) bool, pivot *store.Record) iter.Seq[*store.Record] {
		return func(yield func(*store.Record) bool) {
			i.Descend(pivot, func(rec *store.Record) bool { return in(rec) && yield(rec) })
		}
	}
	before := cmp.Or(q.Before, "\U0010ffff")
	switch {
	case q.Owner != "":
		return descend(s.byOwner, func(rec *store.Record) bool { return rec.Owner == q.Owner },
			&store.Record{Owner: q.Owner, ID: before})
	case q.Overdue:
		return slices.Values(s.overdue(t))
	case q.AllParents:
		return descend(s.byID, func(*store.Record) bool { return true }, &store.Record{ID: before})
	default:
		return descend(s.byParent, func(rec *store.Record) bool { return rec.Parent == q.Parent },
			&store.Record{Parent: q.Parent, ID: before})
	}
}

// overdue answers the records whose deadline has come, ID descending. There
// are few: they are ended as soon as they are seen.
func (s *Store) overdue(t time.Time) []*store.Record {
	var found []*store.Record
	s.byDeadline.Scan(func(rec *store.Record) bool {
		if rec.Deadline.After(t) {
			return false
		}
		found = append(found, rec)
		return true
	})
	slices.SortFunc(found, func(a, b *store.Record) int { return cmp.Compare(b.ID, a.ID) })
	return found
}
