package lro

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
)

// A Verb is what a caller wants to do.
type Verb int

// The verbs, one for each method of google.longrunning.Operations. The zero
// Verb is invalid.
const (
	VerbGet Verb = iota + 1
	VerbList
	VerbWait
	VerbCancel
	VerbDelete
)

func (v Verb) String() string {
	switch v {
	case VerbGet:
		return "Get"
	case VerbList:
		return "List"
	case VerbWait:
		return "Wait"
	case VerbCancel:
		return "Cancel"
	case VerbDelete:
		return "Delete"
	default:
		return fmt.Sprintf("Verb(%d)", int(v))
	}
}

// Access is what an Authorizer decides on.
type Access struct {
	Verb Verb
	// Name is that of the operation, as the caller gave it: it may be malformed,
	// and there may be no such operation. "" for VerbList.
	Name string
	// Parent is the parent in Name, or the one to be listed, as it was given; ""
	// where Name is malformed. Compare prefixes with the slash: projects/acme is not
	// projects/acme-evil. A list may have "-" for any segment (AIP-159), and looks at
	// the operations of all parents then: whom projects/acme/zones/- is allowed sees
	// by the number of pages, coarsely, how many there are.
	Parent string
}

// An Authorizer answers nil if the caller that ctx speaks of may do what access
// says. It runs before the name is validated and before anything is read, so
// that an existing operation and a missing one are refused alike (AIP-211). An
// error with a gRPC status reaches the caller as it is; any other becomes
// PERMISSION_DENIED. It may be called from any goroutine.
//
// It is about the methods of google.longrunning.Operations. The methods that
// start operations are the service's own: who may call them is checked there.
type Authorizer func(ctx context.Context, access Access) error

// AllowAll is the Authorizer of a server whose callers may do everything.
func AllowAll(context.Context, Access) error { return nil }

// denied is what a caller sees of an Authorizer's refusal.
func (m *Manager) denied(ctx context.Context, access Access, err error) error {
	m.log.InfoContext(ctx, "lro: access refused", "verb", access.Verb.String(), "name", access.Name, "parent", access.Parent, "error", err)
	if scope, ok := errors.AsType[*scopeError](err); ok {
		return m.errorf(codes.PermissionDenied, reasonScopes, "%s", scope.text)
	}
	if st := carried(err); st != nil {
		return &callError{st, err}
	}
	return m.errorf(codes.PermissionDenied, reasonDenied, "permission denied")
}
