package lro

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/longrunning-go/longrunning/store"
)

// An attempt is one execution of one operation by this Manager. Its keeper
// goroutine owns it: it starts the handler, stores what the handler reports,
// enforces grace and deadline, and stores the end. The handler's own goroutine
// writes only through update, as the keeper does.
type attempt struct {
	m      *Manager
	run    *run
	lease  *lease
	method *method // nil: not known here, so the operation can only be ended
	name   string
	epoch  int64

	// Set by begin, before it starts the keeper.
	ctx     context.Context // the handler's
	request []byte
	used    int // attempts, this one included
	lost    int // earlier attempts that ended with their owner

	turn     chan struct{} // held while rec is used, also across a store call
	rec      *store.Record // the newest that this attempt wrote or read
	returned chan outcome  // delivers once, when the handler's goroutine ends
	reported chan struct{} // poked by Report
	cancels  chan struct{} // closed when a cancel was requested

	mu         sync.Mutex
	cancel     context.CancelCauseFunc // nil before begin
	cause      error                   // of a cancellation that came before begin
	latest     proto.Message           // what was reported last; never nil
	reports    int                     // how often Report was called
	written    int                     // the value of reports at the last write
	reportErr  error                   // why the last report could not be taken
	asked      bool                    // cancels is closed
	completing bool                    // Task.Complete has stored an end
}

// An outcome is what a handler made of its attempt.
type outcome struct {
	res proto.Message
	err error
}

func newAttempt(m *Manager, r *run, l *lease, h *method, name string, epoch int64) *attempt {
	return &attempt{
		m: m, run: r, lease: l, method: h, name: name, epoch: epoch,
		turn:     make(chan struct{}, 1),
		returned: make(chan outcome, 1),
		reported: make(chan struct{}, 1),
		cancels:  make(chan struct{}),
	}
}

// owns reports whether rec is what this attempt executes.
func (a *attempt) owns(rec *store.Record) bool {
	return rec.Name == a.name && rec.State == store.Running && rec.Epoch == a.epoch && rec.Owner == a.lease.owner
}

// begin starts the keeper on the record as it was claimed.
func (a *attempt) begin(rec *store.Record) {
	ctx := a.m.opts.Extract(a.run.values, rec.Carrier)
	stop := context.CancelFunc(func() {})
	if !rec.Deadline.IsZero() {
		// By the store's clock the record was claimed at UpdateTime.
		ctx, stop = context.WithTimeout(ctx, rec.Deadline.Sub(rec.UpdateTime))
	}
	ctx, cancel := context.WithCancelCause(ctx)

	a.ctx, a.request, a.rec = ctx, rec.Request, rec
	a.used, a.lost = attemptsUsed(rec), ownersLost(rec)
	a.mu.Lock()
	a.cancel = cancel
	a.latest = a.storedMetadata(rec)
	if a.cause != nil {
		cancel(a.cause)
	}
	a.mu.Unlock()
	a.observe(rec)
	go func() {
		defer stop()
		defer cancel(nil)
		a.keep()
	}()
}

func (a *attempt) storedMetadata(rec *store.Record) proto.Message {
	if a.method == nil {
		return nil
	}
	meta := a.method.meta.ProtoReflect().New().Interface()
	if rec.Metadata != nil {
		if err := decodeInto(rec.Metadata, meta); err != nil {
			a.m.log.Warn("lro: stored metadata is of another type; the handler starts with none",
				"operation", a.name, "error", err)
			return a.method.meta.ProtoReflect().New().Interface()
		}
	}
	return meta
}

// observe draws the consequences of what others wrote.
func (a *attempt) observe(rec *store.Record) {
	switch {
	case rec.Epoch < a.epoch:
	case rec.State == store.Done && rec.Epoch == a.epoch:
		a.mu.Lock()
		own := a.completing
		a.mu.Unlock()
		if !own {
			a.stop(ErrDone)
		}
	case rec.Epoch > a.epoch || rec.State != store.Running:
		a.stop(ErrLeaseLost)
	case rec.CancelRequested:
		a.requestCancel()
	}
}

// stop ends the handler's context; the first cause stays.
func (a *attempt) stop(cause error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.cancel != nil:
		a.cancel(cause)
	case a.cause == nil:
		a.cause = cause
	}
}

func (a *attempt) requestCancel() {
	a.stop(ErrCancelled)
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.asked {
		a.asked = true
		close(a.cancels)
	}
}

