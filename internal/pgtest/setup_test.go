package pgtest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/longrunning-go/longrunning/internal/pgtest"
)

// asOwner makes this program a process that owns a cluster and does nothing.
const asOwner = "PGTEST_OWNER"

func TestMain(m *testing.M) {
	if os.Getenv(asOwner) != "" {
		if err := own(); err != nil {
			panic(err)
		}
		return
	}
	goleak.VerifyTestMain(pgtest.Main(m))
}

// own prints the URL of a cluster that was restarted once, and keeps it until
// standard input ends.
func own() error {
	c, err := pgtest.Start(context.Background())
	if err != nil {
		return err
	}
	if err := c.Restart(context.Background()); err != nil {
		return err
	}
	fmt.Println(c.URL("postgres"))
	_, err = io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, c.Stop())
}

// setup connects to a database for the length of the test.
func setup(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

// installed ends the test as pgtest.New does where Postgres is missing.
func installed(t *testing.T) {
	t.Helper()
	if err := startCancelled(t); !errors.Is(err, context.Canceled) {
		pgtest.New(t)
	}
}

// startCancelled answers why a cluster does not start that has no time for it.
func startCancelled(t *testing.T) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c, err := pgtest.Start(ctx)
	if err == nil {
		return c.Stop()
	}
	return err
}

func execute(t *testing.T, conn *pgx.Conn, statement string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// value answers the only value that a statement selects.
func value[T any](t *testing.T, conn *pgx.Conn, statement string, args ...any) T {
	t.Helper()
	var v T
	if err := conn.QueryRow(t.Context(), statement, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return v
}

// eventually fails the test if ok does not become true within half a minute.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	late := time.After(30 * time.Second)
	for !ok() {
		select {
		case <-again.C:
		case <-late:
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}

// program is this test program as another process, with nothing in its
// environment of what chooses a Postgres here but what env says. The folder of
// its temporary files is its own and must be empty when it has ended.
func program(t *testing.T, env []string, args ...string) (cmd *exec.Cmd, temporary string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	temporary = t.TempDir()
	// As root: who runs the server must get there.
	if err := os.Chmod(filepath.Dir(temporary), 0o711); err != nil {
		t.Fatal(err)
	}
	cmd = exec.CommandContext(t.Context(), self, args...)
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "LRO_TEST_REQUIRE=") && !strings.HasPrefix(variable, "LRO_TEST_POSTGRES_URL=") {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	cmd.Env = append(append(cmd.Env, "TMPDIR="+temporary), env...)
	return cmd, temporary
}

// rerun runs some of these tests in another process, and answers what it
// prints.
func rerun(t *testing.T, tests string, env ...string) string {
	t.Helper()
	cmd, temporary := program(t, env, "-test.v", "-test.run=^("+tests+")$")
	out, err := cmd.CombinedOutput()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatal(err)
	}
	left, err := os.ReadDir(temporary)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("the files of a cluster must go with it: got %v, want nothing; output:\n%s", left, out)
	}
	return string(out)
}
