package sqlitestore_test

import (
	"path/filepath"
	"sync"
	"testing"

	"github.com/longrunning-go/longrunning/store/sqlitestore"
)

// A disk has little room until it is grown.
type disk struct {
	name string
	open func(t *testing.T) (st *sqlitestore.Store, path string)
	grow func(t *testing.T, st *sqlitestore.Store, path string)
}

// limited is a disk that SQLite believes to be full.
var limited = disk{
	name: "page limit",
	open: func(t *testing.T) (*sqlitestore.Store, string) {
		t.Helper()
		st, path := setup(t, nil)
		if _, err := st.Pragma(t.Context(), "max_page_count = 100"); err != nil {
			t.Fatal(err)
		}
		return st, path
	},
	grow: func(t *testing.T, st *sqlitestore.Store, _ string) {
		t.Helper()
		if _, err := st.Pragma(t.Context(), "max_page_count = 100000"); err != nil {
			t.Fatal(err)
		}
	},
}

// On a full disk writes fail, whole and clearly, reads go on, and once there is
// room the store does too.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	for _, d := range append(smallDisks(t), limited) {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			st, path := d.open(t)
			names := fillUp(t, st)
			if len(names) == 0 {
				t.Fatal("no write was made before the disk was full")
			}
			got, err := st.Get(t.Context(), names...)
			if err != nil || len(got) != len(names) {
				t.Errorf("Get on a full disk: got %d records and error %v, want the %d that were acknowledged", len(got), err, len(names))
			}
			d.grow(t, st, path)
			for range 10 {
				rec, createErr := st.Create(t.Context(), external())
				if createErr != nil {
					t.Fatalf("Create once there is room: got error %v, want none", createErr)
				}
				names = append(names, rec.Name)
			}
			got, err = open(t, path, nil).Get(t.Context(), names...)
			if err != nil || len(got) != len(names) {
				t.Errorf("Get: got %d records and error %v, want the %d that were acknowledged", len(got), err, len(names))
			}
			sound(t, rawDB(t, path))
		})
	}
}

// fillUp creates records until none fits, and answers the names of those that did.
func fillUp(t *testing.T, st *sqlitestore.Store) []string {
	t.Helper()
	var (
		mu      sync.Mutex
		names   []string
		callers sync.WaitGroup
	)
	for range 16 {
		callers.Go(func() {
			for range 10_000 {
				rec := external()
				rec.Request = make([]byte, 2000)
				if _, err := st.Create(t.Context(), rec); err != nil {
					refused(t, "Create on a full disk", err, "full", "make room")
					return
				}
				mu.Lock()
				names = append(names, rec.Name)
				mu.Unlock()
			}
			t.Error("the disk never gets full")
		})
	}
	callers.Wait()
	return names
}

// onDisk is a store on a small disk of its own.
func onDisk(t *testing.T, dir string) (*sqlitestore.Store, string) {
	t.Helper()
	path := filepath.Join(dir, "operations.db")
	return open(t, path, &sqlitestore.Options{Migrate: true}), path
}
