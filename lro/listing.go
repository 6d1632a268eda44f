package lro

import (
	"context"
	"errors"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	spb "google.golang.org/genproto/googleapis/rpc/status"

	"github.com/longrunning-go/longrunning/lro/internal/filter"
	"github.com/longrunning-go/longrunning/store"
)

const (
	// scanBatch is how many records a list reads at a time, of which it may keep few.
	scanBatch = 200
	// maxScan is after how many records a page ends short: a slow page would hold up
	// its caller, who sees nothing of it.
	maxScan = 5000
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
	if l.filter != nil || l.parent != nil {
		q.Limit = max(scanBatch, q.Limit)
	}
	for scanned := 0; ; {
		batch, err := m.page(ctx, &q)
		if err != nil {
			return nil, "", err
		}
		for _, rec := range batch {
			if len(recs) == l.size || scanned == maxScan {
				return recs, q.Before, nil
			}
			if l.selects(rec) {
				recs = append(recs, rec)
			}
			scanned++
			q.Before = rec.ID
		}
		if len(batch) < q.Limit {
			return recs, "", nil
		}
	}
}

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
		Error: func() (int32, string, bool) {
			st := new(spb.Status)
			if rec.Error == nil || proto.Unmarshal(rec.Error, st) != nil {
				return 0, "", false
			}
			return st.GetCode(), st.GetMessage(), true
		},
		Metadata: func() protoreflect.Message {
			wrapped := new(anypb.Any)
			if rec.Metadata == nil || proto.Unmarshal(rec.Metadata, wrapped) != nil {
				return nil
			}
			msg, err := wrapped.UnmarshalNew()
			if err != nil {
				return nil
			}
			return msg.ProtoReflect()
		},
	}
}

// metadataTypes answers those of the methods that are known here.
func (m *Manager) metadataTypes() (types []protoreflect.MessageDescriptor) {
	m.update(func(s *state) {
		for _, h := range s.methods {
			if h.hasMetadata() {
				types = append(types, h.meta.ProtoReflect().Descriptor())
			}
		}
	})
	return types
}
