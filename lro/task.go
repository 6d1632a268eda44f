package lro

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"
)

// A Task is a handler's view of the operation that it executes. Its methods may
// be called from any goroutine. After the handler has returned they have no
// effect.
type Task[Meta proto.Message] struct{ a *attempt }

// Name answers the operation's name.
func (t *Task[Meta]) Name() string { return t.a.name }

// Attempt answers the number of this execution: 1 on the first, higher on every
// later one, attempts that were handed back included.
//
// An operation is executed at least once, and its result is stored exactly once:
// an attempt that was paused and overtaken may still be at work, though nothing
// that it reports, saves or returns counts. Attempt never falls, so it is also
// the fencing token for side effects elsewhere: a system that remembers the
// highest number it was shown can refuse a lower one. Show it the number before
// the work begins: until an attempt has, its predecessor is not refused.
func (t *Task[Meta]) Attempt() int64 { return t.a.epoch }

// Metadata answers what was last reported, by earlier attempts too, or what
// Start was given; a message of its own, empty at first and never nil.
func (t *Task[Meta]) Metadata() Meta {
	t.a.mu.Lock()
	latest := t.a.latest
	t.a.mu.Unlock()
	if latest != nil {
		if meta, err := decode[Meta](latest); err == nil {
			return meta
		}
		// Of another type, from an older version of the service: nothing to go by.
	}
	return t.a.method.meta.ProtoReflect().New().Interface().(Meta)
}

// Report makes meta the operation's metadata. It keeps a copy, never blocks and
// may be called at any rate: the newest one wins, and it is stored at most once
// per Options.ReportInterval, and with whatever else the attempt stores. A
// report that can never be stored, being nil, too large or no valid message, is
// dropped and logged; Flush answers why.
func (t *Task[Meta]) Report(meta Meta) {
	a := t.a
	latest, err := a.m.metadataOf(a.method, meta)
	if err != nil {
		a.m.log.Error("lro: a report cannot be stored", "operation", a.name, "error", err)
	}
	a.mu.Lock()
	a.refused = err
	if latest != nil {
		a.latest = latest
		a.reports++
	}
	a.mu.Unlock()
	if latest != nil {
		poke(a.reported)
	}
}

// Flush stores the last report and returns once it is stored.
//
// Errors: ErrLeaseLost or ErrDone when this attempt may no longer write; the
// context's error; why the last report was dropped.
func (t *Task[Meta]) Flush(ctx context.Context) error {
	if err := t.a.save(ctx, nil); err != nil {
		return err
	}
	t.a.mu.Lock()
	defer t.a.mu.Unlock()
	return t.a.refused
}

// Save stores a checkpoint, which Load answers in later attempts and clients
// never see, together with the last report. It returns once both are stored,
// and repeats a write that fails until ctx ends.
//
// Errors: ErrLeaseLost or ErrDone when this attempt may no longer write;
// INVALID_ARGUMENT for a checkpoint that is nil or too large; the context's
// error.
func (t *Task[Meta]) Save(ctx context.Context, checkpoint proto.Message) error {
	if !valid(checkpoint) {
		return t.a.m.invalid(reasonInvalid, "checkpoint", "the checkpoint of operation %q is nil", t.a.name)
	}
	b, err := t.a.m.payload("checkpoint", checkpoint)
	if err != nil {
		return err
	}
	return t.a.save(ctx, b)
}

func (a *attempt) save(ctx context.Context, checkpoint []byte) error {
	ctx, stop := until(ctx, a.writes)
	defer stop()
	_, err := a.update(ctx, forever, progress(checkpoint))
	return a.taskError(ctx, err)
}

// until ends ctx with end as well.
func until(ctx, end context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(end, func() { cancel(context.Cause(end)) })
	return ctx, func() { stop(); cancel(nil) }
}

// taskError is what a Task answers its handler.
func (a *attempt) taskError(ctx context.Context, err error) error {
	if err == nil || errors.Is(err, ErrDone) || errors.Is(err, ErrLeaseLost) {
		return err
	}
	return a.m.storeError(ctx, a.name, err)
}

// Load reads the last checkpoint, of any attempt, into checkpoint, and reports
// whether there was one. An error means that it is of another type.
func (t *Task[Meta]) Load(checkpoint proto.Message) (bool, error) {
	if !valid(checkpoint) {
		return false, t.a.m.invalid(reasonInvalid, "checkpoint", "Load of operation %q was given nil to read into", t.a.name)
	}
	t.a.mu.Lock()
	stored := t.a.checkpoint
	t.a.mu.Unlock()
	if stored == nil {
		return false, nil
	}
	if err := decodeInto(stored, checkpoint); err != nil {
		return false, fmt.Errorf("lro: checkpoint of operation %q: %w", t.a.name, err)
	}
	return true, nil
}

// Complete ends the operation with res, under this attempt's fence; what the
// handler returns is then ignored. With a context that carries a transaction of
// the store, the operation is done exactly when that transaction commits; after
// a rollback the handler's return counts again.
//
// Errors: ErrLeaseLost or ErrDone when this attempt may no longer write;
// INVALID_ARGUMENT for a response that is nil, too large or of another type.
func (t *Task[Meta]) Complete(ctx context.Context, res proto.Message) error {
	a := t.a
	r, err := a.m.response(a.method, res)
	if err != nil {
		return err
	}
	ctx, stop := until(ctx, a.writes)
	defer stop()
	a.setCompleting(true)
	rec, err := a.update(ctx, forever, a.end(r))
	switch {
	case errors.Is(err, ErrDone) && rec != nil && rec.Epoch == a.epoch && r.equal(rec):
		return nil
	case known(err) && err != nil || errors.Is(err, ErrDone) || errors.Is(err, ErrLeaseLost):
		a.setCompleting(false)
	}
	return a.taskError(ctx, err)
}

func (a *attempt) setCompleting(completing bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.completing = completing
}
