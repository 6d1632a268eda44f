package sqlitestore_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/sqlitestore"
	"github.com/longrunning-go/longrunning/store/storetest"
)

// setup answers a Store on a fresh file.
func setup(tb testing.TB, opts *sqlitestore.Options) (*sqlitestore.Store, string) {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "operations.db")
	if err := sqlitestore.Migrate(tb.Context(), path); err != nil {
		tb.Fatal(err)
	}
	return open(tb, path, opts), path
}

// open answers one more Store on a file, and closes it at the end.
func open(tb testing.TB, path string, opts *sqlitestore.Options) *sqlitestore.Store {
	tb.Helper()
	st, err := sqlitestore.Open(tb.Context(), path, opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := st.Close(); err != nil {
			tb.Errorf("Close: got error %v, want none", err)
		}
	})
	return st
}

type database struct{ path string }

func (d database) Open(tb testing.TB) store.Store {
	tb.Helper()
	return open(tb, d.path, nil)
}

func (d database) Advance(by time.Duration) { time.Sleep(by) }

func TestContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, storetest.Harness{
		New: func(tb testing.TB) storetest.Database {
			tb.Helper()
			path := filepath.Join(tb.TempDir(), "operations.db")
			if err := sqlitestore.Migrate(tb.Context(), path); err != nil {
				tb.Fatal(err)
			}
			return database{path}
		},
		Bubble: true,
	})
}

func TestSynchronous(t *testing.T) {
	t.Parallel()
	for want, opts := range map[string]*sqlitestore.Options{
		"2": nil, "1": {Synchronous: sqlitestore.Normal}, // as PRAGMA synchronous counts
	} {
		st, _ := setup(t, opts)
		if got, err := st.Pragma(t.Context(), "synchronous"); err != nil || got != want {
			t.Errorf("PRAGMA synchronous with %+v: got %s and error %v, want %s", opts, got, err, want)
		}
	}
}

// Bytes that are no text find nothing, not what reads the same once they are
// replaced.
func TestBytesThatAreNoText(t *testing.T) {
	t.Parallel()
	st, _ := setup(t, nil)
	rec := fresh()
	rec.Name, rec.Method = "operations/\ufffd", "/\ufffd"
	for _, owner := range []string{"owner", "adopter"} {
		if _, err := st.Heartbeat(t.Context(), owner, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := st.Create(t.Context(), rec); err != nil {
		t.Fatal(err)
	}
	for _, names := range [][]string{{"operations/\xff"}, {"operations/\xff", "other"}} {
		if got, err := st.Get(t.Context(), names...); err != nil || len(got) != 0 {
			t.Errorf("Get of %q: got %v and error %v, want nothing", names, got, err)
		}
	}
	if _, err := st.Heartbeat(t.Context(), "owner", 0); err != nil {
		t.Fatal(err)
	}
	c := &store.Claim{Owner: "adopter", Methods: []string{"/\xff"}, Limit: 1, Adopt: true}
	if got, err := st.Claim(t.Context(), c); err != nil || len(got) != 0 {
		t.Errorf("Claim of method %q: got %v and error %v, want nothing", c.Methods, got, err)
	}
}

func TestExpireOfNone(t *testing.T) {
	t.Parallel()
	st, _ := setup(t, nil)
	rec := external()
	rec.State, rec.Response = store.Done, []byte("response")
	if _, err := st.Create(t.Context(), rec); err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int{0, -1} {
		if n, err := st.Expire(t.Context(), limit); err != nil || n != 0 || !exists(t, st, rec.Name) {
			t.Errorf("Expire of up to %d: got %d and error %v, want nothing to be removed", limit, n, err)
		}
	}
}
