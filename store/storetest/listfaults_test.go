package storetest_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

// listFaults are faults of List and Expire.
func listFaults() []fault {
	return []fault{
		listFault("List ascends", "lists: List answers records by ID", func(ctx context.Context, s *faulty, q *store.Query) ([]*store.Record, error) {
			got, err := s.Store.List(ctx, q)
			got = slices.Clone(got)
			slices.Reverse(got)
			return got, err
		}),
		listFault("pages are cut", "lists: Before is exclusive", func(ctx context.Context, s *faulty, q *store.Query) ([]*store.Record, error) {
			got, err := s.Store.List(ctx, q)
			return got[:min(len(got), max(1, q.Limit-1))], err
		}),
		listFault("a parent is a prefix", "lists: Parent selects exactly", func(ctx context.Context, s *faulty, q *store.Query) ([]*store.Record, error) {
			wide := *q
			if q.Parent != "" {
				wide.AllParents = true
			}
			return without(func(r *store.Record) bool {
				return !q.AllParents && !q.SeesDeleted() && !strings.HasPrefix(r.Parent, q.Parent)
			})(s.Store.List(ctx, &wide))
		}),
		listFault("Done is ignored", "lists: Done selects", func(ctx context.Context, s *faulty, q *store.Query) ([]*store.Record, error) {
			all := *q
			all.Done = nil
			return s.Store.List(ctx, &all)
		}),
		listFault("no query sees deleted records", "lists: Lists of a parent leave out", func(ctx context.Context, s *faulty, q *store.Query) ([]*store.Record, error) {
			return without(func(r *store.Record) bool { return r.Deleted })(s.Store.List(ctx, q))
		}),
		listFault("Owner looks at one parent", "lists: Owner selects", func(ctx context.Context, s *faulty, q *store.Query) ([]*store.Record, error) {
			return without(func(r *store.Record) bool {
				return q.Owner != "" && !q.AllParents && r.Parent != q.Parent
			})(s.Store.List(ctx, q))
		}),
		listFault("Overdue looks at one parent", "lists: Overdue selects", func(ctx context.Context, s *faulty, q *store.Query) ([]*store.Record, error) {
			return without(func(r *store.Record) bool {
				return q.Overdue && !q.AllParents && r.Parent != q.Parent
			})(s.Store.List(ctx, q))
		}),
		{"pages count rows", func(s *faulty) {
			var mu sync.Mutex
			rows := make(map[string]int) // before the page that begins after an ID
			s.list = func(ctx context.Context, q *store.Query) ([]*store.Record, error) {
				mu.Lock()
				defer mu.Unlock()
				skip, known := rows[q.Before]
				if q.Before != "" && !known || q.Limit < 1 || q.SeesDeleted() {
					return s.Store.List(ctx, q)
				}
				whole := *q
				whole.Before, whole.Limit = "", q.Limit+skip
				got, err := s.Store.List(ctx, &whole)
				got = got[min(skip, len(got)):]
				if len(got) > 0 {
					rows[got[len(got)-1].ID] = skip + len(got)
				}
				return got, err
			}
		}, "lists: ", nil},
		{"pages shift", func(s *faulty) {
			// A page that is asked for after a write begins one row late.
			var mu sync.Mutex
			written := false
			s.update = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				mu.Lock()
				defer mu.Unlock()
				written = true
				return s.Store.Update(ctx, rec)
			}
			s.list = func(ctx context.Context, q *store.Query) ([]*store.Record, error) {
				mu.Lock()
				defer mu.Unlock()
				got, err := s.Store.List(ctx, q)
				if written && q.Before != "" && len(got) == q.Limit {
					got = got[1:]
				}
				written = false
				return got, err
			}
		}, "lists: Pages return every record that stays", nil},

		expireFault("Expire only counts", "expire: Expire removes Done records", func(ctx context.Context, s *faulty, limit int) (int, error) {
			done, err := s.Store.List(ctx, &store.Query{AllParents: true, Done: new(true), Limit: limit})
			done, err = without(func(r *store.Record) bool { return r.ExpireTime.After(time.Now()) })(done, err)
			return len(done), err
		}),
		expireFault("Expire removes what is done", "expire: No record is removed before", func(ctx context.Context, s *faulty, limit int) (int, error) {
			return (&expiresEarly{s.Store}).Expire(ctx, limit)
		}),
		expireFault("Expire removes what is not done", "expire: No record is removed that is not Done", func(ctx context.Context, s *faulty, limit int) (int, error) {
			return (&expiresUndone{s.Store}).Expire(ctx, limit)
		}),
		expireFault("Expire has no limit", "expire: At most limit", func(ctx context.Context, s *faulty, _ int) (int, error) {
			return s.Store.Expire(ctx, 1000)
		}),
		{"Expire keeps request ids", func(s *faulty) {
			var mu sync.Mutex
			first := make(map[[3]string]*store.Record)
			s.create = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				mu.Lock()
				defer mu.Unlock()
				key := [3]string{rec.Parent, rec.Method, rec.RequestID}
				if old := first[key]; old != nil && rec.RequestID != "" && s.find(ctx, old.Name) == nil {
					return old, nil
				}
				got, err := s.Store.Create(ctx, rec)
				first[key] = got
				return got, err
			}
		}, "expire: The Name and the RequestID", []string{"create"}},
		{"Expire leaves request ids to the next of that name", func(s *faulty) {
			var mu sync.Mutex
			first := make(map[[3]string]string)
			s.create = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				mu.Lock()
				defer mu.Unlock()
				key := [3]string{rec.Parent, rec.Method, rec.RequestID}
				name, ok := first[key]
				if ok && rec.RequestID != "" && s.find(ctx, name) != nil {
					rec = changed(rec, func(r *store.Record) { r.Name = name })
				}
				got, err := s.Store.Create(ctx, rec)
				if err == nil {
					first[key] = got.Name
				}
				return got, err
			}
		}, "expire: The Name and the RequestID", nil},
		{"Expire counts what others remove", func(s *faulty) {
			var mu sync.Mutex
			flying := 0
			s.expire = func(ctx context.Context, limit int) (int, error) {
				mu.Lock()
				flying++
				mu.Unlock()
				time.Sleep(time.Millisecond)
				n, err := s.Store.Expire(ctx, limit)
				mu.Lock()
				defer mu.Unlock()
				if flying--; flying > 0 && n > 0 {
					n++
				}
				return n, err
			}
		}, "expire: Concurrent Expires", nil},
		{"Expire forgets the dead", func(s *faulty) {
			var mu sync.Mutex
			forgotten := false
			s.expire = func(ctx context.Context, limit int) (int, error) {
				mu.Lock()
				defer mu.Unlock()
				forgotten = true
				return s.Store.Expire(ctx, limit)
			}
			s.heartbeat = func(ctx context.Context, owner string, ttl time.Duration) ([]string, error) {
				mu.Lock()
				defer mu.Unlock()
				got, err := s.Store.Heartbeat(ctx, owner, ttl)
				if forgotten && err != nil {
					return nil, nil
				}
				return got, err
			}
		}, "expire: Expire forgets no owner", []string{"owners"}},
	}
}

func listFault(name, rule string, list func(context.Context, *faulty, *store.Query) ([]*store.Record, error)) fault {
	return fault{name, func(s *faulty) {
		s.list = func(ctx context.Context, q *store.Query) ([]*store.Record, error) { return list(ctx, s, q) }
	}, rule, nil}
}

func expireFault(name, rule string, expire func(context.Context, *faulty, int) (int, error)) fault {
	return fault{name, func(s *faulty) {
		s.expire = func(ctx context.Context, limit int) (int, error) { return expire(ctx, s, limit) }
	}, rule, nil}
}
