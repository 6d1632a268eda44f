package lro

import (
	"context"
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
	ctx     context.Context //nolint:containedctx // the handler's; the keeper starts it
	claimed *store.Record   // as the attempt began, Request and Carrier included
	used    int             // attempts, this one included
	lost    int             // earlier attempts that ended with their owner

	writes context.Context         //nolint:containedctx // of the Task's calls; ends when the keeper concludes
	quit   context.CancelCauseFunc // ends writes

	over   bool   // the keeper's: there is nothing more to write
	stored func() // the keeper's: called when the end that it writes is stored; may be nil

	turn     chan struct{} // held while rec is used, also across a store call
	rec      *store.Record // the newest that this attempt wrote or read
	returned chan outcome  // delivers once, when the handler's goroutine ends
	reported chan struct{} // poked by Report
	cancels  chan struct{} // closed when a cancel was requested

	mu         sync.Mutex
	cancel     context.CancelCauseFunc // nil before begin
	cause      error                   // of a cancellation that came before begin
	latest     []byte                  // what was reported last, as it is stored
	reports    int                     // how often Report was called
	written    int                     // the value of reports at the last write
	refused    error                   // why the last report could not be taken
	asked      bool                    // cancels is closed
	completing bool                    // Task.Complete has stored an end
	checkpoint []byte                  // what was saved last
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
	ctx := a.run.values
	stop := context.CancelFunc(func() {})
	if !rec.Deadline.IsZero() {
		// By the store's clock the record was claimed at UpdateTime.
		ctx, stop = context.WithTimeout(ctx, rec.Deadline.Sub(rec.UpdateTime))
	}
	ctx, cancel := context.WithCancelCause(ctx)

	a.ctx, a.claimed, a.rec = ctx, rec, rec
	a.writes, a.quit = context.WithCancelCause(a.run.io)
	a.used, a.lost = attemptsUsed(rec), ownersLost(rec)
	a.mu.Lock()
	a.cancel = cancel
	a.latest, a.checkpoint = rec.Metadata, rec.Checkpoint
	if a.cause != nil {
		cancel(a.cause)
	}
	a.mu.Unlock()
	a.observe(rec)
	go func() {
		defer stop()
		defer cancel(nil)
		defer a.quit(ErrDone)
		a.keep()
	}()
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
		a.checkpoint = rec.Checkpoint
		a.written = max(a.written, reports)
		a.mu.Unlock()
	}
	return rec, nil
}

// report answers the newest report if it has not been stored, and its number.
func (a *attempt) report() ([]byte, int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.reports == a.written {
		return nil, a.reports
	}
	return a.latest, a.reports
}
