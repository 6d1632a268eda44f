package lro

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	spb "google.golang.org/genproto/googleapis/rpc/status"

	"github.com/longrunning-go/longrunning/lro/internal/filter"
	"github.com/longrunning-go/longrunning/store"
)

const (
	// A list reads so many records at a time: few at first, since they may be large,
	// and twice as many while a batch is small, half as many when it is not.
	firstBatch = 32
	mostBatch  = 256
	batchBytes = 1 << 20
	// A page ends short after so many records, or bytes of them, or such a time: a
	// slow page would hold up its caller, who sees nothing of it.
	maxScan      = 5000
	maxScanBytes = 32 << 20
	maxScanTime  = time.Second
	// A page that a client of gRPC with default options can receive is below 4 MiB.
	maxPageBytes = 3 << 20
)

// A listing selects the operations of one list. What the store can serve stands in
// q; the rest is looked at record by record.
type listing struct {
	q      store.Query
	parent []string       // segments, "-" for any; nil if q.Parent says it
	filter *filter.Filter // nil selects all
	name   string         // the only one there can be, if not ""
	size   int            // of a page
}

// narrow takes what a filter has in common into the query.
func (l *listing) narrow(f *filter.Filter) {
	l.filter = f
	c := f.Conjuncts()
	l.q.Done, l.name = c.Done, c.Name
}

// wildcard selects by the pattern of a parent (AIP-159).
func (l *listing) wildcard(parent string) {
	l.q.Parent, l.q.AllParents, l.parent = "", true, strings.Split(parent, "/")
}

func isWildcard(parent string) bool {
	return slices.Contains(strings.Split(parent, "/"), "-")
}

// page reads one page. last is the ID of the last record that was looked at, and ""
// where the list ends.
func (l *listing) page(ctx context.Context, m *Manager) (recs []*store.Record, last string, err error) {
	if l.name != "" {
		recs, err = l.single(ctx, m)
		return recs, "", err
	}
	q, spent, began := l.q, effort{}, time.Now()
	for atOnce, shown := firstBatch, 0; ; {
		q.Limit = l.limit(atOnce, len(recs))
		batch, err := m.page(ctx, &q)
		if err != nil {
			return nil, "", err
		}
		before := spent.bytes
		spent.since = time.Now()
		for _, rec := range batch {
			if err := ctx.Err(); err != nil {
				return nil, "", m.storeError(ctx, "", err)
			}
			if len(recs) == l.size || spent.enough() {
				return recs, q.Before, nil
			}
			if l.selects(rec) {
				if shown += shownBytes(rec); shown > maxPageBytes && len(recs) > 0 {
					return recs, q.Before, nil
				}
				recs = append(recs, rec)
			}
			spent.on(rec)
			q.Before = rec.ID
		}
		if len(batch) < q.Limit {
			return recs, "", nil
		}
		if l.looks() && time.Since(began) > maxScanTime {
			return recs, q.Before, nil
		}
		atOnce = nextBatch(atOnce, spent.bytes-before)
	}
}

// limit is how many records to read next. One more than the page has room for tells
// whether there are more.
func (l *listing) limit(atOnce, have int) int {
	if l.looks() {
		return atOnce
	}
	return min(atOnce, l.size-have+1)
}

// looks reports whether records are read that may not be selected.
func (l *listing) looks() bool { return l.filter != nil || l.parent != nil }

// nextBatch is how many records to read after as many of so many bytes.
func nextBatch(atOnce, bytes int) int {
	switch {
	case bytes < batchBytes:
		return min(2*atOnce, mostBatch)
	case bytes > 2*batchBytes:
		return max(atOnce/2, 1)
	default:
		return atOnce
	}
}

// An effort is what a page has cost: the records that it looked at, and the time
// since it has the batch at hand. How long the store took is not in it.
type effort struct {
	since          time.Time
	records, bytes int
}

func (e *effort) on(rec *store.Record) {
	e.records++
	e.bytes += shownBytes(rec) + len(rec.Checkpoint)
}

// enough reports whether a page has cost what it may. One record it always may.
func (e *effort) enough() bool {
	return e.records >= maxScan || e.bytes > maxScanBytes || e.records > 0 && time.Since(e.since) > maxScanTime
}

// shownBytes answers about how large the operation of a record is.
func shownBytes(rec *store.Record) int { return len(rec.Metadata) + len(rec.Response) + len(rec.Error) }

// single reads the one operation that a filter names.
func (l *listing) single(ctx context.Context, m *Manager) ([]*store.Record, error) {
	parent, err := parentOf(l.name)
	if err != nil || l.parent == nil && parent != l.q.Parent {
		return nil, nil //nolint:nilerr // no operation has a malformed name
	}
	rec, err := m.visible(ctx, l.name)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case !l.selects(rec):
		return nil, nil
	}
	return []*store.Record{rec}, nil
}

func (l *listing) selects(rec *store.Record) bool {
	return (l.parent == nil || matchesParent(l.parent, rec.Parent)) && (l.filter == nil || l.filter.Matches(filtered(rec)))
}

func matchesParent(pattern []string, parent string) bool {
	segments := strings.Split(parent, "/")
	return slices.EqualFunc(pattern, segments, func(want, got string) bool { return want == got || want == "-" && got != "" })
}

// filtered is what a filter sees of a record.
func filtered(rec *store.Record) *filter.Operation {
	return &filter.Operation{
		Name: rec.Name, Method: rec.Method, Done: rec.State == store.Done, CancelRequested: rec.CancelRequested,
		Create: rec.CreateTime, Update: rec.UpdateTime, End: rec.EndTime, Expire: rec.ExpireTime, Attempt: rec.Epoch,
		Error: sync.OnceValue(func() *spb.Status {
			st := new(spb.Status)
			if rec.Error == nil || proto.Unmarshal(rec.Error, st) != nil {
				return nil
			}
			return st
		}),
		HasMetadata: rec.Metadata != nil,
		Metadata: sync.OnceValue(func() protoreflect.Message {
			wrapped := new(anypb.Any)
			if rec.Metadata == nil || proto.Unmarshal(rec.Metadata, wrapped) != nil {
				return nil
			}
			msg, err := wrapped.UnmarshalNew()
			if err != nil {
				return nil
			}
			return msg.ProtoReflect()
		}),
	}
}

// metadataTypes answers those of the methods that are known here, in the order of
// their names.
func (m *Manager) metadataTypes() (types []protoreflect.MessageDescriptor) {
	for _, h := range m.known() {
		if h.hasMetadata() {
			types = append(types, h.meta.ProtoReflect().Descriptor())
		}
	}
	slices.SortFunc(types, func(a, b protoreflect.MessageDescriptor) int { return cmp.Compare(a.FullName(), b.FullName()) })
	return slices.Compact(types)
}
