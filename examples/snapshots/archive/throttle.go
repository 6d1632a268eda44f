package archive

import (
	"context"
	"math"
	"time"
)

// A throttle bounds a rate. Time in which nothing was done is not made up for.
type throttle struct {
	perSecond int64     // bytes; 0 is unlimited
	next      time.Time // when what was let through has had its time
}

// chunk answers how many bytes to move at a time so that the flow is even: a
// tenth of a second's.
func (t *throttle) chunk() int64 {
	if t.perSecond == 0 {
		return math.MaxInt64
	}
	return max(1, t.perSecond/10)
}

// wait returns when n bytes have had their time, or with the cause of ctx's end.
func (t *throttle) wait(ctx context.Context, n int64) error {
	if t.perSecond != 0 {
		if now := time.Now(); t.next.Before(now) {
			t.next = now
		}
		t.next = t.next.Add(time.Duration(float64(n) / float64(t.perSecond) * float64(time.Second)))
		timer := time.NewTimer(time.Until(t.next))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}
