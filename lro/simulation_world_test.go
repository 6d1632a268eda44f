package lro_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/longrunning-go/longrunning/internal/oracle"
)

// A world is one simulation: replicas on one ledger, clients, and what befalls
// them, until all is calm; then what was started has to end.
type world struct {
	t       *testing.T
	seed    seed
	plan    plan
	verbose bool
	ledger  *ledger
	oracle  *oracle.Oracle
	began   time.Time

	calls, faults atomic.Int64
	calm          chan struct{} // closed when nothing is struck any more
	calmed        time.Time     // when

	clients sync.WaitGroup
	strikes sync.WaitGroup
	later   sync.WaitGroup // what commits after its call was given up

	mu        sync.Mutex
	wrong     []string   // what no oracle is needed for
	slots     []*replica // nil while nobody is there
	born      []int      // how many replicas each slot has had
	all       []*replica
	cut       func(*replica) // cuts those who begin, while there is an outage
	started   []string       // names
	unsettled []*starting
}

const (
	leastCalls, leastFaults = 200, 5

	// settleWithin bounds the rest of every operation once all is calm: two lease
	// times until orphans are adopted, back-off, quarantine, and the attempts that
	// are left.
	settleWithin = 2 * time.Minute
	// wakeWithin is the safety re-read, for who heard no hint.
	wakeWithin = 4 * time.Second
	// recovery is how long a replica backs off after a struck call.
	recovery = 10 * time.Second
)

func newWorld(t *testing.T, s seed, verbose bool) *world {
	t.Helper()
	p := s.plan()
	w := &world{
		t: t, seed: s, plan: p, verbose: verbose,
		ledger: newLedger(), oracle: oracle.New(), calm: make(chan struct{}),
		slots: make([]*replica, p.replicas), born: make([]int, p.replicas),
	}
	w.ledger.buried = w.buried
	// Every seed begins at an instant of its own, in the year of the simulation.
	d := s.dice(0, "began")
	time.Sleep(time.Until(time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)) + d.between(0, 30*24*time.Hour))
	w.began = time.Now()
	return w
}

// play runs the whole simulation and answers what was wrong.
func (w *world) play() []string {
	d := w.seed.dice(0, "world")
	w.logf("%+v", w.plan)
	for slot := range w.slots {
		w.rest(w.t.Context(), d.between(0, 300*time.Millisecond), d)
		w.fill(slot)
	}
	for i := range w.plan.clients {
		c := &client{world: w, label: numbered("c", i), dice: w.seed.dice(int64(i), "client")}
		w.clients.Go(c.run)
	}
	for i := range w.plan.strikes {
		w.strikes.Go(func() { w.strike(w.seed.dice(int64(i), "strike"), w.plan.chaos) })
	}
	time.Sleep(w.plan.chaos)
	for more := int64(0); w.calls.Load() < leastCalls || w.faults.Load() < leastFaults; more++ {
		w.strikes.Go(func() { w.strike(w.seed.dice(more, "more"), 0) })
		time.Sleep(5*time.Second + 1)
	}
	w.logf("calm after %d calls and %d faults", w.calls.Load(), w.faults.Load())
	w.mu.Lock()
	w.calmed = time.Now()
	close(w.calm)
	w.mu.Unlock()
	w.strikes.Wait()
	w.clients.Wait()
	w.later.Wait()
	w.settle()
	if calls, faults := w.calls.Load(), w.faults.Load(); calls < leastCalls || faults < leastFaults {
		w.errorf("%d store calls and %d faults were counted; want at least %d and %d", calls, faults, leastCalls, leastFaults)
	}
	for _, v := range w.oracle.Check(w.ledger.history, oracle.Bounds{
		Calm: w.calmed, Within: settleWithin, Wake: wakeWithin, Attempts: w.plan.attempts, Until: time.Now(), Exact: true,
	}) {
		w.errorf("%s: %s, %s: %s", v.Invariant, w.ledger.label(v.Name), v.Name, v.Text)
	}
	return w.wrong
}

// begin starts what is to be over soon after the calm, and reports false if that
// has come.
func (w *world) begin(group *sync.WaitGroup, f func()) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.isCalm() {
		return false
	}
	group.Go(f)
	return true
}

