package lro

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"

	"github.com/longrunning-go/longrunning/store"
)

// The errors that callers decide on; each also carries a gRPC status. Test with
// errors.Is.
var (
	// ErrNotFound: there is no such operation, or it was deleted. NOT_FOUND.
	ErrNotFound error = &sentinel{codes.NotFound, reasonNotFound, "operation not found"}
	// ErrDone: the operation has ended with another result. It is also the cause
	// of a handler's context when somebody else ended the operation.
	// FAILED_PRECONDITION.
	ErrDone error = &sentinel{codes.FailedPrecondition, reasonDone, "operation is done"}
	// ErrCancelled is the cause of a handler's context after a Cancel. CANCELLED.
	ErrCancelled error = &sentinel{codes.Canceled, reasonCancelled, "operation was cancelled"}
	// ErrShutdown is the cause of a handler's context when a drain has run out of
	// time. UNAVAILABLE.
	ErrShutdown error = &sentinel{codes.Unavailable, reasonShutdown, "server is shutting down"}
	// ErrLeaseLost is the cause of a handler's context, and what its Task answers,
	// when another owner has or may have the operation. ABORTED.
	ErrLeaseLost error = &sentinel{codes.Aborted, reasonLeaseLost, "another attempt has taken over"}
)

// ErrExternal is returned by a handler that has handed the work to somebody
// outside: the operation waits, without an owner, until Complete or Fail ends
// it or its timeout comes.
var ErrExternal = errors.New("lro: the operation is ended by Complete or Fail from now on")

// The reasons in the ErrorInfo of errors (AIP-193).
const (
	reasonNotFound     = "OPERATION_NOT_FOUND"
	reasonDone         = "OPERATION_DONE"
	reasonNotExternal  = "OPERATION_NOT_EXTERNAL"
	reasonUnknownState = "OPERATION_STATE_UNKNOWN"
	reasonCancelled    = "OPERATION_CANCELLED"
	reasonTimeout      = "OPERATION_TIMEOUT"
	reasonAttempts     = "ATTEMPTS_EXHAUSTED"
	reasonInternal     = "INTERNAL"
	reasonUnstorable   = "RESULT_NOT_STORABLE"
	reasonShutdown     = "SHUTDOWN"
	reasonLeaseLost    = "LEASE_LOST"
	reasonStore        = "STORE_UNAVAILABLE"
	reasonInvalid      = "INVALID_ARGUMENT"
	reasonTooLarge     = "PAYLOAD_TOO_LARGE"
	reasonRequestID    = "REQUEST_ID_REUSED"
	reasonPageToken    = "INVALID_PAGE_TOKEN"
	reasonFilter       = "INVALID_FILTER"
	reasonConflict     = "CONCURRENT_WRITE"
	reasonWaits        = "TOO_MANY_WAITS"
	reasonDenied       = "PERMISSION_DENIED"
	reasonScopes       = "SCOPE_INSUFFICIENT"
	reasonUnsupported  = "UNSUPPORTED"
)

type sentinel struct {
	code         codes.Code
	reason, text string
}

func (e *sentinel) Error() string              { return "lro: " + e.text }
func (e *sentinel) GRPCStatus() *status.Status { return newStatus(e.code, e.reason, "", e.text) }

// A callError is what calls answer: a status for the wire, and the sentinel or
// cause that errors.Is finds.
type callError struct {
	status *status.Status
	cause  error
}

func (e *callError) Error() string              { return "lro: " + e.status.Message() }
func (e *callError) GRPCStatus() *status.Status { return e.status }
func (e *callError) Unwrap() error              { return e.cause }

func newStatus(code codes.Code, reason, domain, text string, details ...protoadapt.MessageV1) *status.Status {
	st := status.New(code, bounded(text))
	info := &errdetails.ErrorInfo{Reason: reason, Domain: domain}
	detailed, err := st.WithDetails(append([]protoadapt.MessageV1{info}, details...)...)
	if err != nil {
		return st
	}
	return detailed
}

// fail builds a callError of one of the sentinels.
func (m *Manager) fail(kind error, format string, args ...any) error {
	var s *sentinel
	errors.As(kind, &s)
	return &callError{newStatus(s.code, s.reason, m.opts.Domain, fmt.Sprintf(format, args...)), kind}
}

func (m *Manager) errorf(code codes.Code, reason, format string, args ...any) error {
	return &callError{status: newStatus(code, reason, m.opts.Domain, fmt.Sprintf(format, args...))}
}

func (m *Manager) notFound(name string) error {
	return m.fail(ErrNotFound, "operation %q not found", name)
}

// invalid is INVALID_ARGUMENT, with the field at fault as a BadRequest (AIP-193).
func (m *Manager) invalid(reason, field, format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	return &callError{status: newStatus(codes.InvalidArgument, reason, m.opts.Domain, text, &errdetails.BadRequest{
		FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: field, Description: bounded(text)}},
	})}
}

// storeError turns what a store answered into what a caller may see.
func (m *Manager) storeError(ctx context.Context, name string, err error) error {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return m.notFound(name)
	case errors.Is(err, store.ErrTx):
		m.log.ErrorContext(ctx, "lro: the store cannot write in this transaction", "operation", name, "error", err)
		return &callError{newStatus(codes.InvalidArgument, reasonInvalid, m.opts.Domain,
			"the operation cannot be part of the transaction in the context: it has ended, only reads, or is not on the database of the operations"), err}
	case errors.Is(err, store.ErrConflict) && m.inTx(ctx):
		return &callError{newStatus(codes.Aborted, reasonConflict, m.opts.Domain,
			"the transaction in the context has failed, or others hold what it wants: roll it back and begin anew"), err}
	case errors.Is(err, store.ErrInvalid):
		m.log.ErrorContext(ctx, "lro: the store refused a call", "operation", name, "error", err)
		return &callError{newStatus(codes.InvalidArgument, reasonInvalid, m.opts.Domain,
			fmt.Sprintf("operation %q: what was given cannot be stored", name)), err}
	case errors.Is(err, store.ErrConflict):
		return &callError{newStatus(codes.Aborted, reasonConflict, m.opts.Domain,
			fmt.Sprintf("operation %q is being changed by others; try again", name)), err}
	case ctx.Err() != nil:
		return &callError{status.FromContextError(ctx.Err()), errors.Join(ctx.Err(), context.Cause(ctx))}
	default:
		if m.inTx(ctx) { // the log knows of all others by Manager.outage
			m.log.ErrorContext(ctx, "lro: a store call in a transaction failed", "operation", name, "error", err)
		}
		return &callError{newStatus(codes.Unavailable, reasonStore, m.opts.Domain,
			"the operation store is unavailable; try again"), err}
	}
}

// known reports whether err is nil or says that nothing was written. Of any other
// error the outcome is unknown.
func known(err error) bool {
	if err == nil {
		return true
	}
	for _, e := range []error{store.ErrNotFound, store.ErrConflict, store.ErrOwnerLost, store.ErrInvalid, store.ErrTx} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// maxMessage bounds the message of a status, in bytes. Clients of gRPC accept
// headers of 8 KiB by default, and messages are percent-encoded in them.
const maxMessage = 2 << 10

// bounded makes text fit for a status: a string that is no UTF-8 cannot be
// marshalled, so an error with one could never be stored.
func bounded(text string) string {
	text = strings.ToValidUTF8(text, string(utf8.RuneError))
	if len(text) <= maxMessage {
		return text
	}
	cut := maxMessage
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}
