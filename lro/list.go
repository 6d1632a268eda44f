package lro

import (
	"context"
	"iter"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	"github.com/longrunning-go/longrunning/store"
)

// ListOptions select among the operations of a parent. Nil selects all.
type ListOptions struct {
	// Done, if set, selects by whether the operation is done.
	Done *bool
}

// List yields the operations of one parent, newest first; "" is the default
// parent. An operation that is there from before the first to after the last is
// yielded exactly once, whatever else comes and goes. The sequence ends after
// the first error: INVALID_ARGUMENT for a malformed parent, or UNAVAILABLE.
func (m *Manager) List(ctx context.Context, parent string, opts *ListOptions) iter.Seq2[*longrunningpb.Operation, error] {
	q := store.Query{Parent: parent, Limit: batch}
	if opts != nil {
		q.Done = opts.Done
	}
	return func(yield func(*longrunningpb.Operation, error) bool) {
		if err := checkParent(parent); err != nil {
			yield(nil, m.invalid(reasonInvalid, "parent", "%v", err))
			return
		}
		for q := q; ; {
			recs, err := m.page(ctx, &q)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, rec := range recs {
				op, err := m.operation(ctx, rec)
				if !yield(op, err) || err != nil {
					return
				}
			}
			if len(recs) < q.Limit {
				return
			}
			q.Before = recs[len(recs)-1].ID
		}
	}
}

func (m *Manager) page(ctx context.Context, q *store.Query) ([]*store.Record, error) {
	recs, err := persist(ctx, m, call{method: "List"}, patience, func(ctx context.Context) ([]*store.Record, error) {
		return m.store.List(ctx, q)
	})
	if err != nil {
		return nil, m.storeError(ctx, "", err)
	}
	return recs, nil
}
