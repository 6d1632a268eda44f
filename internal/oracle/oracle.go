// Package oracle says whether operations were treated as DESIGN.md, section 5,
// promises, whatever was done to the processes that ran them.
//
// An [Oracle] stands outside those processes. It keeps what clients were told;
// in the end [Oracle.Check] compares that with the history of the store, in which
// every version of every record stands. Every value that a handler or a client
// writes bears a [Stamp] of who wrote it. The chaos program and the simulation
// share it.
package oracle

import (
	"slices"
	"sync"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/proto"

	"github.com/longrunning-go/longrunning/store"
)

// An Invariant is a promise, in words.
type Invariant string

// The invariants of operations, whoever runs them.
const (
	Kept    Invariant = "no acknowledged operation is missing"
	Ended   Invariant = "every operation ends within its bound"
	Single  Invariant = "exactly one result each"
	Fenced  Invariant = "no write by a stale epoch"
	Forward Invariant = "metadata never goes back"
	Unique  Invariant = "one operation for a request id"
	Stands  Invariant = "what was acknowledged is stored"
	Cancels Invariant = "cancelled operations end"
	Gone    Invariant = "deleted operations are gone"
	Woken   Invariant = "waiters are woken"
	Latest  Invariant = "reads never go back"
	Lawful  Invariant = "versions and epochs grow by one, states as designed"
)

// Invariants answers all of them, in the order of a table.
func Invariants() []Invariant {
	return []Invariant{Kept, Ended, Single, Fenced, Forward, Unique, Stands, Cancels, Gone, Woken, Latest, Lawful}
}

// A Violation is a promise broken for one operation.
type Violation struct {
	Invariant Invariant
	Name      string // of the operation
	Text      string // what was seen
}

// A Change is one committed write, as the store's own log has it.
type Change struct {
	At      time.Time // by the clock of the oracle, which nobody moves
	Record  *store.Record
	Removed bool // the record, as it was last, expired
}

// An Oracle keeps what clients were told. Its methods may be called by any number
// of goroutines.
type Oracle struct {
	mu        sync.Mutex
	started   []start
	cancelled map[string]time.Time
	deleted   map[string]time.Time
	ended     map[string][]*longrunningpb.Operation
	reads     map[string][]read
	missed    map[string][]miss
	saved     map[string][]Stamp
	runs      map[string][]ran
}

type start struct {
	name, requestID string
	at              time.Time
}

type read struct {
	asked, answered time.Time
	waited          bool
	op              *longrunningpb.Operation
}

type miss struct{ asked, answered time.Time }

type ran struct {
	epoch int64
	by    string
}

// New answers an Oracle that was told nothing yet.
func New() *Oracle {
	return &Oracle{
		cancelled: make(map[string]time.Time),
		deleted:   make(map[string]time.Time),
		ended:     make(map[string][]*longrunningpb.Operation),
		reads:     make(map[string][]read),
		missed:    make(map[string][]miss),
		saved:     make(map[string][]Stamp),
		runs:      make(map[string][]ran),
	}
}

// Started notes that a start was answered with the operation, now. Starts with
// one request id, unique over parents and methods, are starts of one operation.
func (o *Oracle) Started(op *longrunningpb.Operation, requestID string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.started = append(o.started, start{op.GetName(), requestID, time.Now()})
}

// Cancelled notes that a cancel was acknowledged, now.
func (o *Oracle) Cancelled(name string) { o.note(o.cancelled, name) }

// Deleted notes that a delete was acknowledged, now.
func (o *Oracle) Deleted(name string) { o.note(o.deleted, name) }

// note keeps the first time.
func (o *Oracle) note(times map[string]time.Time, name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ok := times[name]; !ok {
		times[name] = time.Now()
	}
}

// Ended notes that the end of an operation by name was acknowledged: op has that
// name and the result.
func (o *Oracle) Ended(op *longrunningpb.Operation) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended[op.GetName()] = append(o.ended[op.GetName()], op)
}

