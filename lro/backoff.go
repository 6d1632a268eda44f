package lro

import (
	"context"
	"math/rand/v2"
	"time"
)

// maxBackoff is about the longest wait between two tries of what fails.
const maxBackoff = 5 * time.Second

// A backoff is the waits between tries of what fails: the least one first, then
// twice as long each time, and all jittered.
type backoff struct {
	least time.Duration
	most  time.Duration // 0: maxBackoff
	last  time.Duration // 0 at first
}

// wait answers how long to wait after one more failure: at most one and a half
// of most.
func (b *backoff) wait() time.Duration {
	most := b.most
	if most == 0 {
		most = max(b.least, maxBackoff)
	}
	b.last = min(max(2*b.last, b.least), most)
	return jitter(b.last)
}

// reset comes after a try that did not fail.
func (b *backoff) reset() { b.last = 0 }

// jitter spreads d evenly between half of it and one and a half, so that
// replicas do not move in step.
func jitter(d time.Duration) time.Duration {
	return d/2 + random(d+1)
}

// random is even over [0, n). The simulation replays its seeds with one of its own.
var random = rand.N[time.Duration] //nolint:gochecknoglobals // set by a test, before all others

// pause waits for d and reports whether it did before ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
