package lro

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// tellInterval is how often the log hears of an outage that lasts.
	tellInterval = 30 * time.Second
	// calm is how long no call may have failed for an outage to be over: longer
	// than what fails for good waits between two tries, or each would be an outage
	// of its own.
	calm = 2 * maxBackoff
)

// An outage is the log's view of store calls that fail: told when it begins,
// now and then while it lasts, and when it is over, however many loops and
// attempts meet it. One call that failed is told at debug level only.
type outage struct {
	log *slog.Logger
	on  atomic.Bool // since is set

	mu       sync.Mutex
	since    time.Time // of the first failure; zero when there is no outage
	last     time.Time // of the latest failure
	told     time.Time // when the log last heard of it
	failures int
}

// A call says which store call it is about; operation is "" for none.
type call struct{ method, operation string }

// failed notes a call whose outcome is unknown.
func (o *outage) failed(ctx context.Context, c call, err error) {
	o.log.DebugContext(ctx, "lro: a store call failed", "call", c.method, "operation", c.operation, "error", err)
	begins, lasts, failures := o.count(time.Now())
	switch {
	case begins:
		o.log.WarnContext(ctx, "lro: the store fails; calls are repeated until it answers", "call", c.method, "error", err)
	case lasts > 0:
		o.log.ErrorContext(ctx, "lro: the store still fails", "lasts", lasts, "failures", failures, "call", c.method, "error", err)
	}
}

// count adds a failure. It reports whether an outage begins with it, or, if it is
// time to tell again, how long the outage has lasted.
func (o *outage) count(now time.Time) (begins bool, lasts time.Duration, failures int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failures++
	o.last = now
	if o.since.IsZero() {
		o.since, o.told = now, now
		o.on.Store(true)
		return true, 0, 1
	}
	if now.Sub(o.told) >= tellInterval {
		o.told = now
		lasts = now.Sub(o.since)
	}
	return false, lasts, o.failures
}

// answered notes a call that the store has answered.
func (o *outage) answered(ctx context.Context) {
	if !o.on.Load() {
		return
	}
	o.mu.Lock()
	if o.since.IsZero() || time.Since(o.last) < calm {
		o.mu.Unlock()
		return
	}
	lasted, failures := o.last.Sub(o.since), o.failures
	o.since, o.failures = time.Time{}, 0
	o.on.Store(false)
	o.mu.Unlock()
	o.log.InfoContext(ctx, "lro: the store answers again", "lasted", lasted, "failures", failures)
}
