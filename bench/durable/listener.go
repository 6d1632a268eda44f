package durable

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/longrunning-go/longrunning/bench/child"
	"github.com/longrunning-go/longrunning/bench/database"
	"github.com/longrunning-go/longrunning/store"
)

// marker begins the names of records that say: before this, all was written.
const marker = "operations/marker-"

// Listen is the role of a process that is told of what others write. It says
// "ready", and then for every marker its name, how many names it was told since the
// last one, and how often it was told to look at everything.
func Listen(ctx context.Context, args []string, out io.Writer) error {
	st, err := database.Open(ctx, args[0], database.Settings{Conns: 1})
	if err != nil {
		return err
	}
	// Without the pipe there is nobody to tell.
	say := func(words ...any) { _, _ = fmt.Fprintln(out, words...) }
	var mu sync.Mutex
	told, lost, ready := make(map[string]bool), 0, false
	err = st.Notify(ctx, func(hint store.Hint) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case hint.All && ready:
			lost++
		case hint.All:
			ready = true
			say("ready")
		}
		for _, name := range hint.Names {
			if !strings.HasPrefix(name, marker) {
				told[name] = true
				continue
			}
			say(name, len(told), lost)
			clear(told)
			lost = 0
		}
	})
	return errors.Join(err, st.Close())
}

// A listener is another process that is told of what this one writes.
type listener struct {
	process *child.Process
	marks   chan mark
	made    int // markers
}

// A mark is what the process says of a marker.
type mark struct {
	name       string
	told, lost int
}

// listen starts a listener, which is over when ctx ends.
func (r *Run) listen(ctx context.Context, address string) (*listener, error) {
	process, err := child.Start(ctx, r.Program, "listen", address)
	if err != nil {
		return nil, err
	}
	l := &listener{process: process, marks: make(chan mark, 100)}
	lines := bufio.NewScanner(process.Out)
	if !lines.Scan() || lines.Text() != "ready" {
		return nil, errors.Join(fmt.Errorf("durable: the listener must say that it is ready, found %q", lines.Text()), process.Close())
	}
	go func() {
		defer close(l.marks)
		for lines.Scan() {
			var m mark
			if _, err := fmt.Sscan(lines.Text(), &m.name, &m.told, &m.lost); err != nil {
				return
			}
			l.marks <- m
		}
	}()
	return l, nil
}

// Close ends the process.
func (l *listener) Close() error { return l.process.Close() }

// told returns when the listener has been told of all that was written before, and
// fails if it was not told of n operations. To be told to look at everything will do
// where exact is false.
func (l *listener) told(ctx context.Context, st store.Store, n int, exact bool) error {
	const patience = 30
	var sum mark
	for range patience {
		heard, err := l.mark(ctx, st, &sum)
		switch {
		case err != nil:
			return err
		case !heard:
			continue // not yet, or it was told to look at everything instead
		case sum.told != n && (exact || sum.lost == 0):
			return fmt.Errorf("durable: the other process must be told of %d operations, found %d (and was told %d times to look at everything)", n, sum.told, sum.lost)
		}
		return nil
	}
	return fmt.Errorf("durable: the other process was told nothing for %d s", patience)
}

// mark writes a marker and waits a second for what the process says. It adds that
// to sum, and reports whether it was about this marker.
func (l *listener) mark(ctx context.Context, st store.Store, sum *mark) (bool, error) {
	l.made++
	id := fmt.Sprintf("marker-%d", l.made)
	name := "operations/" + id
	// Pending, since only such a Create is told.
	if _, err := st.Create(ctx, &store.Record{Name: name, ID: id, Method: "/bench.v1.Bench/Mark", State: store.Pending, DueIn: ttl}); err != nil {
		return false, err
	}
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	for {
		select {
		case m, ok := <-l.marks:
			if !ok {
				return false, errors.New("durable: the listener has ended")
			}
			sum.told += m.told
			sum.lost += m.lost
			if m.name == name {
				return true, nil
			}
		case <-timer.C:
			return false, nil
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
}
