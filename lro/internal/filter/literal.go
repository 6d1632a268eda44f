package filter

import (
	"cmp"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	expr "google.golang.org/genproto/googleapis/api/expr/v1alpha1"
)

// A kind is what a field can be compared with.
type kind int

const (
	kindString kind = iota + 1
	kindBool
	kindInt
	kindFloat
	kindTime
	kindDuration
	kindEnum
	kindBytes
	kindMessage // only present or not
)

func (k kind) String() string {
	return map[kind]string{
		kindString: "a string", kindBool: "true or false", kindInt: "a whole number", kindFloat: "a number",
		kindTime: `a time such as "2030-01-31T12:00:00Z"`, kindDuration: "a duration such as 20s",
		kindEnum: "the name of an enum value", kindBytes: "a string", kindMessage: "* (it is a message)",
	}[k]
}

// A literal is the right side of a comparison, as it was written.
type literal struct {
	text   string
	number *big.Rat // nil if it is none
}

// literalOf reads the right side. A field of the same name stands for its name:
// AIP-160 has fields on the left only.
func literalOf(e *expr.Expr) (literal, error) {
	switch c := e.GetConstExpr().GetConstantKind().(type) {
	case *expr.Constant_StringValue:
		return literal{text: c.StringValue}, nil
	case *expr.Constant_Int64Value:
		return literal{text: strconv.FormatInt(c.Int64Value, 10), number: new(big.Rat).SetInt64(c.Int64Value)}, nil
	case *expr.Constant_Uint64Value:
		return literal{text: strconv.FormatUint(c.Uint64Value, 10), number: new(big.Rat).SetUint64(c.Uint64Value)}, nil
	case *expr.Constant_DoubleValue:
		return literal{text: fmt.Sprint(c.DoubleValue), number: decimal(c.DoubleValue, 64)}, nil
	}
	path, err := pathOf(e)
	if err != nil {
		return literal{}, fmt.Errorf("the right side of a comparison must be a value: %w", err)
	}
	return literal{text: strings.Join(path, ".")}, nil
}

// decimal answers the number that a float of so many bits is written as, so that
// 0.1 is 0.1 whatever its bits; nil if it is none.
func decimal(f float64, bits int) *big.Rat {
	n, ok := new(big.Rat).SetString(strconv.FormatFloat(f, 'g', -1, bits))
	if !ok {
		return nil
	}
	return n
}

// A want is a literal as a value of one kind.
type want struct {
	value any // string, bool, *big.Rat, time.Time or time.Duration
	wild  []string
}

func (l literal) as(k kind) (want, error) {
	var w want
	var err error
	switch k {
	case kindString, kindBytes, kindEnum:
		w.value = l.text
		if strings.Contains(l.text, "*") && k == kindString {
			w.wild = strings.Split(l.text, "*")
		}
	case kindBool:
		switch l.text {
		case "true", "false":
			w.value = l.text == "true"
		default:
			err = errKind
		}
	case kindInt, kindFloat:
		if l.number == nil || k == kindInt && !l.number.IsInt() {
			err = errKind
		}
		w.value = l.number
	case kindTime:
		w.value, err = time.Parse(time.RFC3339Nano, strings.ToUpper(l.text))
	case kindDuration:
		if !strings.HasSuffix(l.text, "s") {
			err = errKind
		} else {
			w.value, err = time.ParseDuration(l.text)
		}
	default:
		err = errKind
	}
	if err != nil {
		return want{}, fmt.Errorf("%q does not fit: expected %v", l.text, k)
	}
	return w, nil
}

var errKind = errors.New("another kind")

// compare compares what an operation has with what is wanted, and reports whether
// the operator holds.
func (w want) compare(op operator, got any) bool {
	if w.wild != nil && (op == "=" || op == "!=" || op == ":") {
		return wildMatch(w.wild, got.(string)) != (op == "!=")
	}
	var c int
	switch want := w.value.(type) {
	case string:
		c = cmp.Compare(got.(string), want)
	case bool:
		c = 1
		if got.(bool) == want {
			c = 0
		}
	case *big.Rat:
		c = got.(*big.Rat).Cmp(want)
	case time.Time:
		c = got.(time.Time).Compare(want)
	case time.Duration:
		c = cmp.Compare(got.(time.Duration), want)
	}
	return op.holds(c)
}

// holds reports whether the operator holds of two values that compare as c.
func (op operator) holds(c int) bool {
	switch op {
	case "=", ":":
		return c == 0
	case "!=":
		return c != 0
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	default:
		return c >= 0
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
