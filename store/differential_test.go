package store_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"pgregory.net/rapid"

	"github.com/longrunning-go/longrunning/internal/pgtest"
	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/memstore"
	"github.com/longrunning-go/longrunning/store/pgstore"
	"github.com/longrunning-go/longrunning/store/sqlitestore"
)

// TestDifferential makes the same random calls to every store there is and
// compares what they answer. Nothing waits for time: what comes due does so at
// once, or not during the test.
func TestDifferential(t *testing.T) {
	t.Parallel()
	pool, err := pgxpool.New(t.Context(), pgtest.Database(t))
	must(t, err)
	defer pool.Close()
	var runs atomic.Int64
	rapid.Check(t, func(rt *rapid.T) {
		run := runs.Add(1)
		lite, err := sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "operations.db"), &sqlitestore.Options{Migrate: true})
		must(rt, err)
		defer func() { must(rt, lite.Close()) }()
		pg, err := pgstore.New(t.Context(), pool, &pgstore.Options{Migrate: true, Schema: fmt.Sprint("run ", run)})
		must(rt, err)
		defer pg.Close()
		m := &machine{ctx: t.Context(), stores: []store.Store{memstore.New(), lite, pg}}
		rt.Repeat(map[string]func(*rapid.T){
			"Create":    m.create,
			"Update":    m.update,
			"Claim":     m.claim,
			"Heartbeat": m.heartbeat,
			"List":      m.list,
			"Get":       m.get,
			"Expire":    m.expire,
		})
	})
}

func must(t interface {
	Helper()
	Fatal(args ...any)
}, err error,
) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A machine makes calls and remembers what the first store answered.
type machine struct {
	ctx    context.Context //nolint:containedctx // of the test, for the actions that rapid calls
	stores []store.Store
	ids    int
	known  []*store.Record // as they were last answered
}

// each makes a call to every store and fails unless all answers are alike.
func each[T any](rt *rapid.T, m *machine, what string, call func(store.Store) (T, error), show func(T) string) T {
	rt.Helper()
	var first T
	var want string
	for i, st := range m.stores {
		answer, err := call(st)
		got := show(answer)
		if err != nil {
			got = sentinel(rt, err)
		}
		if i == 0 {
			first, want = answer, got
		} else if got != want {
			rt.Fatalf("%s: %T answers\n%s\nand %T\n%s", what, m.stores[0], want, st, got)
		}
	}
	return first
}

func sentinel(rt *rapid.T, err error) string {
	for _, s := range []error{store.ErrNotFound, store.ErrConflict, store.ErrOwnerLost, store.ErrInvalid, store.ErrTx} {
		if errors.Is(err, s) {
			return s.Error()
		}
	}
	rt.Fatalf("an error that is no sentinel: %v", err)
	return ""
}

// show prints a record but for the values of its times.
func show(rec *store.Record) string {
	if rec == nil {
		return "no record"
	}
	var b strings.Builder
	v := reflect.ValueOf(rec).Elem()
	for i := range v.NumField() {
		switch f := v.Field(i).Interface().(type) {
		case time.Time:
			fmt.Fprintf(&b, " %s set: %v", v.Type().Field(i).Name, !f.IsZero())
		case []byte:
			fmt.Fprintf(&b, " %s: %q", v.Type().Field(i).Name, f)
		default:
			fmt.Fprintf(&b, " %s: %v", v.Type().Field(i).Name, f)
		}
	}
	return b.String()
}

func showAll(recs []*store.Record) string {
	lines := make([]string, len(recs))
	for i, rec := range recs {
		lines[i] = show(rec)
	}
	return strings.Join(lines, "\n")
}

// showSet is showAll where the order is free.
func showSet(recs []*store.Record) string {
	return showAll(slices.SortedFunc(slices.Values(recs), func(a, b *store.Record) int { return cmp.Compare(a.ID, b.ID) }))
}

func (m *machine) learn(rec *store.Record) {
	m.known = slices.DeleteFunc(m.known, func(r *store.Record) bool { return r.Name == rec.Name })
	m.known = append(m.known, rec)
}

var (
	parents = rapid.SampledFrom([]string{"", "projects/a", "projects/a/b", "projects/ä", "Projects/A"})
	methods = rapid.SampledFrom([]string{"", "/a", "/b"})
	owners  = rapid.SampledFrom([]string{"one", "two", "three", "nobody"})
	some    = rapid.SampledFrom([][]byte{nil, {}, {0}, []byte("text"), {0xff, 0, '\n'}})
	soon    = rapid.SampledFrom([]time.Duration{0, time.Hour})
)

// content fills in what package lro sets.
func content(rt *rapid.T, rec *store.Record) {
	rec.State = rapid.SampledFrom([]store.State{store.Pending, store.Running, store.External, store.Done}).Draw(rt, "state")
	rec.Owner, rec.Response, rec.Error, rec.DueIn, rec.ExpireIn = "", nil, nil, 0, 0
	rec.Released, rec.Retried = rapid.IntRange(0, 3).Draw(rt, "released"), rapid.IntRange(0, 3).Draw(rt, "retried")
	rec.CancelRequested, rec.Deleted = rapid.Bool().Draw(rt, "cancelled"), rapid.IntRange(0, 4).Draw(rt, "deleted") == 0
	rec.Metadata, rec.Checkpoint = some.Draw(rt, "metadata"), some.Draw(rt, "checkpoint")
	switch rec.State {
	case store.Running:
		rec.Owner = owners.Draw(rt, "owner")
	case store.Pending:
		rec.DueIn = soon.Draw(rt, "due in")
	case store.Done:
		if rec.Response = some.Draw(rt, "response"); rec.Response == nil {
			rec.Error = []byte("error")
		}
		rec.ExpireIn = soon.Draw(rt, "expire in")
	case store.External:
	}
}

