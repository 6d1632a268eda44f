package allocations

import (
	"cmp"
	"context"
	"runtime"
	"slices"
)

// A usage is what one of many took from the heap, on average.
type usage struct {
	Allocations float64 `json:"allocations"`
	Bytes       float64 `json:"bytes"`
}

// count does n and answers what each took of the heap, goroutines that it starts
// included.
func count(ctx context.Context, n int, do func(context.Context) error) (usage, error) {
	var before, after runtime.MemStats
	runtime.GC() // what is collected meanwhile allocates too
	runtime.ReadMemStats(&before)
	for range n {
		if err := do(ctx); err != nil {
			return usage{}, err
		}
	}
	runtime.ReadMemStats(&after)
	return usage{
		Allocations: float64(after.Mallocs-before.Mallocs) / float64(n),
		Bytes:       float64(after.TotalAlloc-before.TotalAlloc) / float64(n),
	}, nil
}

// median answers the median of either number: what else the process does now and
// then, such as heartbeats, is in few of the counts.
func median(counts []usage) usage {
	middle := func(of func(usage) float64) float64 {
		sorted := slices.SortedFunc(slices.Values(counts), func(a, b usage) int { return cmp.Compare(of(a), of(b)) })
		return of(sorted[len(sorted)/2])
	}
	return usage{
		Allocations: middle(func(u usage) float64 { return u.Allocations }),
		Bytes:       middle(func(u usage) float64 { return u.Bytes }),
	}
}
