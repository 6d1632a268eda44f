package waits

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/longrunning-go/longrunning/bench/child"
	"github.com/longrunning-go/longrunning/bench/measure"
)

// waiters measures what a blocked WaitOperation takes of the server's memory, each
// for an operation of its own: against a bare handler that blocks.
func waiters(ctx context.Context, r *measure.Run, program []string) {
	counts := []int{r.Work(1_000), r.Work(10_000), r.Work(50_000)}
	most := len(counts) - 1
	what := fmt.Sprintf("gRPC, server's memory for one of %d blocked calls: WaitOperation, bare handler", counts[most])
	bound := measure.AtMost(1.1)
	curve := measure.Curve{
		Name: "waiters", Title: "Blocked WaitOperation calls in one server",
		X: "calls", Y: "kB of heap and stacks for each", Log: true,
	}
	bytes := make(map[string][]float64)
	for _, kind := range []string{managed, bare} {
		r.Say("%d blocked calls: %s", counts[most], kind)
		each, err := parkAll(ctx, program, kind, counts)
		if err != nil {
			r.Fail(what, bound, err)
			return
		}
		bytes[kind] = each
		s := measure.Series{Name: kind}
		for i, n := range counts {
			s.Points = append(s.Points, measure.Point{X: float64(n), Y: each[i] / 1e3})
		}
		curve.Series = append(curve.Series, s)
	}
	ours, theirs := bytes[managed][most], bytes[bare][most]
	r.Report(measure.Counted(what, ours, theirs, bound, fmt.Sprintf("heap and stacks; %.1f kB against %.1f", ours/1e3, theirs/1e3)))
	r.Draw(curve)
}

// parkAll lets one process block calls, more and more, in another one, and answers
// how many bytes each takes there.
func parkAll(ctx context.Context, program []string, kind string, counts []int) (each []float64, err error) {
	args := []string{kind}
	for _, n := range counts {
		args = append(args, strconv.Itoa(n))
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	process, err := child.Start(ctx, program, "park", args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, process.Close()) }()
	var address string
	if _, err := fmt.Fscan(process.Out, &address); err != nil {
		return nil, err
	}
	conn, err := dial(address)
	if err != nil {
		return nil, err
	}
	client := longrunningpb.NewOperationsClient(conn)
	names, err := list(ctx, client)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	var calls sync.WaitGroup
	defer func() {
		stop(nil)
		calls.Wait()
		err = errors.Join(err, conn.Close())
	}()
	there := 0
	for _, n := range counts {
		for _, name := range names[there:n] {
			calls.Go(func() {
				_, callErr := client.WaitOperation(ctx, &longrunningpb.WaitOperationRequest{Name: name, Timeout: durationpb.New(parked)})
				// The server would wait in vain for all to be there.
				stop(cmp.Or(callErr, errors.New("waits: a call must be blocked until all are there, and was answered")))
			})
		}
		there = n
		var bytes float64
		if _, err := fmt.Fscan(process.Out, &bytes); err != nil {
			return nil, cmp.Or(context.Cause(ctx), err)
		}
		each = append(each, bytes)
	}
	return each, nil
}
