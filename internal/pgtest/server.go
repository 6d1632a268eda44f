package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// A server is a folder and a program that serves from it; both are gone with
// this process at the latest. One goroutine at a time may use it.
type server struct {
	dir    string
	user   *account // who runs the program and owns the folder; nil is our own user
	guard  *guard
	runs   *exec.Cmd     // the program, once it was started
	exited chan struct{} // closed when that program has ended
}

// newServer makes a folder in another; "" is the one of temporary files.
func newServer(ctx context.Context, in string) (*server, error) {
	user, err := unprivileged()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(in, "lro-postgres-")
	if err != nil {
		return nil, fmt.Errorf("pgtest: %w", err)
	}
	g, err := newGuard(ctx, dir)
	if err != nil {
		return nil, errors.Join(err, os.Remove(dir))
	}
	s := &server{dir: dir, user: user, guard: g}
	if user == nil {
		return s, nil
	}
	if err := os.Chown(dir, int(user.uid), int(user.gid)); err != nil {
		return nil, errors.Join(fmt.Errorf("pgtest: %w", err), s.end())
	}
	return s, nil
}

// run runs a program to its end, as the user of the server.
func (s *server) run(ctx context.Context, program string, args ...string) error {
	cmd := s.command(ctx, program, args...)
	cmd.WaitDelay = time.Second // for children of the program that hold its output
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("pgtest: %s: %w; it said:\n%s", filepath.Base(program), errors.Join(err, context.Cause(ctx)), tail(out))
	}
	return nil
}

// start starts a program as the user of the server, and returns when answers
// returns nil.
func (s *server) start(ctx context.Context, answers func(context.Context) error, program string, args ...string) error {
	log, err := os.OpenFile(s.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("pgtest: %w", err)
	}
	defer log.Close()
	cmd := s.command(context.WithoutCancel(ctx), program, args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("pgtest: %w", err)
	}
	untold := s.guard.watch(cmd.Process.Pid)
	exited := make(chan struct{})
	s.runs, s.exited = cmd, exited
	go func() {
		defer close(exited)
		_ = cmd.Wait() // ProcessState says how it ended
		_ = s.guard.forget()
	}()
	if untold != nil {
		return errors.Join(untold, s.quit(ctx))
	}
	return s.await(ctx, answers)
}

// await returns when answers returns nil.
func (s *server) await(ctx context.Context, answers func(context.Context) error) error {
	// Far more than it takes, on a machine that does much else.
	const limit = time.Minute
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %v", limit))
	defer cancel()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		// Whoever took the port may accept and never answer.
		once, done := context.WithTimeout(ctx, 5*time.Second)
		err := answers(once)
		done()
		if err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-s.exited:
			return fmt.Errorf("pgtest: %s ended, %v, before it answered; its log:\n%s", s.program(), s.runs.ProcessState, s.logged())
		case <-ctx.Done():
			return fmt.Errorf("pgtest: %s does not answer: %w; at last: %w; its log:\n%s", s.program(), context.Cause(ctx), err, s.logged())
		}
	}
}

// quit ends the program without giving it time to write anything out.
func (s *server) quit(ctx context.Context) error {
	if err := s.runs.Process.Signal(syscall.SIGQUIT); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("pgtest: %w", err)
	}
	select {
	case <-s.exited:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("pgtest: %s does not end: %w", s.program(), context.Cause(ctx))
	}
}

// end ends the program for good and removes the folder.
func (s *server) end() error {
	err := s.guard.end()
	if s.runs != nil {
		if err != nil {
			_ = s.runs.Process.Kill() // most likely gone already
		}
		<-s.exited
	}
	if err != nil {
		return fmt.Errorf("pgtest: stop the server in %s: %w", s.dir, err)
	}
	return nil
}

// command is a program that runs as the user of the server, in its folder.
func (s *server) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = s.dir
	cmd.SysProcAttr = childOf(s.user)
	// None of the settings and passwords of who runs the tests; English messages.
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "PG") {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	cmd.Env = append(cmd.Env, "HOME="+s.dir, "LC_ALL=C")
	return cmd
}

func (s *server) program() string { return filepath.Base(s.runs.Path) }

func (s *server) log() string { return filepath.Join(s.dir, "log") }

// logged is what the program said last.
func (s *server) logged() string {
	log, err := os.ReadFile(s.log())
	if err != nil {
		return err.Error()
	}
	return tail(log)
}

// tail is the last lines of a text, about 2,000 bytes.
func tail(text []byte) string {
	const most = 2000
	if len(text) <= most {
		return strings.TrimSpace(string(text))
	}
	_, lines, _ := strings.Cut(string(text[len(text)-most:]), "\n")
	return "…\n" + strings.TrimSpace(lines)
}