// fill puts a new replica into a slot.
func (w *world) fill(slot int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	label := fmt.Sprintf("p%d.%d", slot, w.born[slot])
	w.born[slot]++
	r := w.newReplica(label, slot < w.plan.rare)
	w.slots[slot] = r
	w.all = append(w.all, r)
	if w.cut != nil {
		w.cut(r)
	}
	w.logf("%s: begins", label)
}

// replica answers one that lives, nil if there is none. knows, if not "", is a
// method that it knows.
func (w *world) replica(d dice, knows string) *replica {
	w.mu.Lock()
	defer w.mu.Unlock()
	var living []*replica
	for _, r := range w.slots {
		if r != nil && (knows == "" || r.methods[knows] != nil) {
			living = append(living, r)
		}
	}
	if living == nil {
		return nil
	}
	return pick(d, living...)
}

func (w *world) isCalm() bool {
	select {
	case <-w.calm:
		return true
	default:
		return false
	}
}

// rest waits for d, or until all is calm, and reports whether ctx did not end
// before. What the calm wakes moves at instants of its own.
func (w *world) rest(ctx context.Context, d time.Duration, dice dice) bool {
	if w.isCalm() {
		d = min(d, 200*time.Millisecond)
	}
	calm := w.calm
	for timer := time.NewTimer(d); ; {
		select {
		case <-timer.C:
			return true
		case <-ctx.Done():
			timer.Stop()
			return false
		case <-calm:
			calm = nil
			timer.Reset(min(d, dice.between(0, 20*time.Millisecond)))
		}
	}
}

// settle lets everything end, and then everybody go.
func (w *world) settle() {
	d := w.seed.dice(0, "settle")
	c := &client{world: w, label: "settler", dice: d}
	for _, s := range w.unsettled {
		if !c.launch(s) {
			w.errorf("%s could not be started in calm", s.label)
		}
	}
	for open := 1; open > 0 && time.Since(w.calmed) < settleWithin; {
		var external []string
		external, open = w.ledger.external()
		if w.plan.timeout < settleWithin/2 {
			external = nil // these end by themselves
		}
		for _, name := range external {
			c.byName(w.replica(d, ""), name, "complete", d)
		}
		time.Sleep(d.between(300*time.Millisecond, 600*time.Millisecond))
	}
	for _, name := range w.started {
		c.byName(w.replica(d, ""), name, "get", d)
	}
	for _, parent := range parentsOf {
		c.list(w.replica(d, ""), parent)
	}
	time.Sleep(recovery) // who waits before it tries again may have an end to store
	if w.plan.expiry {
		w.dismiss(w.slots[1:])
		time.Sleep(time.Minute + settleWithin + 10*time.Second)
	}
	w.dismiss(w.slots)
	for _, r := range w.all {
		<-r.ended
	}
}

// dismiss drains replicas that have nothing to do and whose store answers.
func (w *world) dismiss(replicas []*replica) {
	began := time.Now()
	for _, r := range replicas {
		r.leave()
	}
	for _, r := range replicas {
		<-r.ended
		if took := time.Since(began); r.err != nil || took > w.plan.drain {
			w.errorf("%s drained in calm for %v: %v; want at most %v and no error", r.label, took, r.err, w.plan.drain)
		}
	}
}

// expected complains of an error that no call may answer.
func (w *world) expected(call string, err error, allowed ...codes.Code) {
	allowed = append(allowed, codes.OK, codes.Unavailable, codes.Aborted, codes.DeadlineExceeded, codes.Canceled)
	if code := status.Code(err); !slices.Contains(allowed, code) {
		w.errorf("%s answered %v, %v", call, code, err)
	}
}

func (w *world) errorf(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrong = append(w.wrong, fmt.Sprintf("after %v ", time.Since(w.began))+fmt.Sprintf(format, args...))
}

func (w *world) logf(format string, args ...any) {
	if w.verbose {
		w.t.Helper()
		w.t.Logf("%12v %s", time.Since(w.began).Round(time.Microsecond), fmt.Sprintf(format, args...))
	}
}
