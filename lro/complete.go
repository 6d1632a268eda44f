package lro

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/longrunning-go/longrunning/store"
)

// Complete ends the named operation with res, whatever it waits for: an attempt
// that runs is fenced off, and its context ends with ErrDone. On a done
// operation an equal response answers nil, another ErrDone, so Complete may be
// repeated. Deleted operations can be completed too; their work goes on.
//
// Errors: ErrNotFound, ErrDone; INVALID_ARGUMENT for a response that is nil, too
// large or not of the method's type, where the method is registered here;
// UNAVAILABLE, when the outcome is unknown: repeat the call.
func (m *Manager) Complete(ctx context.Context, name string, res proto.Message) error {
	return m.complete(ctx, name, nil, res)
}

func (m *Manager) complete(ctx context.Context, name string, h *method, res proto.Message) error {
	rec, err := m.lookup(ctx, name)
	if err != nil {
		return err
	}
	switch {
	case h == nil:
		h = m.methodOf(rec.Method)
	case rec.Method != h.name:
		return m.invalid(reasonInvalid, "name", "operation %q is one of %q, not of %s", name, rec.Method, h.name)
	}
	r, err := m.response(h, res)
	if err != nil {
		return err
	}
	return m.endByName(ctx, rec, r)
}

// response checks and encodes a response for an operation of h; h may be nil.
func (m *Manager) response(h *method, res proto.Message) (result, error) {
	if !valid(res) {
		return result{}, m.invalid(reasonInvalid, "response", "the response is nil")
	}
	if h != nil && typeOf(res) != typeOf(h.res) {
		return result{}, m.invalid(reasonInvalid, "response", "the response is a %s; that of %s is a %s", typeOf(res), h.name, typeOf(h.res))
	}
	b, err := m.payload("response", res)
	return result{response: b}, err
}

// Fail ends the named operation with err, as Complete does with a response. An
// error with a gRPC status is stored as it is, any other as INTERNAL with an id
// under which the log has it. On a done operation an equal error answers nil,
// another ErrDone.
//
// Errors: those of Complete; INVALID_ARGUMENT if err is nil.
func (m *Manager) Fail(ctx context.Context, name string, err error) error {
	if err == nil {
		return m.invalid(reasonInvalid, "error", "Fail of operation %q was given no error; use Complete for success", name)
	}
	rec, lookupErr := m.lookup(ctx, name)
	if lookupErr != nil {
		return lookupErr
	}
	r, stored := m.errorOf(ctx, name, err)
	if err := m.endByName(ctx, rec, r); err != nil {
		return err
	}
	stored()
	return nil
}

func (m *Manager) endByName(ctx context.Context, rec *store.Record, r result) error {
	_, err := m.change(ctx, rec, end(r, m.retention(rec)), patience)
	return m.changeError(ctx, rec.Name, err)
}

// Report replaces the metadata of an external operation. Operations with a
// handler report through their Task.
//
// Errors: ErrNotFound, ErrDone; FAILED_PRECONDITION for an operation that is not
// external; INVALID_ARGUMENT for metadata that is nil, too large or not of the
// method's type, where the method is registered here; UNAVAILABLE.
func (m *Manager) Report(ctx context.Context, name string, meta proto.Message) error {
	rec, err := m.lookup(ctx, name)
	if err != nil {
		return err
	}
	b, err := m.metadataOf(m.methodOf(rec.Method), meta)
	if err != nil {
		return err
	}
	_, err = m.change(ctx, rec, reportExternal(b), patience)
	return m.changeError(ctx, name, err)
}

// Cancel asks for the end of an operation (AIP-151): pending and external ones
// end at once as CANCELLED; the context of a running handler ends with
// ErrCancelled, wherever it runs, and what the handler then makes of it counts.
// Cancelling twice, or what is done, succeeds and changes nothing.
//
// Errors: ErrNotFound; INVALID_ARGUMENT for a malformed name; UNAVAILABLE.
func (m *Manager) Cancel(ctx context.Context, name string) error {
	rec, err := m.visible(ctx, name)
	if err != nil {
		return err
	}
	_, err = m.change(ctx, rec, cancel(m.cancelled(), m.retention(rec)), patience)
	return m.changeError(ctx, name, err)
}

// Delete hides an operation from every read, at once and for good. It does not
// cancel: the work goes on and its record expires one minute after its end. A
// Wait that was parked before still gets the end.
//
// Errors: ErrNotFound, also for what is deleted already; INVALID_ARGUMENT for a
// malformed name; UNAVAILABLE.
func (m *Manager) Delete(ctx context.Context, name string) error {
	rec, err := m.visible(ctx, name)
	if err != nil {
		return err
	}
	_, err = m.change(ctx, rec, remove, patience)
	return m.changeError(ctx, name, err)
}

// changeError is what a by-name call answers.
func (m *Manager) changeError(ctx context.Context, name string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrDone):
		return m.fail(ErrDone, "operation %q is done with another result", name)
	case errors.Is(err, errNotExternal):
		return m.errorf(codes.FailedPrecondition, reasonNotExternal,
			"operation %q is not external: only its handler reports, through its Task", name)
	case errors.Is(err, errUnknownState):
		return m.errorf(codes.FailedPrecondition, reasonUnknownState,
			"operation %q is in a state that this server does not know; use a newer one", name)
	default:
		return m.storeError(ctx, name, err)
	}
}
