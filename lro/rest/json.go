package rest

import (
	"cmp"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// marshal writes a message as protojson does, except that what is in an Any
// fails nothing: a list is marshalled by operation then, and an operation, or a
// detail of a status, with the Anys hidden that cannot be written.
func marshal(msg proto.Message) ([]byte, error) {
	b, err := protojson.Marshal(msg)
	if err == nil {
		return b, nil
	}
	if list, ok := msg.(*longrunningpb.ListOperationsResponse); ok {
		return marshalList(list)
	}
	// First those whose type is not linked or whose bytes are no such message;
	// where that is not enough, such as for a time after the year 9999, all.
	clone, o := proto.Clone(msg), make(opaque)
	o.find(clone.ProtoReflect(), 0)
	if b, err = o.marshal(clone); err == nil {
		return b, nil
	}
	clone, o = proto.Clone(msg), make(opaque)
	o.find(clone.ProtoReflect(), maxDepth)
	return o.marshal(clone)
}

func marshalList(list *longrunningpb.ListOperationsResponse) ([]byte, error) {
	rest := proto.CloneOf(list)
	rest.Operations = nil
	b, err := protojson.Marshal(rest)
	if err != nil {
		return nil, err
	}
	members := map[string]json.RawMessage{}
	if err = json.Unmarshal(b, &members); err != nil {
		return nil, err
	}
	ops := make([]json.RawMessage, len(list.GetOperations()))
	for i, op := range list.GetOperations() {
		if ops[i], err = marshal(op); err != nil {
			return nil, err
		}
	}
	if members["operations"], err = json.Marshal(ops); err != nil {
		return nil, err
	}
	return json.Marshal(members)
}

// maxDepth is how many Anys deep find looks into Anys.
const maxDepth = 32

// opaque is a resolver that takes the type URLs in it for BytesValue, which JSON
// writes as base64: {"@type": …, "value": "…"}. All other types are those linked.
type opaque map[string]bool

var _ interface {
	protoregistry.MessageTypeResolver
	protoregistry.ExtensionTypeResolver
} = opaque(nil)

func (o opaque) FindMessageByURL(url string) (protoreflect.MessageType, error) {
	if o[url] {
		return (*wrapperspb.BytesValue)(nil).ProtoReflect().Type(), nil
	}
	return protoregistry.GlobalTypes.FindMessageByURL(url)
}

func (o opaque) FindMessageByName(name protoreflect.FullName) (protoreflect.MessageType, error) {
	return protoregistry.GlobalTypes.FindMessageByName(name)
}

func (o opaque) FindExtensionByName(name protoreflect.FullName) (protoreflect.ExtensionType, error) {
	return protoregistry.GlobalTypes.FindExtensionByName(name)
}

func (o opaque) FindExtensionByNumber(name protoreflect.FullName, n protoreflect.FieldNumber) (protoreflect.ExtensionType, error) {
	return protoregistry.GlobalTypes.FindExtensionByNumber(name, n)
}

// marshal writes msg, which it changes.
func (o opaque) marshal(msg proto.Message) ([]byte, error) {
	if err := o.wrap(msg.ProtoReflect()); err != nil {
		return nil, err
	}
	return protojson.MarshalOptions{Resolver: o}.Marshal(msg)
}

// find adds the types of what cannot be read, and of all that is maxDepth deep.
func (o opaque) find(m protoreflect.Message, depth int) {
	_ = anys(m, func(a *anypb.Any) error { // which never fails
		a.TypeUrl = writable(a.GetTypeUrl())
		if inner, err := a.UnmarshalNew(); err == nil && depth < maxDepth {
			o.find(inner.ProtoReflect(), depth+1)
		} else {
			o[a.GetTypeUrl()] = true
		}
		return nil
	})
}

// wrap makes the bytes in opaque Anys BytesValues.
func (o opaque) wrap(m protoreflect.Message) error {
	return anys(m, func(a *anypb.Any) (err error) {
		a.TypeUrl = writable(a.GetTypeUrl())
		var inner proto.Message = wrapperspb.Bytes(a.GetValue())
		if !o[a.GetTypeUrl()] {
			if inner, err = a.UnmarshalNew(); err != nil {
				return err
			}
			if err = o.wrap(inner.ProtoReflect()); err != nil {
				return err
			}
		}
		a.Value, err = proto.MarshalOptions{AllowPartial: true, Deterministic: true}.Marshal(inner)
		return err
	})
}

// writable is a type URL that JSON can hold. An Any that says no type holds bytes.
func writable(url string) string {
	return cmp.Or(strings.ToValidUTF8(url, string(utf8.RuneError)), "type.googleapis.com/google.protobuf.BytesValue")
}

// anys calls f for every Any in m, not for those in Anys.
func anys(m protoreflect.Message, f func(*anypb.Any) error) (err error) {
	if a, ok := m.Interface().(*anypb.Any); ok {
		return f(a)
	}
	m.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case field.IsMap() && field.MapValue().Message() != nil:
			v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
				err = anys(v.Message(), f)
				return err == nil
			})
		case field.IsList() && field.Message() != nil:
			for i := range v.List().Len() {
				if err = anys(v.List().Get(i).Message(), f); err != nil {
					break
				}
			}
		case !field.IsMap() && !field.IsList() && field.Message() != nil:
			err = anys(v.Message(), f)
		}
		return err == nil
	})
	return err
}
