package waits

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/longrunning-go/longrunning/bench/child"
	"github.com/longrunning-go/longrunning/bench/measure"
)

// crowds measures many pollers that wait in one process, on one connection: what
// one takes of that process's memory, against a goroutine in a bare call, and how
// soon all have returned when their operations are completed at once.
func crowds(ctx context.Context, r *measure.Run, program []string) {
	n := r.Work(10_000)
	memory := fmt.Sprintf("gRPC, memory of one of %d in a process: Poller.Wait, bare WaitOperation", n)
	last := fmt.Sprintf("gRPC, seconds until %d pollers have returned, one operation each", n)
	shared := fmt.Sprintf("gRPC, seconds until %d pollers have returned, one operation for all", n)
	memoryBound, lastBound := measure.AtMost(1.2), measure.AtMost(1)

	r.Say("%d pollers in one process", n)
	bare, err := gather(ctx, program, crowd{n, n, bareCalls})
	if err != nil {
		r.Fail(memory, memoryBound, err)
		return
	}
	each, err := gather(ctx, program, crowd{n, n, pollers})
	if err != nil {
		r.Fail(memory, memoryBound, err)
		return
	}
	r.Report(measure.Counted(memory, each.memory, bare.memory, memoryBound,
		fmt.Sprintf("heap and stacks; %.1f kB against %.1f", each.memory/1e3, bare.memory/1e3)))
	r.Report(measure.Counted(last, each.took.Seconds(), 1, lastBound,
		fmt.Sprintf("from when all handlers may return to when the last poller has; bare calls: %.2f s", bare.took.Seconds())))
	one, err := gather(ctx, program, crowd{n, 1, pollers})
	if err != nil {
		r.Fail(shared, lastBound, err)
		return
	}
	r.Report(measure.Counted(shared, one.took.Seconds(), 1, lastBound, "from when the handler may return"))
}

// A crowd is many who wait for operations.
type crowd struct {
	n, operations int
	kind          string
}

// A gathering is what one has cost.
type gathering struct {
	memory float64       // bytes of each
	took   time.Duration // from the completion to when the last has returned
}

// gather lets a crowd wait in a process of its own until all are there, and then
// completes all operations at once.
func gather(ctx context.Context, program []string, c crowd) (g gathering, err error) {
	p, err := newPeer(ctx)
	if err != nil {
		return g, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	ctx, stop := context.WithTimeout(ctx, parked-10*time.Second) // so that all return from their first call
	defer stop()
	end, gathered := make(chan struct{}), make(chan struct{})
	for range c.operations {
		if _, _, err := p.start(ctx, parent, end); err != nil {
			return g, err
		}
	}
	all, _, err := p.start(ctx, "projects/gathered", gathered)
	if err != nil {
		return g, err
	}
	process, err := child.Start(ctx, program, "crowd", p.conn.Target(), c.kind, strconv.Itoa(c.n), all.GetName())
	if err != nil {
		return g, err
	}
	defer func() { err = errors.Join(err, process.Close()) }()
	if err := p.traffic.await(ctx, c.n+1); err != nil { // and the one that waits for all
		return g, err
	}
	close(gathered)
	if _, err := fmt.Fscan(process.Out, &g.memory); err != nil {
		return g, err
	}
	began := time.Now()
	close(end)
	var returned int
	if _, err := fmt.Fscan(process.Out, &returned); err != nil {
		return g, err
	}
	g.took = time.Since(began)
	if returned != c.n {
		return g, fmt.Errorf("waits: %d pollers must return, found %d", c.n, returned)
	}
	return g, nil
}
