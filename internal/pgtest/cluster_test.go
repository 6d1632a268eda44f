package pgtest_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/longrunning-go/longrunning/internal/pgtest"
)

// postmaster selects the process id of the server.
const postmaster = `SELECT split_part(pg_read_file('postmaster.pid'), E'\n', 1)::int`

func TestRestart(t *testing.T) {
	t.Parallel()
	c := pgtest.New(t)
	url, err := c.CreateDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	conn := setup(t, url)
	before := value[int](t, conn, postmaster)
	execute(t, conn, "CREATE TABLE kept AS SELECT 42 AS answer")
	if err := c.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := conn.Ping(t.Context()); err == nil {
		t.Error("Restart must break the connections: got an answer on an old one")
	}
	conn = setup(t, url)
	if after := value[int](t, conn, postmaster); after == before {
		t.Errorf("Restart must start another server: got process %d before and after", after)
	}
	if got := value[int](t, conn, "SELECT answer FROM kept"); got != 42 {
		t.Errorf("Restart must keep the data: got %d, want 42", got)
	}
}

func TestStandby(t *testing.T) {
	t.Parallel()
	c := pgtest.New(t)
	standby, err := c.Standby(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := standby.Stop(); err != nil {
			t.Error(err)
		}
	})
	here, there := setup(t, c.URL("postgres")), setup(t, standby.URL("postgres"))
	execute(t, here, "CREATE TABLE followed ()")
	eventually(t, "the standby has a table of the primary", func() bool {
		return value[bool](t, there, "SELECT to_regclass('followed') IS NOT NULL")
	})
	_, err = there.Exec(t.Context(), "CREATE TABLE refused ()")
	const readOnly = "25006"
	if pg, _ := errors.AsType[*pgconn.PgError](err); pg == nil || pg.Code != readOnly {
		t.Errorf("a standby must refuse writes with SQLSTATE %s: got %v", readOnly, err)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	conn := setup(t, pgtest.New(t, "full_page_writes=on", `cluster_name=it's a \ test`).URL("postgres"))
	for name, want := range map[string]string{
		"full_page_writes": "on", "cluster_name": `it's a \ test`, "fsync": "off", "server_encoding": "UTF8",
	} {
		if got := value[string](t, conn, "SELECT current_setting($1)", name); got != want {
			t.Errorf("setting %s: got %q, want %q", name, got, want)
		}
	}
}

func TestStartFails(t *testing.T) {
	t.Parallel()
	installed(t)
	for _, tt := range []struct{ name, setting, says string }{
		{"unknown setting", "no_such_setting=on", `unrecognized configuration parameter "no_such_setting"`},
		{"no setting", "fsync", "a setting must look like fsync=on"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := pgtest.Start(t.Context(), tt.setting)
			if err == nil {
				_ = c.Stop()
			}
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Start with the setting %q: got %v, want an error that says %q", tt.setting, err, tt.says)
			}
		})
	}
	if err := startCancelled(t); !errors.Is(err, context.Canceled) {
		t.Errorf("Start with a context that has ended: got %v, want %v", err, context.Canceled)
	}
}

// What the tests above start goes when they end; rerun looks for the files.
func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	installed(t)
	out := rerun(t, "TestStartFails|TestStandby")
	if n := strings.Count(out, "\n--- PASS"); n != 2 {
		t.Errorf("got %d tests passed, want 2; output:\n%s", n, out)
	}
}

func TestStop(t *testing.T) {
	t.Parallel()
	c := pgtest.New(t)
	conn := setup(t, c.URL("postgres"))
	data := value[string](t, conn, "SHOW data_directory")
	at := net.JoinHostPort(conn.Config().Host, strconv.Itoa(int(conn.Config().Port)))
	for range 2 {
		if err := c.Stop(); err != nil {
			t.Errorf("Stop, which may be repeated: got %v, want nil", err)
		}
	}
	if _, err := os.Stat(data); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Stop must remove the files: got %v from %s, want that it does not exist", err, data)
	}
	var dialer net.Dialer
	if conn, err := dialer.DialContext(t.Context(), "tcp", at); err == nil {
		_ = conn.Close()
		t.Errorf("Stop must end the server: somebody still listens at %s", at)
	}
}

func TestOwnerKilled(t *testing.T) {
	t.Parallel()
	installed(t)
	owner, temporary := program(t, []string{asOwner + "=yes"})
	owner.Stderr = os.Stderr
	stdin, err := owner.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	url, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid := value[int](t, setup(t, strings.TrimSpace(url)), postmaster)
	if err := owner.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = owner.Wait()
	eventually(t, "the files are removed after their owner was killed", func() bool {
		left, err := os.ReadDir(temporary)
		if err != nil {
			t.Fatal(err)
		}
		return len(left) == 0
	})
	// A server whose files are taken away dies too, but only some time later.
	if alive(pid) {
		t.Errorf("the server must be stopped before its files are removed: process %d still runs", pid)
	}
}

// alive reports whether a process runs; a zombie does not, and it may stay for
// ever in a container whose first process buries nobody.
func alive(pid int) bool {
	if stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat"); err == nil {
		return !strings.Contains(string(stat), ") Z ")
	}
	process, err := os.FindProcess(pid)
	return err == nil && !errors.Is(process.Signal(syscall.Signal(0)), os.ErrProcessDone)
}
