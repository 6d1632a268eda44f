package proxy_test

import (
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/pgstore"
)

// Every write of pgstore is struck, after it was performed, and its outcome is
// unknown. What writes nothing is not struck.
func TestStore(t *testing.T) {
	t.Parallel()
	for name, batch := range map[string]int{"grouped": 0, "one by one": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := setup(t)
			opts := &pgstore.Options{Migrate: true, MaxBatch: batch}
			past, st := open(t, r.direct, opts), open(t, r.through, opts)
			ctx, one, two := t.Context(), draft("one"), draft("two")
			two.RequestID = "request"
			find := func(name string) *store.Record { return stored(t, past, name) }
			claim := func(owner string, adopt bool) error {
				_, err := st.Claim(ctx, &store.Claim{Owner: owner, Methods: []string{"/m"}, Limit: 9, Adopt: adopt})
				return err
			}
			update := func(change func(*store.Record)) error {
				rec := *find(one.Name)
				change(&rec)
				_, err := st.Update(ctx, &rec)
				return err
			}

			r.CutAfterCommit()
			for _, call := range []struct {
				name  string
				run   func() error
				wrote func() bool // whether the call did; nil if it has nothing to write
			}{
				{"Heartbeat", func() error { _, err := st.Heartbeat(ctx, "owner", time.Hour); return err }, func() bool { return alive(t, past, "owner") }},
				{"Claim of nothing", func() error { return claim("owner", true) }, nil},
				{"Create", func() error { _, err := st.Create(ctx, one); return err }, func() bool { return find(one.Name) != nil }},
				{"Create again", func() error { _, err := st.Create(ctx, one); return err }, nil},
				{"Create with a request id", func() error { _, err := st.Create(ctx, two); return err }, func() bool { return find(two.Name) != nil }},
				{"Create with a request id again", func() error { _, err := st.Create(ctx, two); return err }, nil},
				{"Get", func() error { _, err := st.Get(ctx, one.Name); return err }, nil},
				{"Get of two", func() error { _, err := st.Get(ctx, one.Name, two.Name); return err }, nil},
				{"List", func() error { _, err := st.List(ctx, &store.Query{AllParents: true, Limit: 9}); return err }, nil},
				{"Update", func() error { return update(func(r *store.Record) { r.Metadata = []byte("metadata") }) }, func() bool { return find(one.Name).Version == 2 }},
				{"Update of an earlier version", func() error { return update(func(r *store.Record) { r.Version-- }) }, nil},
				{"Claim", func() error { return claim("owner", false) }, func() bool { return find(one.Name).Epoch == 1 }},
				{"Heartbeat that resigns", func() error { _, err := st.Heartbeat(ctx, "owner", 0); return err }, func() bool { return !alive(t, past, "owner") }},
				{"Heartbeat of the dead", func() error { _, err := st.Heartbeat(ctx, "owner", time.Hour); return err }, nil},
				{"Claim of the dead", func() error { return claim("owner", false) }, nil},
				{"Claim that adopts", func() error {
					_, err := past.Heartbeat(ctx, "another", time.Hour)
					must(t, err)
					return claim("another", true)
				}, func() bool { return find(one.Name).Epoch == 2 }},
				{"Expire of nothing", func() error { _, err := st.Expire(ctx, 9); return err }, nil},
				{"Update to done", func() error {
					return update(func(r *store.Record) { r.State, r.Owner, r.Response = store.Done, "", []byte("response") })
				}, func() bool { return find(one.Name).State == store.Done }},
				{"Expire", func() error { _, err := st.Expire(ctx, 9); return err }, func() bool { return find(one.Name) == nil }},
			} {
				before := r.Struck().AfterCommit
				err := call.run()
				hits := r.Struck().AfterCommit - before
				if call.wrote == nil {
					if hits != 0 || err != nil && !isSentinel(err) {
						t.Errorf("%s writes nothing: it was struck %d times and answered %v", call.name, hits, err)
					}
					continue
				}
				if hits != 1 || err == nil || isSentinel(err) {
					t.Errorf("%s writes: it was struck %d times and answered %v; want once, and an unknown outcome", call.name, hits, err)
				}
				if !call.wrote() {
					t.Errorf("%s was struck before it was performed; want after", call.name)
				}
				r.CutAfterCommit()
			}
		})
	}
}

func open(t *testing.T, url string, opts *pgstore.Options) *pgstore.Store {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), url)
	must(t, err)
	t.Cleanup(pool.Close)
	st, err := pgstore.New(t.Context(), pool, opts)
	must(t, err)
	t.Cleanup(st.Close)
	return st
}

func draft(id string) *store.Record {
	return &store.Record{Name: "operations/" + id, ID: id, Method: "/m", Request: []byte("request"), State: store.Pending}
}

// stored answers the record of a name, nil if there is none.
func stored(t *testing.T, st store.Store, name string) *store.Record {
	t.Helper()
	recs, err := st.Get(t.Context(), name)
	must(t, err)
	if len(recs) == 0 {
		return nil
	}
	return recs[0]
}

// alive reports whether an owner is registered, by a Claim of nothing.
func alive(t *testing.T, st store.Store, owner string) bool {
	t.Helper()
	_, err := st.Claim(t.Context(), &store.Claim{Owner: owner, Limit: 1})
	return err == nil
}

func isSentinel(err error) bool {
	for _, is := range []error{store.ErrNotFound, store.ErrConflict, store.ErrOwnerLost, store.ErrInvalid, store.ErrTx} {
		if errors.Is(err, is) {
			return true
		}
	}
	return false
}
