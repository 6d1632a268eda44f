package poller

import (
	"context"
	"sync"
	"sync/atomic"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
)

// A Client is what a poller calls: the part of
// [longrunningpb.OperationsClient] that is about one operation. Every method
// may be called by several goroutines at a time, answers when its context ends,
// and leaves the message that it answers to the caller.
//
// A Client that is no gRPC client may ignore the call options. One of them is
// [grpc.Trailer], through which the server recommends an interval.
type Client interface {
	GetOperation(ctx context.Context, req *longrunningpb.GetOperationRequest, opts ...grpc.CallOption) (*longrunningpb.Operation, error)
	WaitOperation(ctx context.Context, req *longrunningpb.WaitOperationRequest, opts ...grpc.CallOption) (*longrunningpb.Operation, error)
	CancelOperation(ctx context.Context, req *longrunningpb.CancelOperationRequest, opts ...grpc.CallOption) (*emptypb.Empty, error)
	DeleteOperation(ctx context.Context, req *longrunningpb.DeleteOperationRequest, opts ...grpc.CallOption) (*emptypb.Empty, error)
}

// A Poller follows one operation whose response is a T, such as
// *pb.TakeSnapshotResponse. T may also be [proto.Message] itself: the response
// is then of whatever type the server sent, if that type is linked into the
// program.
//
// All methods may be called by several goroutines at a time. A Poller keeps no
// goroutine, timer or connection, and needs no closing. Once it knows that the
// operation is done it makes no further poll, since a done operation never
// changes.
type Poller[T proto.Message] struct {
	client   Client
	name     string
	opts     Options
	noWait   atomic.Bool   // the server has answered WaitOperation with UNIMPLEMENTED
	finished chan struct{} // closed when op is done

	mu    sync.Mutex
	op    *longrunningpb.Operation // the latest state; replaced, never modified
	known bool                     // op came from the server
}

// New follows op, the answer of the method that started it. The poller keeps a
// copy. A done op, a nameless one included, gives its result without any call;
// for a nil op, or one that is neither done nor named, every call that would
// ask the server fails.
//
// New panics if c is nil or opts are invalid. Nil opts are the defaults.
func New[T proto.Message](c Client, op *longrunningpb.Operation, opts *Options) *Poller[T] {
	if op == nil {
		return Resume[T](c, "", opts)
	}
	p := newPoller[T](c, op.GetName(), opts)
	p.learn(proto.CloneOf(op))
	return p
}

// Resume follows the operation with that name, which is all that a program has
// to keep to find its operation again. It calls nothing yet.
//
// Resume panics if c is nil or opts are invalid. Nil opts are the defaults.
func Resume[T proto.Message](c Client, name string, opts *Options) *Poller[T] {
	p := newPoller[T](c, name, opts)
	p.op = &longrunningpb.Operation{Name: name}
	return p
}

// newPoller leaves op to its caller.
func newPoller[T proto.Message](c Client, name string, opts *Options) *Poller[T] {
	if c == nil {
		panic("poller: the Client is nil: pass a longrunningpb.OperationsClient")
	}
	return &Poller[T]{
		client:   c,
		name:     name,
		opts:     opts.withDefaults(),
		finished: make(chan struct{}),
	}
}

// Name is the operation's name, and what [Resume] takes.
func (p *Poller[T]) Name() string { return p.name }

// Done reports whether the operation is known to be done. It calls nothing.
func (p *Poller[T]) Done() bool {
	op, _ := p.latest()
	return op.GetDone()
}

// Operation answers a copy of the latest state that is known, which after
// [Resume] is at first no more than the name. It calls nothing.
func (p *Poller[T]) Operation() *longrunningpb.Operation {
	op, _ := p.latest()
	return proto.CloneOf(op)
}

// Poll asks the server once, with GetOperation, for the latest state; if the
// operation is known to be done it does nothing. Its error says that the poll
// failed, never that the operation did: for that see [Poller.Result]. It makes
// no second attempt, and the status of the failed call is in the error.
func (p *Poller[T]) Poll(ctx context.Context) error {
	if p.Done() {
		return nil
	}
	if err := p.named(); err != nil {
		return err
	}
	return p.endedOr(ctx, p.ask(ctx, 0).err)
}

// Cancel asks the server to cancel the operation. That is asynchronous and best
// effort: the operation may still succeed, so follow it with [Poller.Wait]. One
// that was cancelled fails with code CANCELLED. If the operation is known to be
// done Cancel does nothing. It survives transient failures as Wait does.
func (p *Poller[T]) Cancel(ctx context.Context) error {
	if p.Done() {
		return nil
	}
	if err := p.named(); err != nil {
		return err
	}
	return p.retry(ctx, func() reply {
		return p.call(ctx, "CancelOperation", 0, func(ctx context.Context, opts ...grpc.CallOption) error {
			_, err := p.client.CancelOperation(ctx, &longrunningpb.CancelOperationRequest{Name: p.name}, opts...)
			return err
		})
	})
}

// Delete tells the server that nobody is interested in the operation any more.
// It does not cancel: the work goes on. The poller keeps the state it knows,
// but later polls may fail with NOT_FOUND. Delete survives transient failures
// as Wait does; NOT_FOUND after such a failure means that the earlier call
// deleted, and is no error.
func (p *Poller[T]) Delete(ctx context.Context) error {
	if err := p.named(); err != nil {
		return err
	}
	repeated := false
	return p.retry(ctx, func() reply {
		r := p.call(ctx, "DeleteOperation", 0, func(ctx context.Context, opts ...grpc.CallOption) error {
			_, err := p.client.DeleteOperation(ctx, &longrunningpb.DeleteOperationRequest{Name: p.name}, opts...)
			return err
		})
		if repeated && r.code == codes.NotFound {
			r.err = nil
		}
		repeated = true
		return r
	})
}

// named answers an error if there is no name to ask the server about.
func (p *Poller[T]) named() error {
	if p.name == "" {
		return errNoName
	}
	return nil
}

// latest answers the state to read, which nobody may modify, and whether the
// server sent it.
func (p *Poller[T]) latest() (op *longrunningpb.Operation, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.op, p.known
}

// learn keeps op as the latest state, unless the operation is known to be done:
// an answer that was under way meanwhile, or came from a replica that lags
// behind, cannot take that back.
func (p *Poller[T]) learn(op *longrunningpb.Operation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.op.GetDone() {
		return
	}
	p.op, p.known = op, true
	if op.GetDone() {
		close(p.finished)
	}
}
