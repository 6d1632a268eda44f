package lro

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	spb "google.golang.org/genproto/googleapis/rpc/status"

	"github.com/longrunning-go/longrunning/lro/internal/filter"
	"github.com/longrunning-go/longrunning/store"
)

const (
	// scanBatch is how many records a list reads at a time, of which it may keep few:
	// it begins with as many as the page has, and takes more while they are small.
	scanBatch  = 200
	batchBytes = 1 << 20
	// A page ends short after so many records, or bytes of them: a slow page would
	// hold up its caller, who sees nothing of it.
	maxScan      = 5000
	maxScanBytes = 32 << 20
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
	q := l.q
	q.Limit = l.size + 1 // one more tells whether there are more
	for scanned, scannedBytes, pageBytes := 0, 0, 0; ; {
		batch, err := m.page(ctx, &q)
		if err != nil {
			return nil, "", err
		}
		before := scannedBytes
		for _, rec := range batch {
			if len(recs) == l.size || scanned == maxScan || scannedBytes > maxScanBytes {
				return recs, q.Before, nil
			}
			if l.selects(rec) {
				if pageBytes += shownBytes(rec); pageBytes > maxPageBytes && len(recs) > 0 {
					return recs, q.Before, nil
				}
				recs = append(recs, rec)
			}
			scanned++
			scannedBytes += shownBytes(rec) + len(rec.Checkpoint)
			q.Before = rec.ID
		}
		if len(batch) < q.Limit {
			return recs, "", nil
		}
		if scannedBytes-before < batchBytes {
			q.Limit = max(q.Limit, min(2*q.Limit, scanBatch))
		}
	}
}

// shownBytes answers about how large the operation of a record is.
func shownBytes(rec *store.Record) int { return len(rec.Metadata) + len(rec.Response) + len(rec.Error) }

// single reads the one operation that a filter names.
func (l *listing) single(ctx context.Context, m *Manager) ([]*store.Record, error) {
	parent, err := parentOf(l.name)
	if err != nil || l.q.Before != "" || l.parent == nil && parent != l.q.Parent {
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
	m.update(func(s *state) {
		for _, h := range s.methods {
			if h.hasMetadata() {
				types = append(types, h.meta.ProtoReflect().Descriptor())
			}
		}
	})
	slices.SortFunc(types, func(a, b protoreflect.MessageDescriptor) int { return cmp.Compare(a.FullName(), b.FullName()) })
	return slices.Compact(types)
}
