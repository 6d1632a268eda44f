// Package child runs roles of this program in processes of their own: whoever
// watches what this process does, and whoever is measured as a whole.
package child

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
)

// A Role is what a process does. It writes its answers to out and ends with ctx.
type Role func(ctx context.Context, args []string, out io.Writer) error

// Serve plays a role in this process until its standard input ends, which it does
// when the process that has started this one does, whatever ends that.
func Serve(ctx context.Context, role Role, args []string) error {
	signal.Ignore(os.Interrupt) // a Ctrl-C at the terminal is for the first process
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	return role(ctx, args, os.Stdout)
}

// A Process plays a role until it is closed, or the context of Start ends.
type Process struct {
	Out io.Reader // its answers

	cmd  *exec.Cmd
	in   io.Closer
	keep func() bool // keeps in open when the context ends, unless it has
}

// Start starts a process: program is the command, and its first arguments, that
// call Serve. Whoever reads its answers need not watch ctx, since they end with it.
func Start(ctx context.Context, program []string, role string, args ...string) (*Process, error) {
	cmd := exec.CommandContext(context.WithoutCancel(ctx), program[0], slices.Concat(program[1:], []string{role}, args)...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("child: start the role %s: %w", role, err)
	}
	keep := context.AfterFunc(ctx, func() { _ = in.Close() }) // for who waits for an answer
	return &Process{Out: out, cmd: cmd, in: in, keep: keep}, nil
}

// Numbers reads arguments that are numbers.
func Numbers(args []string) ([]int, error) {
	numbers := make([]int, len(args))
	for i, arg := range args {
		var err error
		if numbers[i], err = strconv.Atoi(arg); err != nil {
			return nil, fmt.Errorf("child: argument %d must be a number: %w", i+1, err)
		}
	}
	return numbers, nil
}

// Close ends the process and waits for it.
func (p *Process) Close() error {
	var err error
	if p.keep() {
		err = p.in.Close()
	}
	return errors.Join(err, p.cmd.Wait())
}
