package filter

import (
	"errors"
	"fmt"
	"slices"
	"strings"

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
	wants map[target]want // the value as each of what the field may be
	any   bool            // whether the field has a value at all
}

// A builder gives the fields of a filter their types.
type builder struct {
	types []protoreflect.MessageDescriptor
}

// flag is a field alone, which must be a condition: done, cancel_requested.
func (b *builder) flag(path []string) (node, error) {
	if len(path) == 1 && kindOfField(path[0]) == kindBool {
		return b.restrict("=", path, literal{text: "true"})
	}
	if word := strings.ToUpper(path[0]); len(path) == 1 && isKeyword(word) {
		return nil, fmt.Errorf("%q is no condition: write %s in capitals", path[0], word)
	}
	return nil, fmt.Errorf("%.40q alone is no condition: compare it with something, as in attempt>1, or ask by :* whether there is one, as in error:*", strings.Join(path, "."))
}

func (b *builder) restrict(op operator, path []string, value literal) (node, error) {
	r := &restriction{field: path[0], path: path[1:], op: op, any: op == ":" && value.isStar()}
	targets, err := b.targetsOf(r)
	if err != nil {
		return nil, err
	}
	if r.any {
		return r, nil
	}
	isMessage := func(t target) bool { return t.kind == kindMessage }
	if op != ":" || !slices.ContainsFunc(targets, isMessage) {
		return r.compared(path, targets, value)
	}
	// That a message has a field is asked of the field. In another method's metadata
	// this one may be no message.
	has, err := b.restrict(op, append(slices.Clone(path), value.text), star())
	if targets = slices.DeleteFunc(targets, isMessage); len(targets) == 0 {
		return has, err
	}
	is, otherErr := r.compared(path, targets, value)
	switch {
	case err != nil:
		return is, otherErr
	case otherErr != nil:
		return has, nil //nolint:nilerr // it fits one of them
	}
	return or{has, is}, nil
}

// compared is r for a value that fits at least one of the targets.
func (r *restriction) compared(path []string, targets []target, value literal) (node, error) {
	r.wants = make(map[target]want)
	var err error
	for _, t := range targets {
		var w want
		if w, err = r.want(t, value); err == nil {
			r.wants[t] = w
		}
	}
	if len(r.wants) == 0 {
		return nil, fmt.Errorf("%.80s: %w", strings.Join(path, "."), err)
	}
	return r, nil
}

// want is value as what the field of r may be.
func (r *restriction) want(t target, value literal) (want, error) {
	switch ordered := r.op != "=" && r.op != "!=" && r.op != ":"; {
	case ordered && (t.kind == kindBool || t.kind == kindEnum || t.kind == kindBytes):
		return want{}, fmt.Errorf("what has no order cannot be compared by %s", r.op)
	case t.kind == kindMessage:
		return want{}, errors.New("it is a message: compare one of its fields, or ask by :* whether there is one")
	}
	return value.as(t)
}

// targetsOf answers what the field of r may be, one target for each type of
// metadata that has it.
func (b *builder) targetsOf(r *restriction) ([]target, error) {
	full := strings.Join(append([]string{r.field}, r.path...), ".")
	switch {
	case r.field == fieldError && len(r.path) == 0, r.field == fieldMetadata && len(r.path) == 0:
		return []target{{kind: kindMessage}}, nil
	case r.field == fieldError && slices.Equal(r.path, []string{"code"}):
		return []target{{kind: kindInt}, codeTarget()}, nil
	case r.field == fieldError && slices.Equal(r.path, []string{"message"}):
		return []target{{kind: kindString}}, nil
	case r.field == fieldMetadata:
		if targets := b.targetsBelow(r); len(targets) > 0 {
			return targets, nil
		}
		if len(b.targetsBelow(&restriction{path: r.path, op: ":"})) > 0 {
			return nil, fmt.Errorf("%.80s is repeated, or a map: use : instead of %s", full, r.op)
		}
		return nil, fmt.Errorf("no method has the field %.80s in its metadata", full)
	}
	if k := kindOfField(r.field); k != 0 && len(r.path) == 0 {
		return []target{{kind: k}}, nil
	}
	return nil, fmt.Errorf("there is no field %.80s; there are %s", full, known)
}

func codeTarget() target { return target{kindEnum, code.Code(0).Descriptor()} }

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
		if len(r.path) == 0 {
			return op.HasMetadata
		}
		m := op.Metadata()
		return m != nil && r.below(m, r.path)
	}
	got, ok := op.value(r.field)
	return ok && r.holds(target{kind: kindOfField(r.field)}, got)
}

func (r *restriction) matchesError(op *Operation) bool {
	st := op.Error()
	switch {
	case st == nil:
		return false
	case len(r.path) == 0:
		return true
	case r.path[0] == "message":
		return r.holds(target{kind: kindString}, st.GetMessage())
	}
	return r.holds(target{kind: kindInt}, signed(int64(st.GetCode()))) || r.holds(codeTarget(), protoreflect.EnumNumber(st.GetCode()))
}

// holds compares what is there with the value, as what the field is. A field has a
// value where it is not the default.
func (r *restriction) holds(t target, got any) bool {
	if r.any {
		return got != "" && got != false && got != integer{} && got != 0. && got != protoreflect.EnumNumber(0)
	}
	w, ok := r.wants[t]
	return ok && w.compare(r.op, got)
}

func (r *restriction) exactBool() (value, ok bool) {
	w, ok := r.wants[target{kind: kindBool}]
	if !ok || r.op != "=" && r.op != ":" && r.op != "!=" {
		return false, false
	}
	return w.value.(bool) != (r.op == "!="), true
}

func (r *restriction) narrow(c *Conjuncts) {
	switch r.field {
	case fieldDone:
		switch done, ok := r.exactBool(); {
		case r.any:
			c.Done = new(true)
		case ok:
			c.Done = new(done)
		}
	case fieldName:
		if w, ok := r.wants[target{kind: kindString}]; ok && w.wild == nil && (r.op == "=" || r.op == ":") {
			c.Name = w.value.(string)
		}
	}
}
