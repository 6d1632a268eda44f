package sqlitestore_test

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/sqlitestore"
)

// refused checks that err says all of want and is no sentinel.
func refused(t *testing.T, what string, err error, want ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: got no error, want one that says %q", what, want)
		return
	}
	for _, w := range append(want, "sqlitestore: ") {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%s: got error %q, want one that says %q", what, err, w)
		}
	}
	noSentinel(t, what, err)
}

func noSentinel(t *testing.T, what string, err error) {
	t.Helper()
	for _, s := range []error{store.ErrNotFound, store.ErrConflict, store.ErrOwnerLost, store.ErrInvalid, store.ErrTx} {
		if errors.Is(err, s) {
			t.Errorf("%s: got %v, want an error that is no sentinel", what, err)
		}
	}
}

// openFails opens a file in vain.
func openFails(ctx context.Context, t *testing.T, path string, opts *sqlitestore.Options) error {
	t.Helper()
	st, err := sqlitestore.Open(ctx, path, opts)
	if err == nil {
		_ = st.Close()
	}
	return err
}

func TestOpenOfNoFile(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{"": "memstore", ":memory:": "memstore", "a\x00b": "NUL", "file:a?mode=ro": "no URI"} {
		refused(t, "Open", openFails(t.Context(), t, path, nil), want)
		refused(t, "Migrate", sqlitestore.Migrate(t.Context(), path), want)
	}

	path := filepath.Join(t.TempDir(), "missing.db")
	refused(t, "Open of a file that is not there", openFails(t.Context(), t, path, nil), "Options.Migrate")
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Open without Migrate made a file, or: %v", err)
	}

	nowhere := filepath.Join(t.TempDir(), "nowhere", "operations.db")
	refused(t, "Open in a folder that is not there", openFails(t.Context(), t, nowhere, &sqlitestore.Options{Migrate: true}), "make it first")
	refused(t, "Migrate in a folder that is not there", sqlitestore.Migrate(t.Context(), nowhere), "make it first")
	refused(t, "Open of a folder", openFails(t.Context(), t, t.TempDir(), nil), "is a folder")
}

func TestOpenWithBadOptions(t *testing.T) {
	t.Parallel()
	_, path := setup(t, nil)
	refused(t, "Open", openFails(t.Context(), t, path, &sqlitestore.Options{Synchronous: 7}), "Synchronous", "7")
	refused(t, "Open", openFails(t.Context(), t, path, &sqlitestore.Options{MaxBatch: -1}), "MaxBatch", "-1")
	refused(t, "Open", openFails(t.Context(), t, path, &sqlitestore.Options{BusyTimeout: -1}), "BusyTimeout", "-1")
}

func TestOpenWithEndedContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	path := filepath.Join(t.TempDir(), "operations.db")
	err := openFails(ctx, t, path, &sqlitestore.Options{Migrate: true})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Open with an ended context: got error %v, want context.Canceled", err)
	}
}

// A path is a file's, whatever is in it: no URI, and no query of one.
func TestOddPaths(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"with space.db", "100%.db", "%41.db", "what?.db", "a?mode=memory", "#1.db", "a&b=c.db", "file:x.db", "ünï.db", "new\nline.db",
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, name)
		st := open(t, path, &sqlitestore.Options{Migrate: true})
		if _, err := st.Create(t.Context(), fresh()); err != nil {
			t.Errorf("%q: Create: got error %v, want none", name, err)
		}
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			t.Errorf("%q: want a file of that name, got %v", name, err)
		}
	}
}

func TestRelativePath(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	st := open(t, "operations.db", &sqlitestore.Options{Migrate: true})
	if _, err := os.Stat(filepath.Join(dir, "operations.db")); err != nil {
		t.Errorf("a relative path: want the file in the working directory, got %v", err)
	}
	t.Chdir(t.TempDir())
	rec, err := st.Create(t.Context(), fresh())
	if err != nil {
		t.Fatal(err)
	}
	// The first read opens a connection of its own.
	if got, err := st.Get(t.Context(), rec.Name); err != nil || len(got) != 1 {
		t.Errorf("Get after the working directory has changed: got %d records and error %v, want 1", len(got), err)
	}
}

func TestOpenOfWhatIsNoDatabase(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "notes.txt")
	text := []byte(strings.Repeat("these are notes, and no database. ", 200) + rand.Text())
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	migrate := &sqlitestore.Options{Migrate: true}
	refused(t, "Open", openFails(t.Context(), t, path, nil), "no SQLite database")
	refused(t, "Open with Migrate", openFails(t.Context(), t, path, migrate), "no SQLite database")
	refused(t, "Migrate", sqlitestore.Migrate(t.Context(), path), "no SQLite database")
	if got, err := os.ReadFile(path); err != nil || string(got) != string(text) {
		t.Errorf("the file that was refused has changed: %v", err)
	}
}

func TestOpenOfAnEmptyFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "empty.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, "Open", openFails(t.Context(), t, path, nil), "schema 0", "Options.Migrate")
	st := open(t, path, &sqlitestore.Options{Migrate: true})
	if _, err := st.Create(t.Context(), fresh()); err != nil {
		t.Errorf("Create: got error %v, want none", err)
	}
}

func TestOpenOfAForeignDatabase(t *testing.T) {
	t.Parallel()
	for what, statement := range map[string]string{
		"one with tables":            "CREATE TABLE customers (id INTEGER PRIMARY KEY)",
		"one with an application_id": "PRAGMA application_id = 42",
	} {
		path := filepath.Join(t.TempDir(), "foreign.db")
		db := rawDB(t, path)
		execute(t, db, statement)
		migrate := &sqlitestore.Options{Migrate: true}
		refused(t, what+": Open", openFails(t.Context(), t, path, nil), "another application")
		refused(t, what+": Open with Migrate", openFails(t.Context(), t, path, migrate), "another application")
		refused(t, what+": Migrate", sqlitestore.Migrate(t.Context(), path), "another application")
		// SQLite asks the file only when it reads it.
		_ = number(t, db, "SELECT count(*) FROM sqlite_schema")
		var mode string
		if err := db.QueryRowContext(t.Context(), "PRAGMA journal_mode").Scan(&mode); err != nil || mode != "delete" {
			t.Errorf("%s: the journal mode has become %q (%v), want delete as it was", what, mode, err)
		}
	}
}
