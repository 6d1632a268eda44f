package durable

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"

	"github.com/longrunning-go/longrunning/bench/child"
	"github.com/longrunning-go/longrunning/bench/database"
	"github.com/longrunning-go/longrunning/bench/measure"
	"github.com/longrunning-go/longrunning/store"
)

// Memory measures the resident memory of a process after it has started, completed
// and expired 1,000,000 operations: against what it was after 100,000. Each store
// has a process of its own, in which 10,000 operations live at a time. That in memory
// runs beside the others, since nothing is timed, and those one after the other, since
// on one disk they hold up each other until a statement takes too long.
func (r *Run) Memory(ctx context.Context) {
	names, addresses := []string{"memory"}, []string{database.Memory}
	r.each(ctx, "memory", func(ctx context.Context, system database.System) error {
		db, err := system.New(ctx)
		if err == nil {
			names, addresses = append(names, system.Name()), append(addresses, db.Address())
		}
		return err
	})
	few, many := r.Work(100_000), r.Work(1_000_000)
	r.Say("%d operations, then %d, in each store", few, many-few)
	lines := make([]measure.Line, len(names))
	measured := func(i int) { lines[i] = r.memory(ctx, names[i], addresses[i], few, many) }
	var beside sync.WaitGroup
	beside.Go(func() { measured(0) })
	for i := 1; i < len(names); i++ {
		measured(i)
	}
	beside.Wait()
	for _, line := range lines {
		r.Report(line)
	}
}

func (r *Run) memory(ctx context.Context, name, address string, few, many int) measure.Line {
	what := fmt.Sprintf("%s, resident memory after operations: %d, %d", name, many, few)
	bound := measure.AtMost(1.2)
	if _, err := resident(); err != nil {
		return measure.Line{What: what, Bound: bound, Verdict: measure.Skipped, Note: err.Error()}
	}
	var after [2]float64
	process, err := child.Start(ctx, r.Program, "live", address, strconv.Itoa(few), strconv.Itoa(many))
	if err == nil {
		_, err = fmt.Fscan(process.Out, &after[0], &after[1])
		err = errors.Join(err, process.Close())
	}
	if err != nil {
		return measure.Failure(what, bound, err)
	}
	return measure.Counted(what, after[1], after[0], bound,
		fmt.Sprintf("%d operations against %d; %.1f MB against %.1f", many, few, after[1]/1e6, after[0]/1e6))
}

// Live is the role of a process whose memory is measured: its arguments are the
// address of a database, and after how many operations it says how many bytes are
// resident.
func Live(ctx context.Context, args []string, out io.Writer) (err error) {
	st, err := database.Open(ctx, args[0], database.Settings{Conns: callers})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if _, err := st.Heartbeat(ctx, database.Owner, ttl); err != nil {
		return err
	}
	milestones, err := child.Numbers(args[1:])
	if err != nil {
		return err
	}
	const wave = 10_000
	done := 0
	for _, until := range milestones {
		for done < until {
			n := min(wave, until-done)
			if err := pass(ctx, st, n); err != nil {
				return err
			}
			done += n
		}
		bytes, err := resident()
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out, bytes); err != nil {
			return err
		}
	}
	return nil
}

// crowd is how many call: the more, the larger the commits, and a million operations
// should not take a quarter of an hour.
const crowd = 1_024

// pass lets n operations live and expire.
func pass(ctx context.Context, st store.Store, n int) error {
	recs, err := database.Running(n)
	if err != nil {
		return err
	}
	if _, err := measure.Shared(ctx, crowd, n, func(ctx context.Context, i int) error { return live(ctx, st, recs[i], 0) }); err != nil {
		return err
	}
	return expireAll(ctx, st, n)
}

// resident answers how many bytes of this process are in memory, after all that can
// be given back has been.
func resident() (int64, error) {
	runtime.GC()
	debug.FreeOSMemory()
	const file = "/proc/self/status"
	status, err := os.ReadFile(file)
	if err != nil {
		return 0, fmt.Errorf("durable: resident memory is read from %s, which only Linux has: %w", file, err)
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			var kB int64
			_, err := fmt.Sscanf(strings.TrimSpace(value), "%d kB", &kB)
			return kB * 1024, err
		}
	}
	return 0, fmt.Errorf("durable: %s must have a line VmRSS, and has none", file)
}
