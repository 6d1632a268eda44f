package storetest_test

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

// callFaults are faults of abandoned and bad calls, of hints, of records in
// other hands and of Secret.
func callFaults() []fault {
	return []fault{
		{"a repeated Create fails once the record was claimed", func(s *faulty) {
			s.create = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				got, err := s.Store.Create(ctx, rec)
				if err == nil && got.State == store.Running && got.Epoch > 0 && got.Version > 1 {
					return nil, store.ErrConflict
				}
				return got, err
			}
		}, "outcomes: A Create that is repeated", []string{"create"}},
		{"a repeated Update succeeds", func(s *faulty) {
			var mu sync.Mutex
			last := make(map[string]*store.Record)
			s.update = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				got, err := s.Store.Update(ctx, rec)
				mu.Lock()
				defer mu.Unlock()
				if old := last[rec.Name]; errors.Is(err, store.ErrConflict) && old != nil && old == rec {
					return s.find(ctx, rec.Name), nil
				}
				last[rec.Name] = rec
				return got, err
			}
		}, "outcomes: An Update that is repeated", nil},
		{"an abandoned Create is torn", func(s *faulty) {
			s.create = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				if ctx.Err() == nil {
					return s.Store.Create(ctx, rec)
				}
				_, err := s.Store.Create(context.WithoutCancel(ctx), changed(rec, func(r *store.Record) { r.Metadata = nil }))
				return nil, errors.Join(err, ctx.Err())
			}
		}, "outcomes: A caller's ended context", nil},
		{"an abandoned Update is torn", func(s *faulty) {
			s.update = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				if ctx.Err() == nil {
					return s.Store.Update(ctx, rec)
				}
				_, err := s.Store.Update(context.WithoutCancel(ctx), changed(rec, func(r *store.Record) { r.Metadata = nil }))
				return nil, errors.Join(err, ctx.Err())
			}
		}, "outcomes: A caller's ended context", nil},
		{"an abandoned Claim is torn", func(s *faulty) {
			s.claim = func(ctx context.Context, c *store.Claim) ([]*store.Record, error) {
				if ctx.Err() == nil {
					return s.Store.Claim(ctx, c)
				}
				got, err := s.Store.Claim(context.WithoutCancel(ctx), c)
				for _, rec := range got {
					_, err = s.Store.Update(context.WithoutCancel(ctx), rec) // one version too many
				}
				return nil, errors.Join(err, ctx.Err())
			}
		}, "outcomes: A caller's ended context", nil},
		{"an abandoned Update is a conflict", func(s *faulty) {
			s.update = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				if ctx.Err() != nil {
					return nil, store.ErrConflict
				}
				return s.Store.Update(ctx, rec)
			}
		}, "outcomes: A call whose context ends", nil},
		{"an abandoned Create succeeds", func(s *faulty) {
			s.create = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				if ctx.Err() != nil {
					return rec, nil //nolint:nilerr // that is the fault
				}
				return s.Store.Create(ctx, rec)
			}
		}, "outcomes: A call whose context ends", nil},

		hintFault("the first hint is not Due", "notify: The first hint", func(h store.Hint) (store.Hint, bool) {
			h.Due = h.Due && !h.All
			return h, true
		}),
		hintFault("hints have no names", "notify: A change of State", func(h store.Hint) (store.Hint, bool) {
			h.Names = nil
			return h, h.Due || h.All
		}),
		hintFault("hints are not Due", "notify: What may make", func(h store.Hint) (store.Hint, bool) {
			h.Due = h.All
			return h, true
		}),
		{"every write is hinted", func(s *faulty) {
			var mu sync.Mutex
			var fns []func(store.Hint)
			s.notify = func(ctx context.Context, fn func(store.Hint)) error {
				mu.Lock()
				fns = append(fns, func(h store.Hint) {
					if ctx.Err() == nil {
						fn(h)
					}
				})
				mu.Unlock()
				return s.Store.Notify(ctx, fn)
			}
			s.update = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				got, err := s.Store.Update(ctx, rec)
				mu.Lock()
				defer mu.Unlock()
				for _, fn := range fns {
					fn(store.Hint{Names: []string{rec.Name}})
				}
				return got, err
			}
		}, "notify: A write of metadata", nil},
		notifyFault("Notify answers an error", "notify: Notify answers nil", func(ctx context.Context, s *faulty, fn func(store.Hint)) error {
			return errors.Join(s.Store.Notify(ctx, fn), ctx.Err())
		}),
		notifyFault("Notify never returns", "notify: Notify answers nil", func(ctx context.Context, s *faulty, fn func(store.Hint)) error {
			_ = s.Store.Notify(ctx, fn)
			select {}
		}),
		notifyFault("hints come after Notify has returned", "notify: Notify answers nil", func(ctx context.Context, s *faulty, fn func(store.Hint)) error {
			go func() { _ = s.Store.Notify(context.WithoutCancel(ctx), fn) }()
			<-ctx.Done()
			return nil
		}),
		notifyFault("Notify gives up", "notify: Notify answers nil", func(ctx context.Context, s *faulty, fn func(store.Hint)) error {
			fn(store.Hint{All: true, Due: true})
			return errors.New("connection lost")
		}),

		{"Update counts in the record it is given", func(s *faulty) {
			s.update = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				got, err := s.Store.Update(ctx, rec)
				if err == nil {
					rec.Version = got.Version
				}
				return got, err
			}
		}, "immutable: The store changes no record", []string{"update", "outcomes"}},
		{"Expire clears the records it removes", func(s *faulty) {
			var mu sync.Mutex
			var answered []*store.Record
			s.get = func(ctx context.Context, names ...string) ([]*store.Record, error) {
				got, err := each(func(*store.Record) {})(s.Store.Get(ctx, names...))
				mu.Lock()
				defer mu.Unlock()
				answered = append(answered, got...)
				return got, err
			}
			s.expire = func(ctx context.Context, limit int) (int, error) {
				n, err := s.Store.Expire(ctx, limit)
				mu.Lock()
				defer mu.Unlock()
				for _, rec := range answered {
					if s.find(ctx, rec.Name) == nil {
						rec.Metadata = nil
					}
				}
				return n, err
			}
		}, "immutable: The store changes no record", nil},

		{"Create takes any state", func(s *faulty) {
			s.create = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				if rec.State == 0 {
					rec = changed(rec, func(r *store.Record) { r.State = store.External })
				}
				return s.Store.Create(ctx, rec)
			}
		}, "invalid: Create of a record", nil},
		{"Update corrects the owner", func(s *faulty) {
			s.update = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				if rec.State != store.Running {
					rec = changed(rec, func(r *store.Record) { r.Owner = "" })
				}
				return s.Store.Update(ctx, rec)
			}
		}, "invalid: Update to what", nil},
		{"a bad record fails its batch", func(s *faulty) {
			var mu sync.Mutex
			batch := make(map[*store.Record]bool)
			s.create = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				mu.Lock()
				batch[rec] = rec.Validate() == nil
				mu.Unlock()
				time.Sleep(time.Millisecond)
				mu.Lock()
				fails := false
				for _, good := range batch {
					fails = fails || !good
				}
				mu.Unlock()
				time.Sleep(time.Millisecond)
				mu.Lock()
				delete(batch, rec)
				mu.Unlock()
				if fails {
					return nil, store.ErrInvalid
				}
				return s.Store.Create(ctx, rec)
			}
		}, "invalid: A bad record harms no other", nil},
		{"Limit 0 is 1", func(s *faulty) {
			s.list = func(ctx context.Context, q *store.Query) ([]*store.Record, error) {
				wide := *q
				wide.Limit = max(1, q.Limit)
				return s.Store.List(ctx, &wide)
			}
		}, "invalid: A Limit below 1", nil},
		heartbeatFault("no owner is an owner", "invalid: A Heartbeat without an owner", func(ctx context.Context, s *faulty, owner string, ttl time.Duration) ([]string, error) {
			if owner == "" {
				return nil, nil
			}
			return s.Store.Heartbeat(ctx, owner, ttl)
		}),
		{"NUL in a name fails Get", func(s *faulty) {
			s.get = func(ctx context.Context, names ...string) ([]*store.Record, error) {
				if slices.Contains(names, "\x00") {
					return nil, errors.New("invalid byte sequence")
				}
				return s.Store.Get(ctx, names...)
			}
		}, "invalid: A read by what", nil},

		{"every Secret is new", func(s *faulty) {
			s.secret = func(context.Context) ([]byte, error) {
				secret := make([]byte, 32)
				_, err := rand.Read(secret)
				return secret, err
			}
		}, "secret: ", nil},
		{"a Create panics", func(s *faulty) {
			s.create = func(context.Context, *store.Record) (*store.Record, error) { panic("out of order") }
		}, "create: Create stores", []string{"get", "update", "times", "lists", "claim", "owners", "expire", "outcomes", "notify", "immutable", "invalid", "model", "tx"}},

		{"the transaction of another store is ignored", func(s *faulty) {
			s.create = func(ctx context.Context, rec *store.Record) (*store.Record, error) {
				return s.Store.Create(store.WithTx(ctx, nil), rec)
			}
		}, "tx: ", nil},
	}
}

func hintFault(name, rule string, change func(store.Hint) (_ store.Hint, send bool)) fault {
	return notifyFault(name, rule, func(ctx context.Context, s *faulty, fn func(store.Hint)) error {
		return s.Store.Notify(ctx, func(h store.Hint) {
			if changed, send := change(h); send {
				fn(changed)
			}
		})
	})
}

func notifyFault(name, rule string, notify func(context.Context, *faulty, func(store.Hint)) error) fault {
	return fault{name, func(s *faulty) {
		s.notify = func(ctx context.Context, fn func(store.Hint)) error { return notify(ctx, s, fn) }
	}, rule, nil}
}
