package measure

import (
	"context"
	"time"
)

// A Run is what all subjects of one run of the program have in common.
type Run struct {
	Rounds int  // of each comparison
	Quick  bool // a tenth of the scale and of the work
	Report func(Line)
	Draw   func(Curve)
	Say    func(format string, args ...any) // what takes long
}

// Compare makes comparisons, and reports and answers what they find. An error of
// one does not keep the next from being made.
func (r *Run) Compare(ctx context.Context, comparisons ...*Comparison) []Line {
	lines := make([]Line, len(comparisons))
	for i, c := range comparisons {
		line, err := c.Run(ctx, r.Rounds)
		if err != nil {
			line = Failure(c.What, c.Bound, err)
		}
		r.Report(line)
		lines[i] = line
	}
	return lines
}

// Fail reports an error that came instead of a figure.
func (r *Run) Fail(what string, bound Bound, err error) {
	r.Report(Failure(what, bound, err))
}

// Time is how long to take: so long, or less to try the program.
func (r *Run) Time(long time.Duration) time.Duration {
	if r.Quick {
		return long / 10
	}
	return long
}

// Work is how much to do at a time: n, or less to try the program.
func (r *Run) Work(n int) int {
	if r.Quick {
		return max(1, n/10)
	}
	return n
}
