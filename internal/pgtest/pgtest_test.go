package pgtest_test

import (
	"strings"
	"testing"

	"github.com/longrunning-go/longrunning/internal/pgtest"
)

func TestDatabase(t *testing.T) {
	t.Parallel()
	one, two := setup(t, pgtest.Database(t)), setup(t, pgtest.Database(t))
	const tables = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
	if n := value[int](t, one, tables); n != 0 {
		t.Errorf("a fresh database must be empty: got %d tables, want 0", n)
	}
	execute(t, one, "CREATE TABLE only_in_one ()")
	if n := value[int](t, two, tables); n != 0 {
		t.Errorf("two databases must be separate: got %d tables of the other, want 0", n)
	}
}

func TestDatabaseGoesWithItsTest(t *testing.T) {
	t.Parallel()
	observer := setup(t, pgtest.Database(t))
	const exists = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)"
	test := &scope{TB: t}
	conn := setup(t, pgtest.Database(test)) // still connected when the test ends
	name := value[string](t, conn, "SELECT current_database()")
	if !value[bool](t, observer, exists, name) {
		t.Fatalf("the database %s must exist while its test runs", name)
	}
	test.end()
	if value[bool](t, observer, exists, name) {
		t.Errorf("the database %s must be dropped when its test ends", name)
	}
}

// A scope is a test that ends when told.
type scope struct {
	testing.TB
	cleanups []func()
}

func (s *scope) Cleanup(f func()) { s.cleanups = append(s.cleanups, f) }

func (s *scope) end() {
	for _, f := range s.cleanups {
		f()
	}
}

func TestDatabaseOnServer(t *testing.T) {
	t.Parallel()
	c := pgtest.New(t)
	out := rerun(t, "TestDatabase|TestDatabaseGoesWithItsTest",
		"LRO_TEST_POSTGRES_URL="+c.URL("postgres"), "LRO_TEST_POSTGRES_BIN="+t.TempDir())
	if n := strings.Count(out, "--- PASS"); n != 2 {
		t.Errorf("Database must use the server of LRO_TEST_POSTGRES_URL: got %d tests passed, want 2; output:\n%s", n, out)
	}
	left := value[int](t, setup(t, c.URL("postgres")), "SELECT count(*) FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1')")
	if left != 0 {
		t.Errorf("nothing may be left on the server of LRO_TEST_POSTGRES_URL: got %d databases, want 0", left)
	}
}

func TestMissing(t *testing.T) {
	t.Parallel()
	none := "LRO_TEST_POSTGRES_BIN=" + t.TempDir()
	for _, tt := range []struct {
		name string
		env  []string
		want string
		says string
	}{
		{"skips", []string{none}, "--- SKIP", "LRO_TEST_POSTGRES_BIN must be a folder with initdb and postgres"},
		{"skips where others are required", []string{none, "LRO_TEST_REQUIRE=sqlite,postgresql"}, "--- SKIP", "LRO_TEST_POSTGRES_BIN"},
		{"fails where required", []string{none, "LRO_TEST_REQUIRE=sqlite,postgres"}, "--- FAIL", "LRO_TEST_REQUIRE demands postgres"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out := rerun(t, "TestDatabase|TestRestart", tt.env...)
			if n := strings.Count(out, tt.want); n != 2 || !strings.Contains(out, tt.says) {
				t.Errorf("without Postgres: got %d times %s, want 2, and %q; output:\n%s", n, tt.want, tt.says, out)
			}
		})
	}
}

// A server that was named but does not answer is not taken for none.
func TestWrongServer(t *testing.T) {
	t.Parallel()
	for _, server := range []string{"host=127.0.0.1 password=secret", "postgres://me:secret@127.0.0.1:1/postgres"} {
		out := rerun(t, "TestDatabase", "LRO_TEST_POSTGRES_URL="+server)
		if !strings.Contains(out, "--- FAIL") || strings.Contains(out, "secret") {
			t.Errorf("with LRO_TEST_POSTGRES_URL=%s: want --- FAIL and no password, got:\n%s", server, out)
		}
	}
}
