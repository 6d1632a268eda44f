package wire

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/longrunning-go/longrunning/bench/measure"
)

// A loop lets callers share n calls.
type loop func(ctx context.Context, callers, n int, call func(ctx context.Context, i int) error) (measure.Sample, error)

// gets gets n of the operations of these names, at random.
func gets(run loop, callers, n int, of []string, get func(ctx context.Context, name string) error) measure.Contender {
	return func(ctx context.Context) (measure.Sample, error) {
		names := make([]string, n)
		for i := range names {
			names[i] = of[rand.IntN(len(of))]
		}
		return run(ctx, callers, n, func(ctx context.Context, i int) error { return get(ctx, names[i]) })
	}
}

// same answers an error unless both servers answer the same bytes.
func same[T ~string | ~[]byte](lro, bare T) error {
	if string(lro) != string(bare) {
		return fmt.Errorf("wire: both must answer the same bytes, found %q of lro and %q of the bare handler", lro, bare)
	}
	return nil
}
