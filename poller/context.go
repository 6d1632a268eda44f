package poller

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc/status"
)

// abandon answers the error for a context that ended before the operation did,
// and cancels the operation if the options say so. The last poll failed with
// failed, or nil.
func (p *Poller[T]) abandon(ctx context.Context, failed error) error {
	err := newContextError(ctx, p.name, failed)
	if p.opts.CancelOnContextDone {
		detached, stop := context.WithTimeout(context.WithoutCancel(ctx), p.opts.CallTimeout)
		defer stop()
		err.cancel = p.Cancel(detached)
	}
	return err
}

// endedOr answers the context's error in place of the failure of a call that
// the context ended.
func (p *Poller[T]) endedOr(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return newContextError(ctx, p.name, nil)
	}
	return err
}

// A contextError says that ctx ended before the operation did. It unwraps to
// the error of ctx. The cause is found by errors.Is but not unwrapped: the
// cause of an errgroup's context is the error of another goroutine, which may
// be the *Error of another operation.
type contextError struct {
	name       string
	err, cause error
	failed     error // of the last call before ctx ended; only said, since it is not why
	cancel     error // why the operation could not be cancelled
}

func newContextError(ctx context.Context, name string, failed error) *contextError {
	return &contextError{name: name, err: ctx.Err(), cause: context.Cause(ctx), failed: failed}
}

func (e *contextError) Error() string {
	s := fmt.Sprintf("poller: operation %q: the context ended first: %v", e.name, e.err)
	if e.cause.Error() != e.err.Error() {
		s += fmt.Sprintf(" (%v)", e.cause)
	}
	if e.failed != nil {
		s += fmt.Sprintf("; the last call before that failed: %v", e.failed)
	}
	if e.cancel != nil {
		s += fmt.Sprintf("; cancelling it failed: %v", e.cancel)
	}
	return s
}

func (e *contextError) Unwrap() error { return e.err }

func (e *contextError) Is(target error) bool { return errors.Is(e.cause, target) }

func (e *contextError) GRPCStatus() *status.Status {
	return status.New(status.FromContextError(e.err).Code(), e.Error())
}
