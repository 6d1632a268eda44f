package storetest_test

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

// recordFaults are faults of Create, Get, Update and of times.
func recordFaults() []fault {
	return []fault{
		{"Create answers without the Request", func(s *faulty) {
			s.create = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				got, err := s.Store.Create(ctx, rec)
				return s.bare(got), err
			}
		}, "create: Create stores a record", nil},
		{"the Carrier is lost", func(s *faulty) {
			s.out = func(r *store.Record) { r.Carrier = nil }
		}, "create: Create stores a record", nil},
		{"Create starts at epoch 0", func(s *faulty) {
			s.out = func(r *store.Record) {
				if r.Version == 1 {
					r.Epoch = 0
				}
			}
		}, "create: A record that is stored as Running", nil},
		{"Create replaces a record of the same name", func(s *faulty) {
			s.create = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				if s.find(ctx, rec.Name) != nil && rec.Validate() == nil {
					return s.force(ctx, rec)
				}
				return s.Store.Create(ctx, rec)
			}
		}, "create: Where the Name exists", []string{"outcomes", "times", "update"}},
		{"Update changes a Done record", func(s *faulty) {
			s.update = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				got, err := s.Store.Update(ctx, rec)
				if cur := s.find(ctx, rec.Name); errors.Is(err, store.ErrInvalid) && cur != nil && cur.State == store.Done {
					return rec, nil
				}
				return got, err
			}
		}, "update: An Update that would change more of a Done record", []string{"invalid"}},
		{"Create forgets the request ids of deleted records", func(s *faulty) {
			s.create = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				got, err := s.Store.Create(ctx, rec)
				if err == nil && got.ID != rec.ID && got.Name != rec.Name && got.Deleted {
					return s.Store.Create(ctx, changed(rec, func(r *store.Record) { r.RequestID = "" }))
				}
				return got, err
			}
		}, "create: Where the RequestID exists", nil},
		{"request ids count for all methods", func(s *faulty) {
			var mu sync.Mutex
			first := make(map[[2]string]string)
			s.create = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				mu.Lock()
				defer mu.Unlock()
				key := [2]string{rec.Parent, rec.RequestID}
				if old := s.find(ctx, first[key]); old != nil && rec.RequestID != "" && old.RequestID == rec.RequestID {
					rec = changed(rec, func(r *store.Record) { r.Name = old.Name })
				}
				got, err := s.Store.Create(ctx, rec)
				if err == nil {
					first[key] = got.Name
				}
				return got, err
			}
		}, "create: A RequestID counts for one", nil},
		{"Create is not atomic by name", func(s *faulty) {
			s.create = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				absent := s.find(ctx, rec.Name) == nil
				time.Sleep(time.Millisecond)
				got, err := s.Store.Create(ctx, rec)
				if err == nil && absent && got.Name == rec.Name {
					got = changed(got, func(r *store.Record) { r.ID = rec.ID })
				}
				return got, err
			}
		}, "create: Of concurrent Creates with one Name", nil},
		{"empty bytes are none", func(s *faulty) {
			s.out = func(r *store.Record) {
				if len(r.Response) == 0 {
					r.Response = nil
				}
				if len(r.Error) == 0 {
					r.Error = nil
				}
			}
		}, "create: A Response or Error that is set", nil},

		{"Get leaves out deleted records", func(s *faulty) {
			s.get = func(ctx context.Context, names ...string) ([]*store.Record, error) {
				return without(func(r *store.Record) bool { return r.Deleted })(s.Store.Get(ctx, names...))
			}
		}, "get: Get answers the records", []string{"create", "update", "outcomes", "lists", "claim", "expire", "owners"}},
		{"Get shortens names", func(s *faulty) {
			s.get = func(ctx context.Context, names ...string) ([]*store.Record, error) {
				var all []*store.Record
				for _, name := range names {
					rec := s.find(ctx, name)
					if rec == nil && name != "" {
						rec = s.find(ctx, name[:len(name)-1])
					}
					if rec != nil {
						all = append(all, rec)
					}
				}
				return all, ctx.Err()
			}
		}, "get: Names that no record has", []string{"invalid"}},
		{"Get answers the Request", func(s *faulty) {
			s.get = func(ctx context.Context, names ...string) ([]*store.Record, error) {
				got, err := s.Store.Get(ctx, names...)
				for i, rec := range got {
					got[i], err = s.Store.Create(ctx, rec)
				}
				return got, err
			}
		}, "get: Get answers records without", []string{"model"}},
		{"Get answers from a cache", func(s *faulty) {
			var mu sync.Mutex
			cache := make(map[string][]*store.Record)
			s.get = func(ctx context.Context, names ...string) ([]*store.Record, error) {
				if len(names) != 1 {
					return s.Store.Get(ctx, names...)
				}
				mu.Lock()
				defer mu.Unlock()
				if old := cache[names[0]]; len(old) > 0 && s.find(ctx, names[0]) != nil {
					return old, nil
				}
				got, err := s.Store.Get(ctx, names...)
				cache[names[0]] = got
				return got, err
			}
		}, "get: A write is visible", []string{"outcomes"}},

		{"Update drops the checkpoint", func(s *faulty) {
			s.update = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				return s.Store.Update(ctx, changed(rec, func(r *store.Record) { r.Checkpoint = nil }))
			}
		}, "update: Update replaces the fields", nil},
		{"Update counts twice", func(s *faulty) {
			s.update = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				got, err := s.Store.Update(ctx, rec)
				if err != nil {
					return nil, err
				}
				return s.Store.Update(ctx, changed(got, func(r *store.Record) { r.DueIn, r.ExpireIn = rec.DueIn, rec.ExpireIn }))
			}
		}, "update: Every Update raises", nil},
		{"Update takes the epoch", func(s *faulty) {
			s.update = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				got, err := s.Store.Update(ctx, rec)
				if err == nil {
					got = changed(got, func(r *store.Record) { r.Epoch = rec.Epoch })
				}
				return got, err
			}
		}, "update: Update ignores the fixed fields", nil},
		{"Update creates", func(s *faulty) {
			s.update = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				got, err := s.Store.Update(ctx, rec)
				if errors.Is(err, store.ErrNotFound) {
					return s.Store.Create(ctx, rec)
				}
				return got, err
			}
		}, "update: Update of a name that no record has", nil},
		raceFault("update: No update is lost"),
		raceFault("update: Of an Update and a Claim"),
		raceFault("update: Concurrent Creates, Updates and Gets"),
		{"Update ignores the version", func(s *faulty) {
			s.update = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				if rec.Validate() != nil {
					return s.Store.Update(ctx, rec)
				}
				return s.force(ctx, rec)
			}
		}, "update: Update swaps only", nil},

		{"times are local", func(s *faulty) {
			s.out = func(r *store.Record) { r.UpdateTime = r.UpdateTime.In(time.FixedZone("", 3600)) }
		}, "times: Every time is in UTC", nil},
		{"UpdateTime stays", func(s *faulty) {
			s.out = func(r *store.Record) { r.UpdateTime = r.CreateTime }
		}, "times: CreateTime is of Create", nil},
		{"EndTime moves", func(s *faulty) {
			s.out = func(r *store.Record) {
				if r.State == store.Done {
					r.EndTime = r.UpdateTime
				}
			}
		}, "times: EndTime is of the write", nil},
		{"Deadline moves", func(s *faulty) {
			s.out = func(r *store.Record) {
				if !r.Deadline.IsZero() {
					r.Deadline = r.Deadline.Add(r.UpdateTime.Sub(r.CreateTime))
				}
			}
		}, "times: Deadline is CreateTime", nil},
		{"DueTime is left behind", func(s *faulty) {
			s.out = func(r *store.Record) {
				if r.State != store.Pending {
					r.DueTime = r.CreateTime
				}
			}
		}, "times: DueTime is DueIn", nil},
		{"ExpireTime is set too early", func(s *faulty) {
			s.out = func(r *store.Record) {
				if r.State != store.Done {
					r.ExpireTime = r.UpdateTime
				}
			}
		}, "times: ExpireTime is ExpireIn", nil},
		{"answers hold input", func(s *faulty) {
			s.out = func(r *store.Record) { r.ExpireIn = time.Hour }
		}, "times: Timeout, DueIn and ExpireIn", nil},
	}
}

// raceFault is an Update that compares, and writes some time later.
func raceFault(rule string) fault {
	return fault{"Update compares, then writes", func(s *faulty) {
		s.update = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
			if cur := s.find(ctx, rec.Name); cur == nil || cur.Version != rec.Version || rec.Validate() != nil {
				return s.Store.Update(ctx, rec)
			}
			time.Sleep(time.Millisecond)
			return s.force(ctx, rec)
		}
	}, rule, nil}
}

// bare answers rec without its Request.
func (s *faulty) bare(rec *store.Record) *store.Record {
	if rec == nil {
		return nil
	}
	return changed(rec, func(r *store.Record) { r.Request = nil })
}

// without answers what leaves out the records that unwanted tells.
func without(unwanted func(*store.Record) bool) func([]*store.Record, error) ([]*store.Record, error) {
	return func(recs []*store.Record, err error) ([]*store.Record, error) {
		var out []*store.Record
		for _, rec := range recs {
			if !unwanted(rec) {
				out = append(out, rec)
			}
		}
		return out, err
	}
}
