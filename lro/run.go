package lro

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

const (
	// shutdownGrace is how long handlers may take to return once a drain has
	// cancelled them; after that they are left behind.
	shutdownGrace = 5 * time.Second
	// handBackGrace is how long the store then has to take what is still to be
	// written.
	handBackGrace = 3 * time.Second
)

// A run is one life of a Manager: all that Run owns.
//
//nolint:containedctx // it is the owner of these contexts, and lives as long as they do
type run struct {
	m      *Manager
	values context.Context // of handlers; ends with ErrShutdown at DrainTimeout
	io     context.Context // of store calls; ends when Run gives up
	work   context.Context // ends when the drain begins

	shut context.CancelCauseFunc // ends values
	stop context.CancelFunc      // ends all three

	claims     chan struct{} // poked when something may be claimable
	reconciles chan struct{} // poked when an outcome of Create or Claim is unknown
	rereads    chan struct{} // poked when stale has names
	suspects   chan struct{} // held by the one suspect that runs

	abandoned chan struct{} // closed when handlers are left behind

	keepers sync.WaitGroup

	mu       sync.Mutex
	stale    map[string]struct{} // names to re-read
	deserted []string            // operations whose handlers were left behind, and their fate
	lost     []string            // operations whose attempts have ended here, which the store may not know
	lostErr  error               // why, for the last of them
}

// Run claims and executes operations, adopts those of dead owners, keeps this
// Manager's own alive and wakes waiters. Every process that starts or serves
// operations runs it, once.
//
// It returns after ctx has ended and the Manager has drained: waits are
// answered, nothing more is claimed, and handlers go on for at most
// Options.DrainTimeout. Those that have not ended by then are cancelled with
// cause ErrShutdown, have five seconds to return, and are handed back for
// another owner to run at once. Run returns ten seconds after DrainTimeout at the
// latest, also when the store is closed, hangs or is gone.
//
// Run then answers nil, or an error that names the operations whose handlers
// ignored their context and are still running, and those whose ends, or
// hand-backs, are not known to be stored. Another owner runs these again, unless
// they were stored after all.
//
// Serve until Run has returned, and stop the server then: during the drain
// clients can still read how far the operations are, and their ends.
//
//	err := m.Run(ctx)
//	grpcServer.GracefulStop()
//
// Run is registered as running as soon as it is called; a Wait that comes before
// is answered at once, and what was started before is executed then.
//
// A second Run is an error.
func (m *Manager) Run(ctx context.Context) error { //nolint:contextcheck // what a run owns outlives ctx, until all is handed back
	r, err := m.newRun(ctx)
	if err != nil {
		return err
	}
	defer r.stop()

	var loops, beats sync.WaitGroup
	alive, resign := context.WithCancel(r.io)
	defer resign()
	beats.Go(func() { r.heartbeats(alive) })
	loops.Go(r.claimLoop)
	loops.Go(r.sweepLoop)
	loops.Go(r.rereadLoop)
	loops.Go(r.safetyLoop)
	if n, ok := m.store.(store.Notifier); ok {
		loops.Go(func() { r.listen(n) })
	}

	<-ctx.Done()
	m.update(func(s *state) { s.phase = draining })
	r.drainHandlers(&loops) //nolint:contextcheck // as above
	resign()
	beats.Wait()
	m.update(func(s *state) { s.phase, s.lease = finished, nil })
	return r.left()
}

func (m *Manager) newRun(ctx context.Context) (*run, error) {
	io, stopIO := context.WithCancel(context.WithoutCancel(ctx))
	values, shut := context.WithCancelCause(context.WithoutCancel(ctx))
	work, endWork := context.WithCancel(ctx) // its Done is never nil: that of ctx may be
	r := &run{
		m: m, values: values, io: io, work: work,
		shut:       shut,
		stop:       func() { stopIO(); shut(ErrShutdown); endWork() },
		claims:     make(chan struct{}, 1),
		reconciles: make(chan struct{}, 1),
		rereads:    make(chan struct{}, 1),
		suspects:   make(chan struct{}, 1),
		abandoned:  make(chan struct{}),
		stale:      make(map[string]struct{}),
	}
	var err error
	m.update(func(s *state) {
		if s.phase != idle {
			err = errors.New("lro: Run was called twice; make a new Manager for another run")
			return
		}
		s.phase, s.run = running, r
	})
	if err != nil {
		r.stop()
	}
	return r, err
}

// drainHandlers waits for the loops and the attempts, ever less patiently: at
// DrainTimeout it cancels the handlers, then it leaves them behind, and in the
// end it fails the store calls that are still under way.
func (r *run) drainHandlers(loops *sync.WaitGroup) {
	done := make(chan struct{})
	go func() {
		loops.Wait()
		r.settle(time.Second) // so that others run it before the handlers have finished
		r.keepers.Wait()
		r.settle(patience)
		r.keepers.Wait()
		close(done)
	}()
	for _, step := range []struct {
		patience time.Duration
		next     func()
	}{
		{r.m.opts.DrainTimeout, func() { r.shut(ErrShutdown) }},
		{shutdownGrace, func() { close(r.abandoned) }},
		{handBackGrace, r.stop},
	} {
		timer := time.NewTimer(step.patience)
		select {
		case <-done:
			timer.Stop()
			return
		case <-timer.C:
			step.next()
		}
	}
	<-done
}

// desert leaves a handler behind that does not return, and notes what became of
// its operation. It keeps its slot.
func (r *run) desert(a *attempt, fate string) {
	r.mu.Lock()
	r.deserted = append(r.deserted, a.name+" ("+fate+")")
	r.mu.Unlock()
	r.keepers.Done()
}

// loseEnd notes an attempt whose end the store may not have taken, as when the
// drain has run out of time.
func (r *run) loseEnd(a *attempt, err error) {
	if r.io.Err() == nil {
		r.m.log.Error("lro: the end of an attempt was not stored; the operation runs again", "operation", a.name, "attempt", a.epoch, "error", err)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lost = append(r.lost, a.name)
	r.lostErr = err
}

// left answers what a drain could not bring to an end. The store's error is not
// wrapped: it often is a context's, and nobody cancelled Run that early.
func (r *run) left() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var left []string
	if n := len(r.deserted); n > 0 {
		slices.Sort(r.deserted)
		left = append(left, fmt.Sprintf("%d handlers ignored their context and are still running: %s", n, strings.Join(r.deserted, ", ")))
	}
	if len(r.lost) > 0 {
		slices.Sort(r.lost)
		left = append(left, fmt.Sprintf("ends that the store may not have taken, so that another owner runs these operations again: %s (%v)",
			strings.Join(r.lost, ", "), r.lostErr))
	}
	if left == nil {
		return nil
	}
	return errors.New("lro: Run: " + strings.Join(left, "; "))
}

// every calls f until the drain: first after the interval, then after what f
// answers, both jittered, and sooner when poked. While f fails it waits longer.
func (r *run) every(interval time.Duration, poked <-chan struct{}, f func() (time.Duration, error)) {
	timer := time.NewTimer(jitter(interval))
	defer timer.Stop()
	retry := backoff{least: interval}
	for {
		select {
		case <-r.work.Done():
			return
		case <-timer.C:
		case <-poked:
		}
		if r.work.Err() != nil {
			return
		}
		next, err := f()
		if err != nil {
			if errors.Is(err, store.ErrInvalid) { // a fault of ours or of the store's, and no outage
				r.m.log.Error("lro: the store refuses a call, trying again", "error", err)
			}
			timer.Reset(retry.wait())
			continue
		}
		retry.reset()
		timer.Reset(jitter(next))
	}
}
