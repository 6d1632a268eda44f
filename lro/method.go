package lro

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
)

// MethodOptions configure a method. The zero value of every field means its
// default. Where one process starts operations and another runs them, Timeout is
// that of the one that starts, PollInterval of the one that serves, and the rest
// of the one that runs; Retention is that of whoever ends the operation.
type MethodOptions struct {
	// Name is the RPC, as the constant pb.X_Y_FullMethodName says it. Default:
	// the one RPC in the linked descriptors whose input is Req and whose output
	// is google.longrunning.Operation.
	Name string
	// External, for Declare only: operations wait for Complete or Fail from the
	// start; no handler runs.
	External bool
	// AnyResponse turns the check of Res against the naming convention off.
	AnyResponse bool
	// Timeout bounds an operation from start to done, whatever it waits for;
	// then it ends as DEADLINE_EXCEEDED. Default 24 h; negative: none.
	Timeout time.Duration
	// MaxAttempts is how many times the handler may run; attempts that were handed
	// back, as by a drain, do not count. Default 3.
	MaxAttempts int
	// Concurrency is how many handlers of this method one Manager runs at once.
	// Default Options.Capacity.
	Concurrency int
	// CancelGrace is how long a handler may go on after a Cancel, before its
	// operation ends as CANCELLED without it. Default 1 min.
	CancelGrace time.Duration
	// Retention is how long a done operation is kept. Default 30 days.
	Retention time.Duration
	// PollInterval is what Get and Wait recommend to clients while the operation
	// is not done. Default: no recommendation.
	PollInterval time.Duration
}

const (
	defaultTimeout     = 24 * time.Hour
	defaultRetention   = 30 * 24 * time.Hour
	defaultCancelGrace = time.Minute
	defaultMaxAttempts = 3
)

func (o *MethodOptions) resolve(capacity int) (MethodOptions, error) {
	var r MethodOptions
	if o != nil {
		r = *o
	}
	for _, f := range []struct {
		name     string
		negative bool
	}{
		{"MaxAttempts", r.MaxAttempts < 0},
		{"Concurrency", r.Concurrency < 0},
		{"CancelGrace", r.CancelGrace < 0},
		{"Retention", r.Retention < 0},
		{"PollInterval", r.PollInterval < 0},
	} {
		if f.negative {
			return r, fmt.Errorf("MethodOptions.%s is negative; leave it 0 for its default", f.name)
		}
	}
	r.Timeout = cmp.Or(r.Timeout, defaultTimeout)
	r.MaxAttempts = cmp.Or(r.MaxAttempts, defaultMaxAttempts)
	r.Concurrency = cmp.Or(r.Concurrency, capacity)
	r.CancelGrace = cmp.Or(r.CancelGrace, defaultCancelGrace)
	r.Retention = cmp.Or(r.Retention, defaultRetention)
	return r, nil
}

// A Method starts operations of one RPC. Get one from Handle or Declare; its
// methods may be called from any goroutine at any time.
type Method[Req, Res, Meta proto.Message] struct {
	m *Manager
	*method
}

// method is what the Manager knows of a Method, without its types.
type method struct {
	name           string // full, as in grpc.ServiceDesc: /pkg.Service/Method
	opts           MethodOptions
	req, res, meta proto.Message // empty ones
	run            handler       // nil: this process does not run it

	responseURL, metadataURL string // the types of res and meta, as encode writes them
}

// handler runs the function given to Handle; it decodes the request itself.
type handler func(ctx context.Context, a *attempt) (proto.Message, error)

// Handle makes fn the handler of the method whose request is Req: the Manager
// runs it for every operation of that method that this process starts or
// claims.
//
// fn runs at least once and its result is stored exactly once: after a crash
// another attempt starts, with [Task.Attempt] one higher. Its context keeps the
// values of Run's context and ends with cause ErrCancelled, ErrShutdown,
// ErrLeaseLost, ErrDone or, at the operation's timeout,
// context.DeadlineExceeded. The request is fn's own.
//
// What fn returns ends the operation: a response, or an error whatever its
// code. Only [Retry] and [ErrExternal] keep it going, and after ErrShutdown any
// other error hands it back. An error with a gRPC status is stored as it is; any
// other, like a panic, reaches clients as INTERNAL with an id, and the log has
// the full text under that id. After a Cancel return ctx.Err(), or an error that
// wraps it: the operation is then CANCELLED, and any other error is its result.
//
// Handle panics, as http.Handle does, if the types contradict
// google.longrunning.operation_info or the naming convention, if the RPC cannot
// be told from Req, if the method is registered already, and after Run.
func Handle[Req, Res, Meta proto.Message](m *Manager, fn func(context.Context, *Task[Meta], Req) (Res, error), opts *MethodOptions) *Method[Req, Res, Meta] {
	if fn == nil {
		panic("lro: Handle: fn is nil; use Declare for a method that another process runs")
	}
	h := newMethod[Req, Res, Meta](m, "Handle", opts)
	if h.opts.External {
		panic(fmt.Sprintf("lro: Handle(%s): an External method has no handler; use Declare, or return ErrExternal from the handler", h.name))
	}
	h.run = func(ctx context.Context, a *attempt) (proto.Message, error) {
		req, err := decode[Req](a.claimed.Request)
		if err != nil {
			return nil, fmt.Errorf("decode the stored request: %w", err)
		}
		res, err := fn(ctx, &Task[Meta]{a}, req)
		if err != nil || !valid(res) {
			return nil, err
		}
		return res, nil
	}
	m.register(h.method)
	return h
}

