package store

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
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
	Released        int    // attempts cut short by a drain
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

// Validate answers nil, or an ErrInvalid that names the field, if rec can never
// be stored. Stores call it first in Create and Update.
func (r *Record) Validate() error {
	for _, f := range []struct{ field, value string }{
		{"Name", r.Name},
		{"Parent", r.Parent},
		{"ID", r.ID},
		{"Method", r.Method},
		{"RequestID", r.RequestID},
		{"Owner", r.Owner},
	} {
		if !utf8.ValidString(f.value) || strings.ContainsRune(f.value, 0) {
			return fmt.Errorf("%w: record %q: %s %q is not UTF-8 free of NUL", ErrInvalid, r.Name, f.field, f.value)
		}
	}
	switch {
	case r.Name == "" || r.ID == "":
		return fmt.Errorf("%w: record %q: Name and ID must be set, ID is %q", ErrInvalid, r.Name, r.ID)
	case r.State < Pending || r.State > Done:
		return fmt.Errorf("%w: record %q: unknown state %d", ErrInvalid, r.Name, r.State)
	case (r.State == Running) != (r.Owner != ""):
		return fmt.Errorf("%w: record %q: Owner must be set exactly while RUNNING; state %v has owner %q", ErrInvalid, r.Name, r.State, r.Owner)
	case r.State == Done && (r.Response == nil) == (r.Error == nil):
		return fmt.Errorf("%w: record %q: DONE needs exactly one of Response and Error", ErrInvalid, r.Name)
	case r.State != Done && (r.Response != nil || r.Error != nil):
		return fmt.Errorf("%w: record %q: state %v must have neither Response nor Error", ErrInvalid, r.Name, r.State)
	case r.Timeout < 0 || r.DueIn < 0 || r.ExpireIn < 0:
		return fmt.Errorf("%w: record %q: Timeout, DueIn and ExpireIn must not be negative", ErrInvalid, r.Name)
	}
	return nil
}
