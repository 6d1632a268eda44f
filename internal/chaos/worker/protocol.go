//go:build linux

package worker

import (
	"encoding/json"
	"slices"
	"time"
)

// Config is what a worker is started with, as JSON in its one argument.
type Config struct {
	Name     string
	Store    string // postgres://… or sqlite:FILE
	LeaseTTL time.Duration
	Capacity int
	Methods  []string // those it has handlers for; it can start all
}

// The methods of the operations that workers run. All take a PrintRequest, whose
// text is a Script.
const (
	Count  = "/chaos.Works/Count"  // every worker runs it
	Rare   = "/chaos.Works/Rare"   // some workers run it
	Poison = "/chaos.Works/Poison" // kills its process
	Order  = "/chaos.Works/Order"  // begins and ends with a row of the application
	Nobody = "/chaos.Works/Nobody" // no worker runs it: a cancel ends it, or its timeout of 3 s
)

// PoisonAttempts is how many attempts a Poison has.
const PoisonAttempts = 3

// Methods answers all of them.
func Methods() []string { return []string{Count, Rare, Poison, Order, Nobody} }

// A Script says what a handler does.
type Script struct {
	Steps int           `json:"steps"` // values reported; every second one is saved as well
	Pause time.Duration `json:"pause"` // before each
	Mute  bool          `json:"mute"`  // reports and saves nothing
	Deaf  bool          `json:"deaf"`  // ignores its context
	End   string        `json:"end"`
}

// The ends of a Script.
const (
	EndsResponse = "response"
	EndsError    = "error"
	EndsRetry    = "retry"    // two more attempts, then a response
	EndsExternal = "external" // leaves the end to somebody else
	EndsComplete = "complete" // by Task.Complete
	EndsPanic    = "panic"
	EndsPoison   = "poison" // with the process
)

func (s Script) String() string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a struct of plain fields
	}
	return string(b)
}

// An Event is what a worker tells of itself, one line of JSON each.
type Event struct {
	Kind    string `json:"kind"`
	Text    string `json:"text,omitempty"`
	Name    string `json:"name,omitempty"`
	Epoch   int64  `json:"epoch,omitempty"`
	Running int    `json:"running,omitempty"`
}

// The kinds of events.
const (
	Ready      = "ready"      // Text: where it serves
	Began      = "began"      // Name, Epoch: a handler
	Returned   = "returned"   // Name, Epoch: a handler
	Saved      = "saved"      // Name, Text: the stamp of what a handler knows to be stored
	Tries      = "tries"      // Name, Epoch: an attempt is about to write
	Trespassed = "trespassed" // Name, Epoch: it has let go of what another worker runs
	Owns       = "owns"       // Text: the id of the owner it has registered
	Struck     = "struck"     // Text: the failpoint at which it kills itself; Running: handlers under way
	Drained    = "drained"    // Text: what Run answered, if that is an error
	Leaks      = "leaks"      // Text: goroutines that are left
	Failed     = "failed"     // Text: the error of a write, if it is no sentinel
	MutedHint  = "muted hint" // a hint was lost on command
)

// A Command is what a worker is told, one line of JSON each.
type Command struct {
	Strike []string      `json:"strike"`         // failpoints: it dies at the first it comes to; null leaves them, none disarms
	Mute   time.Duration `json:"mute,omitempty"` // how long to lose all hints
}

// Failpoints are the points around each kind of write: before it, and after it,
// when the store has it and its caller does not know yet.
func Failpoints() []string {
	var points []string
	for _, write := range []string{
		createsRunning, createsPending, createsExternal, claims, beats,
		reports, saves, lets, externalises, ends, cancels, deletes,
	} {
		points = append(points, "before "+write, "after "+write)
	}
	return slices.Clip(points)
}

// The writes.
const (
	createsRunning  = "create as claimed"
	createsPending  = "create"
	createsExternal = "create external"
	claims          = "claim"
	beats           = "heartbeat"
	reports         = "report"
	saves           = "save"
	lets            = "hand back or retry"
	externalises    = "externalise"
	ends            = "end"
	cancels         = "cancel"
	deletes         = "delete"
)