// Read notes that a read that was asked for at that time was answered op, now.
func (o *Oracle) Read(asked time.Time, op *longrunningpb.Operation) { o.read(asked, op, false) }

// Waited notes that a wait that began at that time was answered op, now, and that
// nothing disturbed the process that answered: it had to wake the waiter.
func (o *Oracle) Waited(asked time.Time, op *longrunningpb.Operation) { o.read(asked, op, true) }

func (o *Oracle) read(asked time.Time, op *longrunningpb.Operation, waited bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reads[op.GetName()] = append(o.reads[op.GetName()], read{asked: asked, answered: time.Now(), waited: waited, op: op})
}

// Missed notes that a read that was asked for at that time was answered NOT_FOUND,
// now.
func (o *Oracle) Missed(asked time.Time, name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.missed[name] = append(o.missed[name], miss{asked, time.Now()})
}

// Saved notes that a handler's Save or Flush of a value with the stamp was
// acknowledged, or a report of it by name.
func (o *Oracle) Saved(name string, s Stamp) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.saved[name] = append(o.saved[name], s)
}

// Ran notes that a process began to run the handler for an attempt.
func (o *Oracle) Ran(name string, epoch int64, by string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.runs[name] = append(o.runs[name], ran{epoch, by})
}

// A Tally counts what an Oracle was told.
type Tally struct{ Starts, Cancels, Deletes, Ends, Saves, Reads, Waits int }

// Tally answers how much was told.
func (o *Oracle) Tally() Tally {
	o.mu.Lock()
	defer o.mu.Unlock()
	t := Tally{Starts: len(o.started), Cancels: len(o.cancelled), Deletes: len(o.deleted)}
	for _, ends := range o.ended {
		t.Ends += len(ends)
	}
	for _, saves := range o.saved {
		t.Saves += len(saves)
	}
	for _, reads := range o.reads {
		for _, r := range reads {
			if r.waited {
				t.Waits++
			} else {
				t.Reads++
			}
		}
	}
	return t
}

// Bounds say how long things may take. The zero value of Attempts, AttemptsOf,
// Until and Exact checks less.
type Bounds struct {
	Calm       time.Time      // since when nothing is struck any more
	Within     time.Duration  // from there, or from the start or cancel if that is later, to the end
	Wake       time.Duration  // from the end of an operation to the answer of who waits
	Attempts   int            // MaxAttempts of every method
	AttemptsOf map[string]int // MaxAttempts of methods for which it is another
	Until      time.Time      // when the history was read: by then deleted operations that had ended in time are removed
	Exact      bool           // Change.At is the instant from which every read showed the change
}

// Check answers every violation there is, those of one operation together.
func (o *Oracle) Check(history []Change, b Bounds) []Violation {
	o.mu.Lock()
	defer o.mu.Unlock()
	lives := livesOf(history)
	started := make(map[string]time.Time)
	for _, s := range o.started {
		if _, ok := started[s.name]; !ok {
			started[s.name] = s.at
		}
	}
	found := o.checkStarts(lives)
	for _, l := range lives {
		found = append(found, l.check(b)...)
		found = append(found, o.checkTold(l, b)...)
		found = append(found, o.checkRuns(l, b)...)
		found = append(found, o.checkReads(l, b)...)
		found = append(found, o.checkMissed(l, started[l.name])...)
	}
	slices.SortStableFunc(found, func(a, b Violation) int {
		return slices.Compare([]string{a.Name, string(a.Invariant)}, []string{b.Name, string(b.Invariant)})
	})
	return found
}

// sameResult reports whether two operations have the same result.
func sameResult(a, b *longrunningpb.Operation) bool {
	if a.GetError() != nil || b.GetError() != nil {
		return a.GetError() != nil && b.GetError() != nil && proto.Equal(a.GetError(), b.GetError())
	}
	return proto.Equal(a.GetResponse(), b.GetResponse())
}
