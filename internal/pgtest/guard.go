package pgtest

import (
	"context"
	"fmt"
	"io"
	"os/exec"
)

// A guard stops a server and removes its folder as soon as this process lets
// go of a pipe: by end, or by dying, even of SIGKILL. It is a process of its
// own, and there is no other way by which a server stops for good, so that
// every test tries the one that a crash takes.
//
// Linux could kill the server by itself with the thread that started it
// (Pdeathsig), but would leave the files.
type guard struct {
	shell *exec.Cmd
	pipe  io.WriteCloser
}

// watch reads process ids, the last of which is the server's, and an empty
// line when it has none. QUIT is Postgres's immediate shutdown: nothing is
// written out. KILL follows ten seconds later.
const watch = `
while read -r line; do server=$line; done
if [ -n "$server" ] && kill -QUIT "$server"; then
	tries=0
	while kill -0 "$server" && [ "$tries" -lt 500 ]; do
		sleep 0.02
		tries=$((tries + 1))
	done
	kill -KILL "$server"
fi
rm -rf -- "$1" || { sleep 1; rm -rf -- "$1"; }
`

// newGuard starts the guard of a folder.
func newGuard(ctx context.Context, dir string) (*guard, error) {
	shell := exec.CommandContext(context.WithoutCancel(ctx), "sh", "-c", watch, "pgtest-guard", dir)
	shell.Dir = "/"
	// A Ctrl-C at the terminal is for this process: the guard outlives it.
	shell.SysProcAttr = childOf(nil)
	pipe, err := shell.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("pgtest: %w", err)
	}
	if err := shell.Start(); err != nil {
		return nil, fmt.Errorf("pgtest: start the guard of %s: %w", dir, err)
	}
	return &guard{shell: shell, pipe: pipe}, nil
}

// watch tells which process is the server, by its id.
func (g *guard) watch(pid int) error {
	_, err := fmt.Fprintln(g.pipe, pid)
	return err
}

// forget tells that the server has gone: its id may soon be another's.
func (g *guard) forget() error {
	_, err := fmt.Fprintln(g.pipe)
	return err
}

// end waits until the server is stopped and the folder is removed.
func (g *guard) end() error {
	if err := g.pipe.Close(); err != nil {
		return err
	}
	return g.shell.Wait()
}