// Declare makes a method known that this process starts and another runs, which
// has a Handle for it and shares the store; or, with MethodOptions.External, that
// Complete and Fail end. It panics as Handle does.
func Declare[Req, Res, Meta proto.Message](m *Manager, opts *MethodOptions) *Method[Req, Res, Meta] {
	h := newMethod[Req, Res, Meta](m, "Declare", opts)
	m.register(h.method)
	return h
}

func newMethod[Req, Res, Meta proto.Message](m *Manager, caller string, opts *MethodOptions) *Method[Req, Res, Meta] {
	if m == nil {
		panic(fmt.Sprintf("lro: %s: the Manager is nil; make one with New", caller))
	}
	resolved, err := opts.resolve(m.opts.Capacity)
	if err != nil {
		panic(fmt.Sprintf("lro: %s: %v", caller, err))
	}
	h := &method{opts: resolved, req: empty[Req](caller), res: empty[Res](caller), meta: empty[Meta](caller)}
	h.name, err = checkTypes(h)
	if err != nil {
		panic(fmt.Sprintf("lro: %s: %v", caller, err))
	}
	h.responseURL, h.metadataURL = typeURL(h.res), typeURL(h.meta)
	return &Method[Req, Res, Meta]{m, h}
}

// empty makes an empty message of a type parameter.
func empty[T proto.Message](caller string) T {
	var zero T
	if any(zero) == nil {
		panic(fmt.Sprintf("lro: %s: the type %T is an interface; it must be a generated message such as *pb.TakeSnapshotRequest", caller, &zero))
	}
	return zero.ProtoReflect().New().Interface().(T)
}

// valid reports whether msg is a message: neither nil nor a nil pointer.
func valid(msg proto.Message) bool { return msg != nil && msg.ProtoReflect().IsValid() }

// hasMetadata reports whether the method has metadata: by convention one that
// has none says so with google.protobuf.Empty.
func (h *method) hasMetadata() bool {
	_, none := h.meta.(*emptypb.Empty)
	return !none
}

// made answers the Manager, or panics with what is missing.
func (h *Method[Req, Res, Meta]) made() *Manager {
	if h == nil || h.m == nil {
		var req Req
		panic(fmt.Sprintf("lro: the Method of %T was not made: keep what Handle or Declare answers, and start operations by that", req))
	}
	return h.m
}

// Complete ends the named operation of this method with res, whatever it waits
// for; an attempt that runs is fenced off, and its context ends with ErrDone.
// On a done operation an equal response answers nil and another ErrDone.
//
// Errors: ErrNotFound, ErrDone; INVALID_ARGUMENT if the operation is of another
// method or res is nil or too large.
func (h *Method[Req, Res, Meta]) Complete(ctx context.Context, name string, res Res) error {
	return h.made().complete(ctx, name, h.method, res)
}

// Start creates an operation that executes req, and answers it once it is
// stored durably. Where this Manager runs the method and has a free slot, it
// executes at once; otherwise as soon as one is found.
//
// An error means that nothing was started: INVALID_ARGUMENT for what can never
// be started, or for a RequestID that stood for another request; UNAVAILABLE
// when the store could not be reached, and then the outcome is unknown: repeat
// the call with the same RequestID.
func (h *Method[Req, Res, Meta]) Start(ctx context.Context, req Req, opts *StartOptions) (*longrunningpb.Operation, error) {
	return h.made().start(ctx, h.method, req, opts)
}

// StartDone answers an operation that is done already, for work that needed no
// time. It is stored like any other; with StartOptions.ValidateOnly it has no
// name and is not stored (AIP-163).
func (h *Method[Req, Res, Meta]) StartDone(ctx context.Context, req Req, res Res, opts *StartOptions) (*longrunningpb.Operation, error) {
	return h.made().startDone(ctx, h.method, req, res, opts)
}