func (m *machine) create(rt *rapid.T) {
	m.ids++
	rec := &store.Record{
		ID: fmt.Sprintf("%04d", m.ids), Parent: parents.Draw(rt, "parent"), Method: methods.Draw(rt, "method"),
		RequestID: rapid.SampledFrom([]string{"", "", "x", "y"}).Draw(rt, "request id"),
		Request:   some.Draw(rt, "request"),
		Carrier:   rapid.SampledFrom([]map[string]string{nil, {"a": "ä", "": "\n"}}).Draw(rt, "carrier"),
		Timeout:   rapid.SampledFrom([]time.Duration{0, time.Microsecond, time.Hour}).Draw(rt, "timeout"),
	}
	rec.Name = rec.Parent + "/operations/" + rec.ID
	if len(m.known) > 0 && rapid.IntRange(0, 5).Draw(rt, "again") == 0 {
		rec.Name = rapid.SampledFrom(m.known).Draw(rt, "earlier").Name
	}
	content(rt, rec)
	got := each(rt, m, "Create", func(st store.Store) (*store.Record, error) { return st.Create(m.ctx, rec) }, show)
	if got != nil {
		m.learn(got)
	}
}

func (m *machine) update(rt *rapid.T) {
	if len(m.known) == 0 {
		rt.Skip("nothing to update")
	}
	rec := *rapid.SampledFrom(m.known).Draw(rt, "record")
	if rec.State == store.Done && rapid.Bool().Draw(rt, "only hide") {
		rec.Deleted, rec.ExpireIn = true, soon.Draw(rt, "expire in")
	} else {
		content(rt, &rec)
	}
	rec.Version += rapid.SampledFrom([]int64{0, 0, 0, 0, -1, 1}).Draw(rt, "version")
	got := each(rt, m, "Update", func(st store.Store) (*store.Record, error) { return st.Update(m.ctx, &rec) }, show)
	if got != nil {
		m.learn(got)
	}
}

// claim takes all there is where it adopts, since which orphans come first is free.
func (m *machine) claim(rt *rapid.T) {
	c := &store.Claim{
		Owner: owners.Draw(rt, "owner"), Adopt: rapid.Bool().Draw(rt, "adopt"), Limit: 1000,
		Methods: rapid.SliceOfN(methods, 0, 4).Draw(rt, "methods"),
	}
	if !c.Adopt {
		c.Limit = rapid.IntRange(0, 3).Draw(rt, "limit")
	}
	for _, rec := range each(rt, m, "Claim", func(st store.Store) ([]*store.Record, error) { return st.Claim(m.ctx, c) }, showSet) {
		m.learn(rec)
	}
}

func (m *machine) heartbeat(rt *rapid.T) {
	owner := rapid.SampledFrom([]string{"one", "two", "three"}).Draw(rt, "owner")
	ttl := rapid.SampledFrom([]time.Duration{time.Hour, time.Hour, time.Hour, 0, -1}).Draw(rt, "ttl")
	each(rt, m, "Heartbeat", func(st store.Store) ([]string, error) {
		names, err := st.Heartbeat(m.ctx, owner, ttl)
		slices.Sort(names)
		return names, err
	}, func(names []string) string { return fmt.Sprintf("%q", names) })
}

func (m *machine) list(rt *rapid.T) {
	q := &store.Query{
		Parent: parents.Draw(rt, "parent"), AllParents: rapid.Bool().Draw(rt, "all parents"),
		Done:  rapid.SampledFrom([]*bool{nil, new(true), new(false)}).Draw(rt, "done"),
		Owner: rapid.SampledFrom([]string{"", "", "one", "nobody"}).Draw(rt, "of owner"), Overdue: rapid.IntRange(0, 3).Draw(rt, "overdue") == 0,
		Limit: rapid.IntRange(0, 5).Draw(rt, "limit"),
	}
	if rapid.Bool().Draw(rt, "next page") {
		q.Before = fmt.Sprintf("%04d", rapid.IntRange(0, m.ids+1).Draw(rt, "before"))
	}
	each(rt, m, "List", func(st store.Store) ([]*store.Record, error) { return st.List(m.ctx, q) }, showAll)
}

func (m *machine) get(rt *rapid.T) {
	names := []string{"", "operations/none", "a\x00b", "\xff"}
	for _, rec := range m.known {
		names = append(names, rec.Name)
	}
	names = rapid.SliceOfDistinct(rapid.SampledFrom(names), rapid.ID).Draw(rt, "names")
	each(rt, m, "Get", func(st store.Store) ([]*store.Record, error) { return st.Get(m.ctx, names...) }, showSet)
}

func (m *machine) expire(rt *rapid.T) {
	each(rt, m, "Expire", func(st store.Store) (int, error) { return st.Expire(m.ctx, 1000) }, strconv.Itoa)
}
