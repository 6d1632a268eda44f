package store

import (
	"fmt"
	"time"
)

// A Record is one operation as it is stored.
type Record struct {
	// Fixed by Create.

	Name      string            // {Parent}/operations/{ID}; unique
	Parent    string            // "" is the default parent
	ID        string            // UUIDv7; unique over all parents, the order of lists
	Method    string            // full RPC name, /pkg.Service/Method; "" is none
	RequestID string            // unique per Parent and Method; "" is none
	Request   []byte            // serialized google.protobuf.Any; only in answers of Create and Claim
	Carrier   map[string]string // trace context, principal

	// Set by the store.

	Version    int64     // 1 at first, then one more with every write
	Epoch      int64     // one more with every claim; 1 when created as claimed, else 0 at first
	CreateTime time.Time // of Create
	UpdateTime time.Time // of the last write
	EndTime    time.Time // of the write that made it Done; zero before
	Deadline   time.Time // CreateTime plus Timeout; zero is none
	DueTime    time.Time // Pending: when it may be claimed; otherwise zero
	ExpireTime time.Time // Done: when it may be removed; otherwise zero

	// Set by lro, with Create and with Update.

	State           State
	Owner           string // set exactly while Running
	Released        int    // attempts handed back, by a drain above all
	Retried         int    // attempts that asked for another
	CancelRequested bool   // never falls
	Deleted         bool   // never falls
	Metadata        []byte // serialized google.protobuf.Any
	Checkpoint      []byte // serialized google.protobuf.Any
	Response        []byte // serialized google.protobuf.Any; Done has either this or Error
	Error           []byte // serialized google.rpc.Status

	// Input only: zero in every answer.

	Timeout  time.Duration // Create: how long until the Deadline; 0 is for ever
	DueIn    time.Duration // Pending: how long until DueTime
	ExpireIn time.Duration // Done: how long until ExpireTime
}

// A State says what a record waits for. A reader that meets a state it does
// not know takes it for not done and not claimable, and leaves it alone.
type State int

// The states. Their numbers are stored and never change.
const (
	Pending  State = 1 // a claim
	Running  State = 2 // its owner
	External State = 3 // somebody outside
	Done     State = 4 // nothing, for ever
)

func (s State) String() string {
	switch s {
	case Pending:
		return "PENDING"
	case Running:
		return "RUNNING"
	case External:
		return "EXTERNAL"
	case Done:
		return "DONE"
	default:
		return fmt.Sprintf("STATE_%d", int(s))
	}
}
