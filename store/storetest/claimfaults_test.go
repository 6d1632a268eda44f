package storetest_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

// claimFaults are faults of Claim and Heartbeat, and of how dead owners write.
func claimFaults() []fault {
	return []fault{
		claimFault("Claim answers another owner", "claim: Claim makes its living owner", func(ctx context.Context, s *faulty, c *store.Claim) ([]*store.Record, error) {
			return each(func(r *store.Record) { r.Owner += "?" })(s.Store.Claim(ctx, c))
		}),
		claimFault("Claim answers without the Request", "claim: A Claim raises version", func(ctx context.Context, s *faulty, c *store.Claim) ([]*store.Record, error) {
			return each(func(r *store.Record) { r.Request = nil })(s.Store.Claim(ctx, c))
		}),
		{"Claim hands out twice", func(s *faulty) {
			twice := &claimsTwice{Store: s.Store}
			s.claim = twice.Claim
		}, "claim: No record is handed to two", nil},
		claimFault("Claim takes what is not due", "claim: Only Pending records that are due", func(ctx context.Context, s *faulty, c *store.Claim) ([]*store.Record, error) {
			waiting, _ := s.Store.List(ctx, &store.Query{AllParents: true, Done: new(false), Limit: 1000})
			for _, rec := range waiting {
				if rec.State == store.Pending && slices.Contains(c.Methods, rec.Method) && rec.DueTime.After(time.Now()) {
					_, _ = s.Store.Update(ctx, changed(rec, func(r *store.Record) { r.DueIn = 0 }))
				}
			}
			return s.Store.Claim(ctx, c)
		}),
		claimFault("Claim takes every method", "claim: Only Pending records of the Claim's methods", func(ctx context.Context, s *faulty, c *store.Claim) ([]*store.Record, error) {
			wide := *c
			wide.Methods = []string{"/storetest.Service/A", "/storetest.Service/B"}
			return s.Store.Claim(ctx, &wide)
		}),
		claimFault("Claim takes one too many", "claim: At most Limit", func(ctx context.Context, s *faulty, c *store.Claim) ([]*store.Record, error) {
			wide := *c
			if c.Limit > 0 {
				wide.Limit++
			}
			return s.Store.Claim(ctx, &wide)
		}),
		claimFault("Claim leaves deleted records", "claim: Deleted records", func(ctx context.Context, s *faulty, c *store.Claim) ([]*store.Record, error) {
			return without(func(r *store.Record) bool { return r.Deleted })(s.Store.Claim(ctx, c))
		}),
		claimFault("the backlog goes first", "claim: Orphans are taken before", func(ctx context.Context, s *faulty, c *store.Claim) ([]*store.Record, error) {
			first := *c
			first.Adopt = false
			got, err := s.Store.Claim(ctx, &first)
			if err != nil || !c.Adopt || len(got) == c.Limit {
				return got, err
			}
			rest := *c
			rest.Limit -= len(got)
			more, err := s.Store.Claim(ctx, &rest)
			return append(got, more...), err
		}),
		claimFault("cancelled orphans need their method", "claim: Orphans are taken if", func(ctx context.Context, s *faulty, c *store.Claim) ([]*store.Record, error) {
			return without(func(r *store.Record) bool { return !slices.Contains(c.Methods, r.Method) })(s.Store.Claim(ctx, c))
		}),
		claimFault("Claim registers", "claim: An owner that was never registered", func(ctx context.Context, s *faulty, c *store.Claim) ([]*store.Record, error) {
			got, err := s.Store.Claim(ctx, c)
			if errors.Is(err, store.ErrOwnerLost) {
				_, _ = s.Store.Heartbeat(ctx, c.Owner, time.Hour) // in vain for the dead
				return s.Store.Claim(ctx, c)
			}
			return got, err
		}),

		heartbeatFault("owners live twice as long", "owners: A Heartbeat keeps", func(ctx context.Context, s *faulty, owner string, ttl time.Duration) ([]string, error) {
			return s.Store.Heartbeat(ctx, owner, 2*ttl)
		}),
		{"a lapsed owner is dead", func(s *faulty) {
			var mu sync.Mutex
			until := make(map[string]time.Time)
			s.heartbeat = func(ctx context.Context, owner string, ttl time.Duration) ([]string, error) {
				mu.Lock()
				defer mu.Unlock()
				if end, ok := until[owner]; ok && !time.Now().Before(end) {
					return nil, store.ErrOwnerLost
				}
				got, err := s.Store.Heartbeat(ctx, owner, ttl)
				if err == nil {
					until[owner] = time.Now().Add(ttl)
				}
				return got, err
			}
		}, "owners: An owner that lapsed", nil},
		heartbeatFault("the dead rise", "owners: Death is for good", func(ctx context.Context, s *faulty, owner string, ttl time.Duration) ([]string, error) {
			return (&risesAgain{s.Store}).Heartbeat(ctx, owner, ttl)
		}),
		{"only who leaves orphans is marked dead", func(s *faulty) {
			s.claim = func(ctx context.Context, c *store.Claim) ([]*store.Record, error) {
				undone, _ := s.Store.List(ctx, &store.Query{AllParents: true, Done: new(false), Limit: 1000})
				some := *c
				some.Adopt = c.Adopt && slices.ContainsFunc(undone, func(r *store.Record) bool {
					return r.State == store.Running && (r.CancelRequested || slices.Contains(c.Methods, r.Method))
				})
				return s.Store.Claim(ctx, &some)
			}
		}, "owners: A Claim with Adopt marks", []string{"claim"}}, // List hides the deleted
		heartbeatFault("resigning is ignored", "owners: A ttl of 0 resigns", func(ctx context.Context, s *faulty, owner string, ttl time.Duration) ([]string, error) {
			if ttl == 0 {
				ttl = time.Hour
			}
			return s.Store.Heartbeat(ctx, owner, ttl)
		}),
		claimFault("the living are robbed", "owners: A record of a living owner", func(ctx context.Context, s *faulty, c *store.Claim) ([]*store.Record, error) {
			return (&robsLiving{s.Store}).Claim(ctx, c)
		}),
		claimFault("Claim renews", "owners: A Claim with Adopt marks nobody", func(ctx context.Context, s *faulty, c *store.Claim) ([]*store.Record, error) {
			if _, err := s.Store.Claim(ctx, &store.Claim{Owner: c.Owner, Limit: 1}); err == nil && c.Adopt {
				_, _ = s.Store.Heartbeat(ctx, c.Owner, time.Hour)
			}
			return s.Store.Claim(ctx, c)
		}),
		claimFault("every Claim adopts", "owners: A Claim without Adopt", func(ctx context.Context, s *faulty, c *store.Claim) ([]*store.Record, error) {
			adopting := *c
			adopting.Adopt = true
			return s.Store.Claim(ctx, &adopting)
		}),
		claimFault("nobody adopts", "owners: A Claim with Adopt takes", func(ctx context.Context, s *faulty, c *store.Claim) ([]*store.Record, error) {
			alone := *c
			alone.Adopt = false
			return s.Store.Claim(ctx, &alone)
		}),
		{"a dead owner cannot write", func(s *faulty) {
			s.update = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				if rec.Validate() == nil && s.dead(ctx, rec.Owner) {
					return nil, store.ErrOwnerLost
				}
				return s.Store.Update(ctx, rec)
			}
		}, "owners: A dead owner's Update", nil},
		{"a dead owner cannot create", func(s *faulty) {
			s.create = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				if rec.Validate() == nil && s.dead(ctx, rec.Owner) {
					return nil, store.ErrOwnerLost
				}
				return s.Store.Create(ctx, rec)
			}
		}, "owners: What is created as Running", nil},
		{"cancels are told once", func(s *faulty) {
			var mu sync.Mutex
			told := make(map[string]bool)
			s.heartbeat = func(ctx context.Context, owner string, ttl time.Duration) ([]string, error) {
				mu.Lock()
				defer mu.Unlock()
				got, err := s.Store.Heartbeat(ctx, owner, ttl)
				got = slices.DeleteFunc(got, func(name string) bool { return told[name] })
				for _, name := range got {
					told[name] = true
				}
				return got, err
			}
		}, "owners: A Heartbeat answers the names", nil},
	}
}

