package sqlitestore_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/sqlitestore"
)

// roleVariable makes the test binary another process of the tests.
const roleVariable = "SQLITESTORE_TEST_ROLE"

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		if err := play(role, os.Getenv(roleVariable+"_PATH")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1) //nolint:forbidigo // this is the main function of another process
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// play is what a child does, once it has read a line. What it prints are the
// names that were acknowledged to it.
func play(role, path string) error {
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	ctx := context.Background()
	st, err := sqlitestore.Open(ctx, path, &sqlitestore.Options{Migrate: role == "migrate"})
	if err != nil {
		return err
	}
	defer st.Close()
	switch role {
	case "migrate":
		secret, err := st.Secret(ctx)
		fmt.Printf("%x\n", secret)
		return err
	case "some":
		return writeMany(ctx, st, 200)
	case "many":
		return writeMany(ctx, st, 1_000_000)
	default:
		return fmt.Errorf("no such role: %q", role)
	}
}

// writeMany creates and ends n records by each of 4 callers.
func writeMany(ctx context.Context, st *sqlitestore.Store, n int) error {
	var callers sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		callers.Go(func() {
			for range n {
				var rec *store.Record
				if rec, errs[i] = st.Create(ctx, fresh()); errs[i] == nil {
					rec, errs[i] = st.Update(ctx, ended(rec))
				}
				if errs[i] != nil {
					return
				}
				fmt.Println(rec.Name) // one write to the pipe, so that a kill tears no line
			}
		})
	}
	callers.Wait()
	return errorOf(errs)
}

func errorOf(errs []error) error {
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		return errs[i]
	}
	return nil
}

// A child is another process on the same file.
type child struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	lines  chan string // what it prints, until it ends
	stderr bytes.Buffer
}

// spawn starts a process that waits for begin. It is killed at the end, if it
// still lives.
func spawn(t *testing.T, role, path string) *child {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{t: t, cmd: exec.CommandContext(t.Context(), self), lines: make(chan string, 1_000_000)}
	c.cmd.Env = append(os.Environ(), roleVariable+"="+role, roleVariable+"_PATH="+path)
	c.cmd.Stderr = &c.stderr
	stdout, err := c.cmd.StdoutPipe()
	if err == nil {
		c.stdin, err = c.cmd.StdinPipe()
	}
	if err == nil {
		err = c.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(c.lines)
		scanner := bufio.NewScanner(stdout)
		for scanner.Scan() {
			c.lines <- strings.TrimSpace(scanner.Text())
		}
	}()
	return c
}

func (c *child) begin() {
	c.t.Helper()
	if _, err := io.WriteString(c.stdin, "go\n"); err != nil {
		c.t.Fatal(err)
	}
}

// wait waits for the end of the process, once all that it printed was read.
func (c *child) wait() error { return c.cmd.Wait() }
