package poller

import (
	"context"
	"time"
)

// Wait polls until the operation is done and answers its result: the response,
// or an [*Error] if the operation failed. Any other error says that the outcome
// is unknown, except for those of [Poller.Result] about a result that cannot be
// read. If the operation is known to be done, Wait answers at once, even if ctx
// has ended.
//
// If ctx ends first, so does Wait, promptly. [errors.Is] then finds the error
// of ctx and its cause, the status code is CANCELLED or DEADLINE_EXCEEDED, and the
// text says why the last call before that failed, if it did.
// The operation goes on, unless Options.CancelOnContextDone is set.
//
// Transient failures are survived within Options.MaxRetries; any other failed
// poll ends Wait, with the status of the server in its error.
func (p *Poller[T]) Wait(ctx context.Context) (T, error) {
	stay := func() (bool, bool) { return false, true }
	if err := p.follow(ctx, p.opts.LongPoll, p.opts.LongPoll, stay); err != nil {
		var zero T
		return zero, err
	}
	return p.Result()
}

// follow polls until the operation is done. The first call may be parked for
// first, later ones for park; 0 polls by GetOperation. After each answer it
// calls seen, which says whether the state has changed, and whether to go on.
func (p *Poller[T]) follow(ctx context.Context, first, park time.Duration, seen func() (changed, more bool)) error {
	if p.Done() {
		return nil
	}
	if err := p.named(); err != nil {
		return err
	}
	pace := newPace(&p.opts)
	for asked := first; ctx.Err() == nil; {
		var d time.Duration
		if r := p.ask(ctx, asked); r.err == nil {
			changed, more := seen()
			if !more || p.Done() {
				return nil
			}
			if changed {
				pace.reset()
			}
			d, asked = pace.afterAnswer(r), park
		} else {
			var err error
			if d, err = pace.afterFailure(r); err != nil && ctx.Err() == nil && !p.Done() {
				return err
			}
			// What breaks parked calls, such as a proxy with a shorter timeout,
			// often lets short ones pass: they keep the budget from running out.
			asked = 0
		}
		if pause(ctx, d, p.finished); p.Done() {
			return nil
		}
	}
	return p.abandon(ctx, pace.failed)
}
