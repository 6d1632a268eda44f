package poller

import (
	"errors"
	"fmt"
	"reflect"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"
)

// Result answers the outcome of the operation without calling anything: the
// response, or an [*Error] if the operation failed, or [ErrNotDone]. The
// response is decoded anew every time and belongs to the caller.
//
// A response of another type than T is an error that names both. A done
// operation without a result gives [ErrNoResult]; only where T is
// *emptypb.Empty, a response that says nothing anyway, does it count as success.
func (p *Poller[T]) Result() (T, error) {
	var zero T
	op, _ := p.latest()
	if !op.GetDone() {
		return zero, fmt.Errorf("%w: %q", ErrNotDone, p.name)
	}
	switch r := op.GetResult().(type) {
	case *longrunningpb.Operation_Error:
		return zero, newError(p.name, r.Error)
	case *longrunningpb.Operation_Response:
		return decode[T](p.name, "response", r.Response)
	default:
		if empty, ok := any(&emptypb.Empty{}).(T); ok && any(zero) != nil {
			return empty, nil
		}
		return zero, fmt.Errorf("%w: %q", ErrNoResult, p.name)
	}
}

// Metadata answers the metadata of op, such as its progress, as an M. An
// operation without metadata gives an empty M, so that a loop over
// [Poller.Updates] need not tell the cases apart; op.GetMetadata does. M may
// also be [proto.Message] itself: the metadata is then of whatever type the
// server sent, if that type is linked, and nil if there is none.
//
// Metadata of another type than M is an error that names both.
func Metadata[M proto.Message](op *longrunningpb.Operation) (M, error) {
	if op.GetMetadata() == nil {
		return empty[M](), nil
	}
	return decode[M](op.GetName(), "metadata", op.GetMetadata())
}

// decode unpacks the operation's field a.
func decode[M proto.Message](name, field string, a *anypb.Any) (M, error) {
	var zero M
	if any(zero) == nil {
		return decodeAny[M](name, field, a)
	}
	m := empty[M]()
	if want := m.ProtoReflect().Descriptor().FullName(); a.MessageName() != want {
		return zero, fmt.Errorf("poller: operation %q: expected a %s of type %s, found type %q: the type parameter must be what the method documents", name, field, want, typeOf(a))
	}
	if err := a.UnmarshalTo(m); err != nil {
		return zero, fmt.Errorf("poller: operation %q: decoding its %s of type %s: %w", name, field, typeOf(a), err)
	}
	return m, nil
}

// decodeAny unpacks a as whatever it is, for an M that is an interface.
func decodeAny[M proto.Message](name, field string, a *anypb.Any) (M, error) {
	var zero M
	m, err := a.UnmarshalNew()
	if errors.Is(err, protoregistry.NotFound) {
		return zero, fmt.Errorf("poller: operation %q: its %s is of type %q, which is not linked into this program: import the Go package of that type", name, field, typeOf(a))
	}
	if err != nil {
		return zero, fmt.Errorf("poller: operation %q: decoding its %s of type %q: %w", name, field, typeOf(a), err)
	}
	res, ok := m.(M)
	if !ok {
		return zero, fmt.Errorf("poller: operation %q: expected a %s that is a %v, found type %q", name, field, reflect.TypeFor[M](), typeOf(a))
	}
	return res, nil
}

// empty answers a new M, or nil if M is an interface.
func empty[M proto.Message]() M {
	var zero M
	if any(zero) == nil {
		return zero
	}
	return zero.ProtoReflect().New().Interface().(M)
}

// typeOf answers the name of the type in a, or what stands in its place.
func typeOf(a *anypb.Any) string {
	if n := a.MessageName(); n != "" {
		return string(n)
	}
	return a.GetTypeUrl()
}
