package filter

import (
	"cmp"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
)

// A kind is what a field can be compared with.
type kind int

const (
	kindString kind = iota + 1
	kindBool
	kindInt
	kindFloat // of 32 bits
	kindDouble
	kindTime
	kindDuration
	kindEnum
	kindBytes
	kindMessage // only present or not
)

func (k kind) String() string {
	return map[kind]string{
		kindString: "a string", kindBool: "true or false", kindInt: "a whole number of at most 64 bits",
		kindFloat: "a number", kindDouble: "a number", kindTime: "a time such as 2030-01-31T12:00:00Z",
		kindDuration: "a duration such as 20s", kindEnum: "the name of an enum value", kindBytes: "a string",
		kindMessage: "* (it is a message)",
	}[k]
}

// A literal is the right side of a comparison. It has no type of its own: it is
// read as what the field is, with quotes or without.
type literal struct {
	text  string
	parts []string // between the stars that stand for anything
}

// star asks whether there is a value at all; "\*" is a star.
func star() literal { return literal{text: "*", parts: []string{"", ""}} }

func (l literal) isStar() bool { return l.text == "*" && len(l.parts) == 2 }

// A want is a literal as a value of one kind.
type want struct {
	value any      // string, bool, integer, float64, span or protoreflect.EnumNumber
	wild  []string // of a string with a star
}

func (l literal) as(t target) (w want, err error) {
	switch t.kind {
	case kindString:
		if w.value = l.text; len(l.parts) > 1 {
			w.wild = l.parts
		}
	case kindBytes:
		w.value = l.text
	case kindBool:
		if l.text != "true" && l.text != "false" {
			err = errKind
		}
		w.value = l.text == "true"
	case kindInt:
		w.value, err = integerOf(l.text)
	case kindFloat:
		w.value, err = floatOf(l.text, 32)
	case kindDouble:
		w.value, err = floatOf(l.text, 64)
	case kindTime:
		w.value, err = instantOf(l.text)
	case kindDuration:
		w.value, err = spanOf(l.text)
	case kindEnum:
		value := t.enum.Values().ByName(protoreflect.Name(l.text))
		if value == nil {
			return want{}, fmt.Errorf("%.40q does not fit: expected the name of a value of %s", l.text, t.enum.FullName())
		}
		w.value = value.Number()
	default:
		err = errKind
	}
	if err != nil {
		return want{}, fmt.Errorf("%.40q does not fit: expected %v", l.text, t.kind)
	}
	return w, nil
}

var errKind = errors.New("another kind")

// compare reports whether the operator holds between what an operation has and
// what is wanted.
func (w want) compare(op operator, got any) bool {
	if w.wild != nil && (op == "=" || op == "!=" || op == ":") {
		return wildMatch(w.wild, got.(string)) != (op == "!=")
	}
	switch want := w.value.(type) {
	case string:
		return holds(op, got.(string), want)
	case float64: // of which NaN is neither less than another, nor equal, nor greater
		return holds(op, got.(float64), want)
	case protoreflect.EnumNumber:
		return holds(op, got.(protoreflect.EnumNumber), want)
	case bool:
		return (got.(bool) == want) != (op == "!=")
	case integer:
		return holds(op, got.(integer).compare(want), 0)
	default:
		return holds(op, got.(span).compare(want.(span)), 0)
	}
}

func holds[T cmp.Ordered](op operator, got, want T) bool {
	switch op {
	case "=", ":":
		return got == want
	case "!=":
		return got != want
	case "<":
		return got < want
	case "<=":
		return got <= want
	case ">":
		return got > want
	default:
		return got >= want
	}
}

// wildMatch reports whether s is the parts with anything between them.
func wildMatch(parts []string, s string) bool {
	first, last := parts[0], parts[len(parts)-1]
	if len(s) < len(first)+len(last) || !strings.HasPrefix(s, first) || !strings.HasSuffix(s, last) {
		return false
	}
	s = s[len(first) : len(s)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		_, rest, ok := strings.Cut(s, part)
		if !ok {
			return false
		}
		s = rest
	}
	return true
}

// An integer is any of int64 and uint64.
type integer struct {
	negative bool
	size     uint64
}

func signed(n int64) integer {
	if n < 0 {
		return integer{true, -uint64(n)}
	}
	return integer{size: uint64(n)}
}

// decimal is a number that may be whole, of a size that costs nothing to read.
var decimal = regexp.MustCompile(`^-?[0-9]{1,99}(\.[0-9]{1,99})?([eE][+-]?[0-9]{1,2})?$`)

// integerOf reads a decimal number that is whole, however it is written.
func integerOf(text string) (integer, error) {
	n := new(big.Rat)
	if !decimal.MatchString(text) {
		return integer{}, errKind
	}
	if _, ok := n.SetString(text); !ok || !n.IsInt() {
		return integer{}, errKind
	}
	switch whole := n.Num(); {
	case whole.IsInt64():
		return signed(whole.Int64()), nil
	case whole.IsUint64():
		return integer{size: whole.Uint64()}, nil
	}
	return integer{}, errKind
}

// floatOf reads a decimal number, or Infinity or NaN as JSON has them.
func floatOf(text string, bits int) (float64, error) {
	if strings.ContainsAny(text, "xX_") {
		return 0, errKind
	}
	return strconv.ParseFloat(text, bits)
}

func (i integer) compare(j integer) int {
	switch {
	case i.negative && j.negative:
		return cmp.Compare(j.size, i.size)
	case i.negative:
		return -1
	case j.negative:
		return 1
	}
	return cmp.Compare(i.size, j.size)
}

// A span is a duration as protobuf has it, which may be longer than Go's; and a time,
// as the span since 1970.
type span struct{ seconds, nanos int64 }

func instant(t time.Time) span { return span{t.Unix(), int64(t.Nanosecond())} }

var rfc3339 = regexp.MustCompile(`^[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$`)

func instantOf(text string) (span, error) {
	text = strings.ToUpper(text)
	if !rfc3339.MatchString(text) { // Parse takes more
		return span{}, errKind
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	return instant(t), err
}

func spanOf(text string) (span, error) {
	var d durationpb.Duration
	err := protojson.Unmarshal([]byte(strconv.Quote(text)), &d)
	return span{d.GetSeconds(), int64(d.GetNanos())}, err
}

func (s span) compare(t span) int {
	return cmp.Or(cmp.Compare(s.seconds, t.seconds), cmp.Compare(s.nanos, t.nanos))
}
