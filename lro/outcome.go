package lro

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/longrunning-go/longrunning/store"
)

var errGoexit = errors.New("lro: the handler called runtime.Goexit; return an error instead")

type panicError struct {
	value any
	stack []byte
}

func newPanicError(v any) *panicError { return &panicError{v, debug.Stack()} }

func (e *panicError) Error() string {
	return fmt.Sprintf("lro: the handler panicked: %v\n%s", e.value, e.stack)
}

// A retryError asks for another attempt.
type retryError struct {
	err   error
	after time.Duration
}

func (e *retryError) Error() string { return e.err.Error() }
func (e *retryError) Unwrap() error { return e.err }

// Retry wraps an error so that a handler that returns it gets another attempt,
// not before after has passed; 0 leaves the delay to the library, 1 s to 1 min,
// longer with every attempt and jittered. It starts within about a second of
// that. On the last attempt the operation fails with err: give it a gRPC status
// if clients should see it.
func Retry(err error, after time.Duration) error {
	if err == nil {
		err = errors.New("lro: Retry was given no error")
	}
	return &retryError{err, max(0, after)}
}

// finish stores what the handler's outcome means for the operation.
func (a *attempt) finish(out outcome) {
	if a.completed() {
		return
	}
	if t := a.meaning(out); t != nil {
		a.conclude(t)
	}
}

// completed reports whether Task.Complete has ended the operation. In a
// transaction of the handler's it has only if that was committed.
func (a *attempt) completed() bool {
	a.mu.Lock()
	completing := a.completing
	a.mu.Unlock()
	if !completing {
		return false
	}
	rec, err := a.m.read(a.run.io, a.name, forever)
	if !known(err) {
		a.run.loseEnd(a, err)
	}
	if err != nil || rec.Epoch != a.epoch || rec.State != store.Running {
		return true
	}
	a.mu.Lock()
	a.completing = false
	a.mu.Unlock()
	return false
}

// meaning answers the transition that an outcome asks for, nil for none.
func (a *attempt) meaning(out outcome) (t transition) {
	defer func() { // the methods of an error are the handler's code too
		if v := recover(); v != nil {
			t = a.fail(newPanicError(v))
		}
	}()
	cause := context.Cause(a.ctx)
	var again *retryError
	switch {
	case out.err == nil:
		return a.end(a.m.resultOf(a.ctx, a.name, out.res))
	case errors.Is(out.err, ErrExternal):
		return externalise(a.m.cancelled(), a.retention())
	case errors.Is(cause, ErrLeaseLost):
		return nil // its new owner executes it again
	case errors.Is(cause, ErrShutdown):
		return a.handBack(0)
	case errors.Is(cause, ErrCancelled) && isContextError(out.err):
		return a.end(a.m.cancelled())
	case errors.Is(cause, context.DeadlineExceeded) && isContextError(out.err):
		return a.end(a.m.late())
	case errors.As(out.err, &again) && a.used < a.method.opts.MaxAttempts:
		a.m.log.Info("lro: the handler asked for another attempt", "operation", a.name, "attempt", a.epoch, "error", again.err)
		return retry(a.retryDelay(again.after), a.m.cancelled(), a.retention())
	default:
		return a.fail(out.err)
	}
}

// fail ends the operation with err.
func (a *attempt) fail(err error) transition {
	r, stored := a.m.errorOf(a.ctx, a.name, err)
	a.stored = stored
	return a.end(r)
}

func isContextError(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrCancelled)
}

func (a *attempt) retryDelay(after time.Duration) time.Duration {
	if after > 0 {
		return after
	}
	ceiling := time.Minute
	if shift := a.used; shift < 6 {
		ceiling = time.Second << shift
	}
	return time.Second + random(ceiling-time.Second+1)
}

// resultOf encodes a handler's response. One that can never be stored ends the
// operation: another attempt would only produce it again.
func (m *Manager) resultOf(ctx context.Context, name string, res proto.Message) result {
	b, err := m.encode(res)
	if err != nil {
		m.log.ErrorContext(ctx, "lro: the response cannot be stored", "operation", name, "type", typeOf(res), "error", err)
		if big, ok := errors.AsType[*tooLargeError](err); ok {
			return m.stockResult(codes.Internal, reasonUnstorable,
				fmt.Sprintf("the operation ended with a response that cannot be stored: it has %v", big))
		}
		return m.unstorable()
	}
	return result{response: b}
}

// errorOf turns an error into the Status to store: the one it carries, details
// included, or a neutral INTERNAL whose text only the log has. The caller calls
// stored once the Status is stored: an error that was fenced off is no failure.
func (m *Manager) errorOf(ctx context.Context, name string, err error) (r result, stored func()) {
	if st := carried(err); st != nil {
		if b, ok := m.encodeStatus(st.Proto()); ok {
			return result{error: b}, func() {}
		}
	}
	id := uuid.NewString()
	st, _ := status.New(codes.Internal, "internal error; the service's log has it under "+id).WithDetails(&errdetails.ErrorInfo{
		Reason: reasonInternal, Domain: m.opts.Domain, Metadata: map[string]string{errorID: id},
	})
	b, _ := m.encodeStatus(st.Proto())
	return result{error: b}, func() {
		m.log.ErrorContext(ctx, "lro: the operation failed", "operation", name, errorID, id, "error", err)
	}
}

// encodeStatus serializes st with a bounded message, and without its details
// where these cannot be stored.
func (m *Manager) encodeStatus(st *spb.Status) ([]byte, bool) {
	st.Message = bounded(st.GetMessage())
	if b, err := proto.Marshal(st); err == nil && len(b) <= m.opts.MaxPayload {
		return b, true
	}
	st.Details = nil
	b, err := proto.Marshal(st)
	return b, err == nil
}

// carried answers the status that err carries, without the text wrapped around
// it; nil if there is none, or one that is no error.
func carried(err error) *status.Status {
	var carrier interface{ GRPCStatus() *status.Status }
	if !errors.As(err, &carrier) {
		return nil
	}
	if st := carrier.GRPCStatus(); st != nil && st.Code() != codes.OK {
		return st
	}
	return nil
}

func (m *Manager) stockResult(code codes.Code, reason, text string) result {
	b, _ := m.encodeStatus(newStatus(code, reason, m.opts.Domain, text).Proto())
	return result{error: b}
}

func (m *Manager) cancelled() result {
	return m.stockResult(codes.Canceled, reasonCancelled, "the operation was cancelled")
}

func (m *Manager) late() result {
	return m.stockResult(codes.DeadlineExceeded, reasonTimeout, "the operation did not end within its timeout")
}

func (m *Manager) exhausted(attempts int) result {
	return m.stockResult(codes.Aborted, reasonAttempts,
		fmt.Sprintf("the operation was given up after %d attempts, the last of which was lost with its server", attempts))
}

func (m *Manager) unstorable() result {
	return m.stockResult(codes.Internal, reasonUnstorable, "the operation ended with a result that cannot be stored")
}
