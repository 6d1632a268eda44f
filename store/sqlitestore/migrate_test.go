package sqlitestore_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/sqlitestore"
)

// older makes a file of schema 1, as the release that had no other left it, with
// a record in it.
func older(t *testing.T) (path string, name string) {
	t.Helper()
	tables, err := os.ReadFile(filepath.Join("migrations", "0001_tables.sql"))
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "operations.db")
	db := rawDB(t, path)
	execute(t, db, string(tables))
	execute(t, db, "PRAGMA application_id = 0x6c726f31")
	execute(t, db, "CREATE TABLE schema_version (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, oldest INTEGER NOT NULL) STRICT")
	execute(t, db, "INSERT INTO schema_version (id, version, oldest) VALUES (1, 1, 1)")
	execute(t, db, "INSERT INTO secrets (id, secret) VALUES (1, ?)", []byte("0123456789abcdef0123456789abcdef"))
	return path, fill(t, path, 1)[0]
}

func TestAnOlderSchemaMigrates(t *testing.T) {
	t.Parallel()
	path, name := older(t)
	refused(t, "Open", openFails(t.Context(), t, path, nil), "schema 1", "Options.Migrate")
	st := open(t, path, &sqlitestore.Options{Migrate: true})
	got, err := st.Get(t.Context(), name)
	if err != nil || len(got) != 1 || got[0].State != store.Done || len(got[0].Response) != 300 {
		t.Fatalf("Get of the record that was there: got %v and error %v", got, err)
	}
	if secret, err := st.Secret(t.Context()); err != nil || string(secret) != "0123456789abcdef0123456789abcdef" {
		t.Errorf("Secret: got %q and error %v, want the one that was there", secret, err)
	}
	if _, err := rawDB(t, path).ExecContext(t.Context(), "UPDATE operations SET version = 1"); err == nil {
		t.Error("after Migrate a version may fall: want the triggers of schema 2")
	}
	if err := sqlitestore.Migrate(t.Context(), path); err != nil {
		t.Errorf("Migrate again: got error %v, want none", err)
	}
}

// A schema of a later release is used as long as the file says that it may be.
func TestANewerSchema(t *testing.T) {
	t.Parallel()
	st, path := setup(t, nil)
	rec, err := st.Create(t.Context(), fresh())
	if err != nil {
		t.Fatal(err)
	}
	db := rawDB(t, path)
	execute(t, db, "ALTER TABLE operations ADD COLUMN priority INTEGER NOT NULL DEFAULT 0")
	execute(t, db, "UPDATE schema_version SET version = 99, oldest = 2")
	for _, opts := range []*sqlitestore.Options{nil, {Migrate: true}} {
		later := open(t, path, opts)
		if got, err := later.Get(t.Context(), rec.Name); err != nil || len(got) != 1 {
			t.Errorf("Get: got %d records and error %v, want 1", len(got), err)
		}
		if _, err := later.Create(t.Context(), fresh()); err != nil {
			t.Errorf("Create: got error %v, want none", err)
		}
	}
	if _, err := st.Update(t.Context(), rec); err != nil {
		t.Errorf("Update by the Store that was open: got error %v, want none", err)
	}
	if got := number(t, db, "SELECT version FROM schema_version"); got != 99 {
		t.Errorf("the file has become one of schema %d, want 99 as it was", got)
	}

	execute(t, db, "UPDATE schema_version SET version = 100, oldest = 100")
	refused(t, "Open", openFails(t.Context(), t, path, nil), "schema 100", "upgrade the library")
	refused(t, "Open with Migrate", openFails(t.Context(), t, path, &sqlitestore.Options{Migrate: true}), "upgrade the library")
	refused(t, "Migrate", sqlitestore.Migrate(t.Context(), path), "schema 100", "upgrade the library")
}

// Ten processes that start together on an empty file all succeed.
func TestMigrateByManyProcesses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "operations.db")
	children := make([]*child, 10)
	for i := range children {
		children[i] = spawn(t, "migrate", path)
	}
	for _, c := range children {
		c.begin()
	}
	secrets := map[string]bool{}
	for i, c := range children {
		for secret := range c.lines {
			secrets[secret] = true
		}
		if err := c.wait(); err != nil {
			t.Errorf("process %d: %v: %s", i, err, c.stderr.String())
		}
	}
	if len(secrets) != 1 {
		t.Errorf("the processes read %d secrets, want 1", len(secrets))
	}
	db := rawDB(t, path)
	if got := number(t, db, "SELECT version FROM schema_version"); got != 2 {
		t.Errorf("the file has schema %d, want 2", got)
	}
	sound(t, db)
}
