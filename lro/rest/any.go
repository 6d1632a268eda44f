package rest

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/anypb"
)

// A Resolver finds the types of what is in Anys. It may be called concurrently.
type Resolver interface {
	protoregistry.MessageTypeResolver
	protoregistry.ExtensionTypeResolver
}

// maxDepth is how many Anys in each other are written; one that is deeper is
// hidden. Each reads all that is in it once more, so without a bound the work
// grows with the square of a message's size.
const maxDepth = 32

// bounded finds types for as many Anys as may be in each other, however they are.
type bounded struct {
	Resolver
	found int
}

func (b *bounded) FindMessageByURL(url string) (protoreflect.MessageType, error) {
	if b.found++; b.found > maxDepth {
		return nil, errors.New("rest: too many Anys")
	}
	return b.Resolver.FindMessageByURL(url)
}

// cut writes the Anys in m and leaves a mark in the place of each: an Any whose
// type URL says which of the parts belongs there.
func (w *writer) cut(m protoreflect.Message, depth int) (parts [][]byte) {
	anys(m, func(a protoreflect.Message) {
		fields := a.Descriptor().Fields()
		url, value := fields.ByName("type_url"), fields.ByName("value")
		part := w.any(&anypb.Any{TypeUrl: a.Get(url).String(), Value: a.Get(value).Bytes()}, depth)
		a.Set(url, protoreflect.ValueOfString(w.mark+strconv.Itoa(len(parts))))
		a.Clear(value)
		parts = append(parts, part)
	})
	return parts
}

// join writes m, with the parts where their marks are.
func (w *writer) join(m proto.Message, parts [][]byte) ([]byte, error) {
	b, err := w.protojson(marks{w.types, w.mark}).Marshal(m)
	if err != nil {
		return nil, err
	}
	var joined []byte
	for {
		before, after, ok := bytes.Cut(b, []byte(`"`+w.mark))
		if !ok {
			return append(joined, b...), nil
		}
		number, after, _ := bytes.Cut(after, []byte(`"`))
		i, err := strconv.Atoi(string(number))
		if err != nil {
			return nil, err
		}
		joined = append(joined, before[:bytes.LastIndexByte(before, '{')]...)
		joined = append(joined, parts[i]...)
		b = after[bytes.IndexByte(after, '}')+1:]
	}
}

// marks takes the type URLs of marks for a message that is empty.
type marks struct {
	Resolver
	mark string
}

func (m marks) FindMessageByURL(url string) (protoreflect.MessageType, error) {
	if strings.HasPrefix(url, m.mark) {
		return new(spb.Status).ProtoReflect().Type(), nil
	}
	return m.Resolver.FindMessageByURL(url)
}

// any writes an Any with the message in it or, where that cannot be, hides it:
// then it has the base64 of its bytes as value. One without a type holds bytes.
func (w *writer) any(a *anypb.Any, depth int) []byte {
	if depth < maxDepth {
		if b, err := w.open(a, depth); err == nil && readable(b) {
			return b
		}
	}
	b, err := json.Marshal(struct {
		Type  string `json:"@type"`
		Value string `json:"value"`
	}{
		cmp.Or(a.GetTypeUrl(), "type.googleapis.com/google.protobuf.BytesValue"),
		base64.StdEncoding.EncodeToString(a.GetValue()),
	})
	if err != nil {
		return []byte("{}") // not of strings
	}
	return b
}

func (w *writer) open(a *anypb.Any, depth int) ([]byte, error) {
	msg, err := anypb.UnmarshalNew(a, proto.UnmarshalOptions{AllowPartial: true, Resolver: w.types})
	if err != nil {
		return nil, err
	}
	parts := w.cut(msg.ProtoReflect(), depth+1)
	value, err := proto.MarshalOptions{AllowPartial: true}.Marshal(msg)
	if err != nil {
		return nil, err
	}
	return w.join(&anypb.Any{TypeUrl: a.GetTypeUrl(), Value: value}, parts)
}

// anys calls f for every Any in m that is not empty, not for those in Anys.
func anys(m protoreflect.Message, f func(protoreflect.Message)) {
	isAny := m.Descriptor().FullName() == "google.protobuf.Any"
	m.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case isAny:
			f(m)
			return false // it is another now
		case field.IsMap() && field.MapValue().Message() != nil:
			v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
				anys(v.Message(), f)
				return true
			})
		case field.IsList() && field.Message() != nil:
			for i := range v.List().Len() {
				anys(v.List().Get(i).Message(), f)
			}
		case !field.IsMap() && !field.IsList() && field.Message() != nil:
			anys(v.Message(), f)
		}
		return true
	})
}
