package sqlitestore_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/sqlitestore"
)

// The write-ahead log does not grow for ever, though another Store reads and writes
// all the time.
func TestLogIsEmptied(t *testing.T) {
	t.Parallel()
	st, path := setup(t, nil)
	other := open(t, path, nil)
	stop := make(chan struct{})
	var busy sync.WaitGroup
	defer busy.Wait()
	defer close(stop)
	for range 2 {
		busy.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := other.List(t.Context(), &store.Query{AllParents: true, Limit: 100}); err != nil {
					t.Error(err)
				}
				if _, err := other.Heartbeat(t.Context(), "other", time.Hour); err != nil {
					t.Error(err)
				}
			}
		})
	}
	const payload, writes = 256 << 10, 400 // 100 MiB in all
	longest := int64(0)
	for range writes {
		rec := external()
		rec.Request = make([]byte, payload)
		if _, err := st.Create(t.Context(), rec); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path + "-wal"); err == nil {
			longest = max(longest, info.Size())
		}
	}
	if longest > writes*payload/2 {
		t.Errorf("the log got %d bytes long, want some 16 MiB", longest)
	}
}

// Acknowledged writes never go into a file that nobody finds.
func TestMovedFile(t *testing.T) {
	t.Parallel()
	for what, move := range map[string]func(path string) error{
		"removed":  os.Remove,
		"moved":    func(path string) error { return os.Rename(path, path+".old") },
		"replaced": func(path string) error { return os.Rename(path+".other", path) },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			st, path := setup(t, nil)
			open(t, path+".other", &sqlitestore.Options{Migrate: true})
			if _, err := st.Create(t.Context(), external()); err != nil {
				t.Fatal(err)
			}
			if err := move(path); err != nil {
				t.Fatal(err)
			}
			_, err := st.Create(t.Context(), external())
			refused(t, "Create in a file that was "+what, err, "moved, removed or replaced")
		})
	}
}

// Requests and responses are for nobody else on the machine.
func TestPermissions(t *testing.T) {
	t.Parallel()
	st, path := setup(t, nil)
	if _, err := st.Create(t.Context(), external()); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) != 3 {
		t.Fatalf("found %q, %v; want the file, -wal and -shm", files, err)
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v; want 0600", filepath.Base(file), info.Mode(), err)
		}
	}
}

// A carrier that a hand has written wrongly costs a trace, not the operation.
func TestBadCarrier(t *testing.T) {
	t.Parallel()
	st, path := setup(t, nil)
	if _, err := st.Heartbeat(t.Context(), "owner", time.Hour); err != nil {
		t.Fatal(err)
	}
	rec := external()
	rec.State = store.Pending
	if _, err := st.Create(t.Context(), rec); err != nil {
		t.Fatal(err)
	}
	db := rawDB(t, path)
	execute(t, db, "DROP TRIGGER operations_fixed")
	execute(t, db, `UPDATE operations SET carrier = '{"a":1}'`)
	got, err := st.Claim(t.Context(), &store.Claim{Owner: "owner", Methods: []string{rec.Method}, Limit: 1})
	if err != nil || len(got) != 1 {
		t.Errorf("Claim: got %d records and error %v, want the one", len(got), err)
	}
}
