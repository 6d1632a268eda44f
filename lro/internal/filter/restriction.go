package filter

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	expr "google.golang.org/genproto/googleapis/api/expr/v1alpha1"
	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// An operator is one of = != < <= > >= and the : of AIP-160.
type operator string

// A restriction compares one field with one value.
type restriction struct {
	field string
	path  []string // below error or metadata
	op    operator
	wants map[kind]want // the value as each kind that it fits
	any   bool          // the value is *: whether the field is there
}

// flag is a field alone, which must be a condition: done, cancel_requested.
func (b *builder) flag(e *expr.Expr) (node, error) {
	path, err := pathOf(e)
	if err != nil {
		return nil, fmt.Errorf("a filter is made of comparisons such as done=true: %w", err)
	}
	if len(path) == 1 && kindOfField(path[0]) == kindBool {
		return b.restrict("=", path, literal{text: "true"})
	}
	return nil, fmt.Errorf("%s alone is no condition: compare it with something, as in done=true", strings.Join(path, "."))
}

func (b *builder) restriction(op operator, left, right *expr.Expr) (node, error) {
	path, err := pathOf(left)
	if err != nil {
		return nil, fmt.Errorf("the left side of a comparison must be a field: %w", err)
	}
	value, err := literalOf(right)
	if err != nil {
		return nil, err
	}
	return b.restrict(op, path, value)
}

func (b *builder) restrict(op operator, path []string, value literal) (node, error) {
	r := &restriction{field: path[0], path: path[1:], op: op, any: value.text == "*" && op == ":", wants: make(map[kind]want)}
	targets, err := b.targetsOf(r)
	if err != nil {
		return nil, err
	}
	for _, t := range targets {
		if r.any {
			return r, nil
		}
		var w want
		if w, err = r.want(t, value); err == nil {
			r.wants[t.kind] = w
		}
	}
	if len(r.wants) == 0 {
		return nil, fmt.Errorf("%s %s: %w", strings.Join(path, "."), op, err)
	}
	return r, nil
}

// want is value as what the field of r may be.
func (r *restriction) want(t target, value literal) (want, error) {
	ordered := r.op != "=" && r.op != "!=" && r.op != ":"
	switch {
	case ordered && (t.kind == kindBool || t.kind == kindEnum || t.kind == kindBytes):
		return want{}, fmt.Errorf("what has no order cannot be compared by %s", r.op)
	case t.kind == kindEnum && t.enum.Values().ByName(protoreflect.Name(value.text)) == nil:
		return want{}, fmt.Errorf("%q does not fit: expected the name of a value of %s", value.text, t.enum.FullName())
	}
	return value.as(t.kind)
}

// targetsOf answers what the field of r may be, one target for each type of
// metadata that has it.
func (b *builder) targetsOf(r *restriction) ([]target, error) {
	full := strings.Join(append([]string{r.field}, r.path...), ".")
	switch {
	case r.field == fieldError && len(r.path) == 0, r.field == fieldMetadata && len(r.path) == 0:
		if !r.any {
			return nil, fmt.Errorf("%s is a message: compare one of its fields, or ask by %s:* whether there is one", full, full)
		}
		return []target{{kind: kindMessage}}, nil
	case r.field == fieldError && slices.Equal(r.path, []string{"code"}):
		return []target{{kind: kindInt}, {kindEnum, code.Code(0).Descriptor()}}, nil
	case r.field == fieldError && slices.Equal(r.path, []string{"message"}):
		return []target{{kind: kindString}}, nil
	case r.field == fieldMetadata:
		if targets := b.targetsBelow(r); len(targets) > 0 {
			return targets, nil
		}
		return nil, fmt.Errorf("no method has the field %s in its metadata, or %s does not apply to it (a repeated field takes : only)", full, r.op)
	}
	if k := kindOfField(r.field); k != 0 && len(r.path) == 0 {
		return []target{{kind: k}}, nil
	}
	return nil, fmt.Errorf("there is no field %s; there are %s", full, known)
}

func (b *builder) targetsBelow(r *restriction) (targets []target) {
	for _, m := range b.types {
		if t, ok := targetBelow(m, r.path, r.op); ok {
			targets = append(targets, t)
		}
	}
	return targets
}

func (r *restriction) matches(op *Operation) bool {
	switch r.field {
	case fieldError:
		return r.matchesError(op)
	case fieldMetadata:
		m := op.Metadata()
		return m != nil && (len(r.path) == 0 || r.below(m, r.path))
	}
	got, ok := op.value(r.field)
	return ok && r.holds(kindOfField(r.field), got)
}

func (r *restriction) matchesError(op *Operation) bool {
	number, message, ok := op.Error()
	switch {
	case !ok:
		return false
	case r.any:
		return true
	case r.path[0] == "message":
		return r.holds(kindString, message)
	}
	if _, ok := r.wants[kindInt]; ok {
		return r.holds(kindInt, int64(number))
	}
	return r.holds(kindEnum, code.Code(number).String())
}

// holds compares what is there with the value, as the kind of the field.
func (r *restriction) holds(k kind, got any) bool {
	if r.any {
		return true
	}
	if n, ok := got.(int64); ok {
		got = new(big.Rat).SetInt64(n)
	}
	w, ok := r.wants[k]
	return ok && w.compare(r.op, got)
}

func (r *restriction) exactBool() (value, ok bool) {
	w, ok := r.wants[kindBool]
	if !ok || r.op != "=" && r.op != ":" && r.op != "!=" {
		return false, false
	}
	return w.value.(bool) != (r.op == "!="), true
}

func (r *restriction) narrow(c *Conjuncts) {
	switch r.field {
	case fieldDone:
		if done, ok := r.exactBool(); ok {
			c.Done = new(done)
		}
	case fieldName:
		if w, ok := r.wants[kindString]; ok && w.wild == nil && (r.op == "=" || r.op == ":") {
			c.Name = w.value.(string)
		}
	}
}

var errPath = errors.New("found something that is no field path")

// pathOf reads a.b.c.
func pathOf(e *expr.Expr) ([]string, error) {
	if id := e.GetIdentExpr(); id != nil {
		return []string{id.GetName()}, nil
	}
	s := e.GetSelectExpr()
	if s == nil {
		return nil, errPath
	}
	path, err := pathOf(s.GetOperand())
	return append(path, s.GetField()), err
}