// dead reports whether owner is set, and dead or unknown.
func (s *faulty) dead(ctx context.Context, owner string) bool {
	if owner == "" {
		return false
	}
	_, err := s.Store.Claim(ctx, &store.Claim{Owner: owner, Limit: 1})
	return errors.Is(err, store.ErrOwnerLost)
}

// each answers what changes copies of records.
func each(change func(*store.Record)) func([]*store.Record, error) ([]*store.Record, error) {
	return func(recs []*store.Record, err error) ([]*store.Record, error) {
		out := make([]*store.Record, len(recs))
		for i, rec := range recs {
			out[i] = changed(rec, change)
		}
		return out, err
	}
}

func claimFault(name, rule string, claim func(context.Context, *faulty, *store.Claim) ([]*store.Record, error)) fault {
	return fault{name, func(s *faulty) {
		s.claim = func(ctx context.Context, c *store.Claim) ([]*store.Record, error) { return claim(ctx, s, c) }
	}, rule, nil}
}

func heartbeatFault(name, rule string, heartbeat func(context.Context, *faulty, string, time.Duration) ([]string, error)) fault {
	return fault{name, func(s *faulty) {
		s.heartbeat = func(ctx context.Context, owner string, ttl time.Duration) ([]string, error) {
			return heartbeat(ctx, s, owner, ttl)
		}
	}, rule, nil}
}
