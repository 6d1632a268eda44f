package waits

import (
	"context"

	"github.com/longrunning-go/longrunning/bench/measure"
)

// Measure measures them all. The program is the command that runs a role of this
// program in another process.
func Measure(ctx context.Context, r *measure.Run, program []string) {
	wakes(ctx, r)
	delays(ctx, r)
	calls(ctx, r, program)
	crowds(ctx, r, program)
	waiters(ctx, r, program)
}
