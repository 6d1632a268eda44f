package scale

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/longrunning-go/longrunning/bench/child"
	"github.com/longrunning-go/longrunning/bench/database"
	"github.com/longrunning-go/longrunning/bench/measure"
)

// Running measures operations that run in one Manager at the same time: what one of
// 10,000 takes of the memory of its process, against one of 1,000, and how soon all
// are done when their handlers return at once.
func Running(ctx context.Context, r *measure.Run, systems []database.System, program []string) {
	counts := []int{r.Work(100), r.Work(1_000), r.Work(10_000)}
	curve := measure.Curve{
		Name: "running", Title: "Operations that run in one Manager",
		X: "running", Y: "kB of heap and stacks for each", Log: true,
	}
	in := func(name, address string) {
		what := fmt.Sprintf("%s, memory for one running operation: of %d, of %d", name, counts[2], counts[1])
		bound := measure.AtMost(1.1)
		r.Say("%s: %d running operations", name, counts[2])
		found, err := runAll(ctx, program, address, counts)
		if err != nil {
			r.Fail(what, bound, err)
			return
		}
		many, few := found.each[2], found.each[1]
		r.Report(measure.Counted(what, many, few, bound, fmt.Sprintf("heap and stacks; %.1f kB against %.1f", many/1e3, few/1e3)))
		r.Report(measure.Counted(fmt.Sprintf("%s, seconds until %d running operations are done", name, counts[2]), found.seconds, 1, measure.Bound{},
			"from when all handlers may return"))
		s := measure.Series{Name: name}
		for i, n := range counts {
			s.Points = append(s.Points, measure.Point{X: float64(n), Y: found.each[i] / 1e3})
		}
		curve.Series = append(curve.Series, s)
	}
	in("memory", database.Memory)
	for _, system := range systems {
		db, err := system.New(ctx)
		if err != nil {
			r.Fail(system.Name()+": running", measure.Bound{}, err)
			continue
		}
		in(system.Name(), db.Address())
	}
	r.Draw(curve)
}

// What Run has found.
type running struct {
	each    []float64 // bytes
	seconds float64
}

func runAll(ctx context.Context, program []string, address string, counts []int) (found running, err error) {
	args := []string{address}
	for _, n := range counts {
		args = append(args, strconv.Itoa(n))
	}
	process, err := child.Start(ctx, program, "run", args...)
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, process.Close()) }()
	found.each = make([]float64, len(counts))
	for i := range counts {
		if _, err := fmt.Fscan(process.Out, &found.each[i]); err != nil {
			return found, err
		}
	}
	_, err = fmt.Fscan(process.Out, &found.seconds)
	return found, err
}
