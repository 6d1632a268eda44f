package lro

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/longrunning-go/longrunning/store"
)

// keep runs the attempt to its end.
func (a *attempt) keep() {
	if t := a.verdict(); t != nil {
		a.conclude(t)
		a.drop()
		return
	}
	if a.suspect() && !a.quarantine() {
		a.drop()
		return
	}
	go a.handle()
	if fate, deserted := a.attend(); deserted {
		a.run.desert(a, fate)
	} else {
		a.drop()
	}
}

// attend stores what becomes due while the handler runs, until it returns. One
// that ignores its context is deserted by a drain; fate then says what became of
// its operation.
func (a *attempt) attend() (fate string, deserted bool) {
	var (
		cancels  = a.cancels
		ctxDone  = a.ctx.Done()
		grace    <-chan time.Time
		interval <-chan time.Time
		flushed  time.Time
		retry    = backoff{least: a.m.opts.ReportInterval}
	)
	for {
		select {
		case out := <-a.returned:
			a.finish(out)
			return "", false
		case <-a.reported:
			if interval == nil {
				interval = time.After(a.m.opts.ReportInterval - time.Since(flushed))
			}
		case <-interval:
			if a.settled() { // the report is stored with the end
				return "", false
			}
			interval, flushed = nil, time.Now()
			if err := a.flush(); err != nil {
				interval = time.After(retry.wait())
			} else {
				retry.reset()
			}
		case <-cancels:
			cancels, grace = nil, time.After(a.method.opts.CancelGrace)
		case <-grace:
			a.conclude(a.end(a.m.cancelled()))
		case <-ctxDone:
			ctxDone = nil
			if errors.Is(context.Cause(a.ctx), context.DeadlineExceeded) {
				a.conclude(a.end(a.m.late()))
			}
		case <-a.run.abandoned:
			return a.abandon()
		}
	}
}

// abandon hands back what a drain has no more time for.
func (a *attempt) abandon() (fate string, deserted bool) {
	switch {
	case a.settled():
		return "", false
	case a.over:
		return "ended before", true
	case !a.conclude(a.handBack(0)):
		return "not handed back", true
	default:
		return "handed back", true
	}
}

// settled ends the attempt if its handler has returned.
func (a *attempt) settled() bool {
	select {
	case out := <-a.returned:
		a.finish(out)
		return true
	default:
		return false
	}
}

// verdict answers how the operation ends or goes on without its handler, nil
// if the handler is to run.
func (a *attempt) verdict() transition {
	switch {
	case a.rec.CancelRequested:
		return a.end(a.m.cancelled())
	case !a.rec.Deadline.IsZero() && !a.rec.Deadline.After(a.rec.UpdateTime):
		return a.end(a.m.late())
	case a.method == nil:
		return a.handBack(0)
	case a.used > a.method.opts.MaxAttempts:
		return a.end(a.m.exhausted(a.method.opts.MaxAttempts))
	}
	return nil
}

// suspect reports whether this operation may be what killed its owners.
func (a *attempt) suspect() bool {
	return a.lost > 0 && a.used >= a.method.opts.MaxAttempts
}

// quarantine reports whether the handler may start: suspects run one at a time,
// so that a poison operation takes no bystanders along. While another one runs
// here the operation is handed back, for a replica that has none, or for later;
// waiting would hold a slot.
func (a *attempt) quarantine() bool {
	select {
	case a.run.suspects <- struct{}{}:
		return true
	default:
		a.conclude(a.handBack(jitter(quarantineDelay)))
		return false
	}
}

// quarantineDelay is about how long a suspect that was handed back is left alone.
const quarantineDelay = 5 * time.Second

func (a *attempt) retention() time.Duration { return a.m.retention(a.claimed) }

func (a *attempt) end(r result) transition { return end(r, a.retention()) }

func (a *attempt) handBack(after time.Duration) transition {
	return release(after, a.m.cancelled(), a.retention())
}

// flush stores the newest report. An error means that it is to be called again.
func (a *attempt) flush() error {
	news, number := a.report()
	if a.over || news == nil {
		return nil
	}
	rec, err := a.update(a.run.io, once, progress(nil))
	switch {
	case errors.Is(err, ErrDone), errors.Is(err, ErrLeaseLost):
		a.over = true
		a.observe(rec)
	case errors.Is(err, store.ErrNotFound):
		a.over = true
		a.stop(ErrLeaseLost)
	case errors.Is(err, store.ErrInvalid):
		a.m.log.Error("lro: the store can never take this report", "operation", a.name, "error", err)
		a.discardReport(number)
	case err != nil:
		return err
	}
	return nil
}

// conclude stores the end of the attempt, for as long as it takes. Whoever has
// fenced it off meanwhile has won. It reports false if a drain has run out of
// time before the end was known to be stored.
func (a *attempt) conclude(t transition) bool {
	if a.over {
		return true
	}
	a.over = true
	a.quit(ErrDone)
	rec, err := a.update(a.run.io, forever, t)
	if errors.Is(err, store.ErrInvalid) {
		a.m.log.Error("lro: the store can never take this result", "operation", a.name, "error", err)
		_, number := a.report()
		a.discardReport(number)
		a.stored = nil
		rec, err = a.update(a.run.io, forever, a.end(a.m.unstorable()))
	}
	switch {
	case err == nil:
		if a.stored != nil {
			a.stored()
		}
		a.m.log.Debug("lro: attempt ended", "operation", a.name, "attempt", a.epoch, "state", rec.State)
	case errors.Is(err, ErrDone), errors.Is(err, ErrLeaseLost), errors.Is(err, store.ErrNotFound):
		a.m.log.Info("lro: attempt was fenced off", "operation", a.name, "attempt", a.epoch, "error", err)
	default:
		a.run.loseEnd(a, err)
		return false
	}
	return true
}

// discardReport gives up the report with this number, and all before it.
func (a *attempt) discardReport(number int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.written = max(a.written, number)
}

// handle runs the handler on the calling goroutine and delivers its outcome,
// whatever it does: return, panic or runtime.Goexit.
func (a *attempt) handle() {
	if a.suspect() {
		defer func() { <-a.run.suspects }()
	}
	out := outcome{err: errGoexit}
	defer func() { a.returned <- out }()
	defer func() {
		if v := recover(); v != nil {
			out = outcome{err: newPanicError(v)}
		}
	}()
	var res proto.Message
	info := TaskInfo{Name: a.name, Method: a.method.name, Attempt: a.epoch}
	ctx := a.m.opts.Extract(a.ctx, a.claimed.Carrier)
	err := a.m.opts.Intercept(ctx, info, func(ctx context.Context) (err error) {
		res, err = a.method.run(ctx, a)
		return err
	})
	if err == nil && res == nil {
		err = fmt.Errorf("lro: the handler of %s returned neither a response nor an error; return one of them", a.method.name)
	}
	out = outcome{res, err}
}
