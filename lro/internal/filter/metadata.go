package filter

import "google.golang.org/protobuf/reflect/protoreflect"

const (
	timestampName = protoreflect.FullName("google.protobuf.Timestamp")
	durationName  = protoreflect.FullName("google.protobuf.Duration")
)

// A target is what a field may be compared as.
type target struct {
	kind kind
	enum protoreflect.EnumDescriptor // of kindEnum
}

func targetOf(fd protoreflect.FieldDescriptor) target { return target{kindOf(fd), fd.Enum()} }

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
	return targetOf(fd), true
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
	case protoreflect.FloatKind:
		return kindFloat
	case protoreflect.DoubleKind:
		return kindDouble
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
// message in the chain that is not set never matches, not even by !=; nor does a
// repeated field by any operator but its own.
func (r *restriction) below(m protoreflect.Message, path []string) bool {
	fd := fieldOf(m.Descriptor(), path[0])
	if fd == nil || fd.HasPresence() && !m.Has(fd) {
		return false
	}
	v, rest := m.Get(fd), path[1:]
	switch {
	case r.any && len(rest) == 0:
		return m.Has(fd)
	case fd.IsMap():
		return r.inMap(fd, v.Map(), rest)
	case fd.IsList():
		list := v.List()
		for i := range list.Len() {
			if r.op == ":" && r.at(fd, list.Get(i), rest) {
				return true
			}
		}
		return false
	}
	return r.at(fd, v, rest)
}

func (r *restriction) inMap(fd protoreflect.FieldDescriptor, m protoreflect.Map, rest []string) bool {
	for key, v := range m.Range {
		switch {
		case len(rest) == 0:
			if r.op == ":" && r.holds(target{kind: kindString}, key.String()) {
				return true
			}
		case key.String() == rest[0]:
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
	t := targetOf(fd)
	return r.any || t.kind != kindMessage && r.holds(t, valueOf(t.kind, v))
}

func valueOf(k kind, v protoreflect.Value) any {
	switch k {
	case kindBytes:
		return string(v.Bytes())
	case kindInt:
		switch n := v.Interface().(type) {
		case uint64:
			return integer{size: n}
		case uint32:
			return integer{size: uint64(n)}
		default:
			return signed(v.Int())
		}
	case kindFloat, kindDouble:
		return v.Float()
	case kindTime, kindDuration:
		m := v.Message()
		fields := m.Descriptor().Fields()
		return span{m.Get(fields.ByName("seconds")).Int(), m.Get(fields.ByName("nanos")).Int()}
	default:
		return v.Interface()
	}
}
