package filter

import (
	"math/big"
	"strconv"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

const (
	timestampName = protoreflect.FullName("google.protobuf.Timestamp")
	durationName  = protoreflect.FullName("google.protobuf.Duration")
)

// A target is what a field may be compared as.
type target struct {
	kind kind
	enum protoreflect.EnumDescriptor // of kindEnum in metadata
}

// targetBelow answers what the field at path below a message may be compared as,
// and whether there is one that op applies to.
func targetBelow(m protoreflect.MessageDescriptor, path []string, op operator) (target, bool) {
	fd := fieldOf(m, path[0])
	if fd == nil {
		return target{}, false
	}
	rest := path[1:]
	switch {
	case fd.IsMap():
		if len(rest) == 0 {
			return target{kind: kindString}, op == ":" // the key
		}
		fd, rest = fd.MapValue(), rest[1:]
	case fd.IsList() && op != ":":
		return target{}, false
	}
	if len(rest) > 0 {
		if fd.Message() == nil {
			return target{}, false
		}
		return targetBelow(fd.Message(), rest, op)
	}
	return target{kindOf(fd), fd.Enum()}, true
}

func fieldOf(m protoreflect.MessageDescriptor, name string) protoreflect.FieldDescriptor {
	if fd := m.Fields().ByName(protoreflect.Name(name)); fd != nil {
		return fd
	}
	return m.Fields().ByJSONName(name)
}

func kindOf(fd protoreflect.FieldDescriptor) kind {
	switch fd.Kind() {
	case protoreflect.StringKind:
		return kindString
	case protoreflect.BytesKind:
		return kindBytes
	case protoreflect.BoolKind:
		return kindBool
	case protoreflect.EnumKind:
		return kindEnum
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		return kindFloat
	case protoreflect.MessageKind, protoreflect.GroupKind:
		switch fd.Message().FullName() {
		case timestampName:
			return kindTime
		case durationName:
			return kindDuration
		}
		return kindMessage
	default:
		return kindInt
	}
}

// below reports whether the restriction holds for the field at path below m. A
// message in the chain that is not set never matches, not even by !=.
func (r *restriction) below(m protoreflect.Message, path []string) bool {
	fd := fieldOf(m.Descriptor(), path[0])
	if fd == nil || fd.HasPresence() && !m.Has(fd) {
		return false
	}
	v, rest := m.Get(fd), path[1:]
	switch {
	case fd.IsMap():
		return r.inMap(fd, v.Map(), rest)
	case fd.IsList():
		list := v.List()
		for i := range list.Len() {
			if r.at(fd, list.Get(i), rest) {
				return true
			}
		}
		return false
	case r.any && len(rest) == 0:
		return m.Has(fd)
	}
	return r.at(fd, v, rest)
}

func (r *restriction) inMap(fd protoreflect.FieldDescriptor, m protoreflect.Map, rest []string) bool {
	if len(rest) == 0 {
		if r.any {
			return m.Len() > 0
		}
		for key := range m.Range {
			if r.holds(kindString, key.String()) {
				return true
			}
		}
		return false
	}
	for key, v := range m.Range {
		if key.String() == rest[0] {
			return r.at(fd.MapValue(), v, rest[1:])
		}
	}
	return false
}

// at goes on below a value, or compares it.
func (r *restriction) at(fd protoreflect.FieldDescriptor, v protoreflect.Value, rest []string) bool {
	if len(rest) > 0 {
		return fd.Message() != nil && r.below(v.Message(), rest)
	}
	k := kindOf(fd)
	got := valueOf(k, fd, v)
	return r.any || got != nil && r.holds(k, got)
}

// valueOf answers a value to compare, and nil for what cannot be: a message, NaN.
func valueOf(k kind, fd protoreflect.FieldDescriptor, v protoreflect.Value) any {
	switch k {
	case kindString:
		return v.String()
	case kindBytes:
		return string(v.Bytes())
	case kindBool:
		return v.Bool()
	case kindEnum:
		if value := fd.Enum().Values().ByNumber(v.Enum()); value != nil {
			return string(value.Name())
		}
		return strconv.Itoa(int(v.Enum()))
	case kindFloat:
		bits := 64
		if fd.Kind() == protoreflect.FloatKind {
			bits = 32
		}
		if n := decimal(v.Float(), bits); n != nil {
			return n
		}
	case kindInt:
		return integer(v)
	case kindTime:
		if t, ok := v.Message().Interface().(*timestamppb.Timestamp); ok {
			return t.AsTime()
		}
	case kindDuration:
		if d, ok := v.Message().Interface().(*durationpb.Duration); ok {
			return d.AsDuration()
		}
	case kindMessage:
	}
	return nil
}

func integer(v protoreflect.Value) *big.Rat {
	if n, ok := v.Interface().(uint64); ok {
		return new(big.Rat).SetUint64(n)
	}
	if n, ok := v.Interface().(uint32); ok {
		return new(big.Rat).SetUint64(uint64(n))
	}
	return new(big.Rat).SetInt64(v.Int())
}
