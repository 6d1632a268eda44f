package rest

import (
	"bytes"
	"encoding/json"
	"slices"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A writer writes messages as protojson does, except that what is in an Any
// fails nothing: one that cannot be written is hidden.
type writer struct {
	types   Resolver
	mark    string // begins the type URLs of marks; nobody else can know it
	numbers bool   // of enums, instead of their names
}

func (w *writer) protojson(types Resolver) protojson.MarshalOptions {
	return protojson.MarshalOptions{Resolver: types, UseEnumNumbers: w.numbers}
}

func (w *writer) marshal(msg proto.Message) ([]byte, error) {
	if list, ok := msg.(*longrunningpb.ListOperationsResponse); ok {
		return w.list(list)
	}
	b, err := w.protojson(&bounded{Resolver: w.types}).Marshal(msg)
	if err == nil && readable(b) {
		return b, nil
	}
	clone := proto.Clone(msg)
	return w.join(clone, w.cut(clone.ProtoReflect(), 0))
}

// list writes each operation by itself, so that each has its own bound.
func (w *writer) list(list *longrunningpb.ListOperationsResponse) ([]byte, error) {
	rest := new(longrunningpb.ListOperationsResponse)
	list.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if field.Name() != "operations" {
			rest.ProtoReflect().Set(field, v)
		}
		return true
	})
	b, err := protojson.Marshal(rest)
	if err != nil {
		return nil, err
	}
	ops := make([][]byte, len(list.GetOperations()))
	for i, op := range list.GetOperations() {
		if ops[i], err = w.marshal(op); err != nil {
			return nil, err
		}
	}
	return withArray(b, "operations", ops), nil
}

// withArray adds an array, unless it is empty, to the JSON of an object. Nothing
// is read again for it.
func withArray(object []byte, key string, elements [][]byte) []byte {
	if len(elements) == 0 {
		return object
	}
	open, comma := bytes.TrimSuffix(object, []byte("}")), ","
	if len(open) == len("{") {
		comma = ""
	}
	return slices.Concat(open, []byte(comma+`"`+key+`":[`), bytes.Join(elements, []byte(",")), []byte("]}"))
}

// readable reports whether clients can read b as a part of an answer: readers of
// JSON refuse what is nested too deep, encoding/json more than 10,000.
func readable(b []byte) bool {
	if bytes.Count(b, []byte("{"))+bytes.Count(b, []byte("[")) < 9_000 {
		return true // without a second look, as nearly all
	}
	const around = 8 // at least what is around a part: a detail of an error in a list has 5
	return json.Valid(slices.Concat(bytes.Repeat([]byte("["), around), b, bytes.Repeat([]byte("]"), around)))
}