// update writes the record under the attempt's fence, with the newest report
// inside. ErrDone and ErrLeaseLost say that the fence is down; the record as it
// is then comes along.
func (a *attempt) update(ctx context.Context, patience time.Duration, t transition) (*store.Record, error) {
	select {
	case a.turn <- struct{}{}:
		defer func() { <-a.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	metadata, reports := a.report()
	rec, err := a.m.change(ctx, a.rec, fenced(a.epoch, withMetadata(metadata, t)), patience)
	if err != nil {
		return rec, err
	}
	if !a.m.inTx(ctx) {
		a.rec = rec
		a.mu.Lock()
		a.written = max(a.written, reports)
		a.mu.Unlock()
	}
	return rec, nil
}

// report answers the newest report if it has not been stored, and its number.
func (a *attempt) report() ([]byte, int) {
	a.mu.Lock()
	latest, reports, stored := a.latest, a.reports, a.reports == a.written
	a.mu.Unlock()
	if stored || !a.method.hasMetadata() {
		return nil, reports
	}
	metadata, err := a.m.encode(latest)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.reportErr = err
	if err != nil {
		a.m.log.Error("lro: a report cannot be stored", "operation", a.name, "method", a.method.name, "error", err)
		a.written = max(a.written, reports)
	}
	return metadata, reports
}

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
	if a.attend() {
		a.drop()
	} else {
		a.run.desert(a)
	}
}

// attend stores what becomes due while the handler runs, and reports whether
// it returned; a handler that ignores its context is left behind by a drain.
func (a *attempt) attend() bool {
	var (
		over     bool // there is nothing more to write
		expired  = a.run.expired
		cancels  = a.cancels
		ctxDone  = a.ctx.Done()
		grace    <-chan time.Time
		interval <-chan time.Time
		flushed  time.Time
	)
	for {
		select {
		case out := <-a.returned:
			if !over {
				a.finish(out)
			}
			return true
		case <-a.reported:
			if interval == nil && !over {
				interval = time.After(a.m.opts.ReportInterval - time.Since(flushed))
			}
		case <-interval:
			interval, flushed = nil, time.Now()
			over = over || !a.flush()
		case <-cancels:
			cancels, grace = nil, time.After(a.method.opts.CancelGrace)
		case <-grace:
			over = over || a.conclude(a.end(a.m.cancelled()))
		case <-ctxDone:
			ctxDone = nil
			if errors.Is(context.Cause(a.ctx), context.DeadlineExceeded) {
				over = over || a.conclude(a.end(a.m.late()))
			}
		case <-expired:
			expired = nil
			a.stop(ErrShutdown)
		case <-a.run.abandoned:
			if !over {
				a.conclude(a.handBack())
			}
			return false
		}
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
		return a.handBack()
	case a.used > a.method.opts.MaxAttempts:
		return a.end(a.m.exhausted(a.method.opts.MaxAttempts))
	}
	return nil
}

// suspect reports whether this operation may be what killed its owners.
func (a *attempt) suspect() bool {
	return a.lost > 0 && a.used >= a.method.opts.MaxAttempts
}

// quarantine waits until no other suspect runs here, so that a poison operation
// takes no bystanders along, and reports whether the handler may start.
func (a *attempt) quarantine() bool {
	select {
	case a.run.suspects <- struct{}{}:
		return true
	case <-a.run.drain:
		a.conclude(a.handBack())
	case <-a.ctx.Done():
		switch cause := context.Cause(a.ctx); {
		case errors.Is(cause, ErrCancelled):
			a.conclude(a.end(a.m.cancelled()))
		case errors.Is(cause, context.DeadlineExceeded):
			a.conclude(a.end(a.m.late()))
		}
	}
	return false
}

func (a *attempt) retention() time.Duration {
	if a.method == nil {
		return defaultRetention
	}
	return a.method.opts.Retention
}

func (a *attempt) end(r result) transition { return end(r, a.retention()) }

func (a *attempt) handBack() transition { return release(a.m.cancelled(), a.retention()) }

// flush stores the newest report, and reports whether the attempt goes on. A
// store that fails is asked again with the next report.
func (a *attempt) flush() bool {
	_, err := a.update(a.run.io, time.Nanosecond, progress(nil))
	switch {
	case errors.Is(err, ErrDone):
		a.stop(ErrDone)
		return false
	case errors.Is(err, ErrLeaseLost), errors.Is(err, store.ErrNotFound):
		a.stop(ErrLeaseLost)
		return false
	case err != nil:
		a.m.log.Warn("lro: a report was not stored, trying again", "operation", a.name, "error", err)
		poke(a.reported)
	}
	return true
}

// conclude stores the end of the attempt, for as long as it takes, and answers
// true: there is nothing more to write. Somebody who fenced it off has won.
func (a *attempt) conclude(t transition) bool {
	rec, err := a.update(a.run.io, forever, t)
	if errors.Is(err, store.ErrInvalid) {
		a.m.log.Error("lro: the store can never take this result", "operation", a.name, "error", err)
		a.discardReport()
		rec, err = a.update(a.run.io, forever, a.end(a.m.unstorable()))
	}
	switch {
	case err == nil:
		a.m.log.Debug("lro: attempt ended", "operation", a.name, "attempt", a.epoch, "state", rec.State)
	case errors.Is(err, ErrDone), errors.Is(err, ErrLeaseLost), errors.Is(err, store.ErrNotFound):
		a.m.log.Info("lro: attempt was fenced off", "operation", a.name, "attempt", a.epoch, "error", err)
	default:
		a.m.log.Error("lro: the end of an attempt was not stored; another owner runs it again",
			"operation", a.name, "attempt", a.epoch, "error", err)
	}
	return true
}

func (a *attempt) discardReport() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.written = a.reports
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
	err := a.m.opts.Intercept(a.ctx, info, func(ctx context.Context) (err error) {
		res, err = a.method.run(ctx, a)
		return err
	})
	if err == nil && res == nil {
		err = fmt.Errorf("lro: the handler of %s returned neither a response nor an error; return one of them", a.method.name)
	}
	out = outcome{res, err}
}
