// Package filter evaluates the filters of ListOperations (AIP-160).
//
// A kept library parses them; this package bounds them before, gives the fields of
// an operation their types, and evaluates.
package filter

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"go.einride.tech/aip/filtering"
	expr "google.golang.org/genproto/googleapis/api/expr/v1alpha1"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A Filter selects operations. It is safe for concurrent use.
type Filter struct{ root node }

// Parse reads a filter. A path below metadata must be one of at least one of
// types, the metadata of the methods that are known. The error is for the caller
// who wrote the filter.
func Parse(text string, types []protoreflect.MessageDescriptor) (*Filter, error) {
	quoted, added, err := scan(text)
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(quoted) == "" {
		return &Filter{all{}}, nil
	}
	var p filtering.Parser
	p.Init(quoted)
	parsed, err := p.Parse()
	if err != nil {
		return nil, syntaxError(err, quoted, added)
	}
	b := builder{types: types}
	root, err := b.node(parsed.GetExpr())
	if err != nil {
		return nil, err
	}
	return &Filter{root}, nil
}

// Matches reports whether the filter selects an operation.
func (f *Filter) Matches(op *Operation) bool { return f.root.matches(op) }

// Conjuncts answers what every operation that f selects has in common: what an
// index serves. A nil or empty value says nothing.
func (f *Filter) Conjuncts() Conjuncts {
	var c Conjuncts
	f.root.narrow(&c)
	return c
}

// Conjuncts are conditions that a store can serve.
type Conjuncts struct {
	Done *bool
	Name string
}

// syntaxError says where the parser stopped, in the text as it was given: without
// the quotes that were added, and with the space before it that the parser drops.
// The innermost of its errors knows; their text is long, and never built.
func syntaxError(err error, quoted string, added []int) error {
	type placed interface {
		Position() filtering.Position
		Message() string
	}
	at, message := 0, "it is no filter"
	for ; err != nil; err = errors.Unwrap(err) {
		if e, ok := err.(placed); ok {
			at, message = int(e.Position().Offset), e.Message()
		}
	}
	at += len(quoted) - len(strings.TrimLeftFunc(quoted, unicode.IsSpace))
	quotes, _ := slices.BinarySearch(added, at)
	return fmt.Errorf("the filter cannot be read at byte %d: %s (AIP-160)", at-quotes+1, message)
}

// node of the tree. OR and AND, NOT, and what compares a field.
type node interface {
	matches(op *Operation) bool
	narrow(c *Conjuncts)
}

type (
	all struct{}
	and []node
	or  []node
	not struct{ node }
)

func (all) matches(*Operation) bool { return true }
func (all) narrow(*Conjuncts)       {}

func (n and) matches(op *Operation) bool {
	for _, part := range n {
		if !part.matches(op) {
			return false
		}
	}
	return true
}

func (n and) narrow(c *Conjuncts) {
	for _, part := range n {
		part.narrow(c)
	}
}

func (n or) matches(op *Operation) bool {
	for _, part := range n {
		if part.matches(op) {
			return true
		}
	}
	return false
}

func (or) narrow(*Conjuncts) {}

func (n not) matches(op *Operation) bool { return !n.node.matches(op) }

// narrow sees NOT done, the most common filter there is.
func (n not) narrow(c *Conjuncts) {
	if r, ok := n.node.(*restriction); ok && r.field == fieldDone && len(r.path) == 0 {
		if done, ok := r.exactBool(); ok {
			c.Done = new(!done)
		}
	}
}

type builder struct {
	types []protoreflect.MessageDescriptor
}

func (b *builder) node(e *expr.Expr) (node, error) {
	call := e.GetCallExpr()
	if call == nil {
		return b.flag(e)
	}
	switch call.GetFunction() {
	case filtering.FunctionAnd, filtering.FunctionFuzzyAnd:
		parts, err := b.nodes(call.GetArgs())
		return and(parts), err
	case filtering.FunctionOr:
		parts, err := b.nodes(call.GetArgs())
		return or(parts), err
	case filtering.FunctionNot:
		parts, err := b.nodes(call.GetArgs())
		if err != nil {
			return nil, err
		}
		return not{parts[0]}, nil
	case filtering.FunctionEquals, filtering.FunctionNotEquals, filtering.FunctionHas,
		filtering.FunctionLessThan, filtering.FunctionLessEquals,
		filtering.FunctionGreaterThan, filtering.FunctionGreaterEquals:
		return b.restriction(operator(call.GetFunction()), call.GetArgs()[0], call.GetArgs()[1])
	}
	return nil, fmt.Errorf("the function %s is not known; the filter has comparisons, AND, OR and NOT only", call.GetFunction())
}

func (b *builder) nodes(exprs []*expr.Expr) ([]node, error) {
	nodes := make([]node, len(exprs))
	for i, e := range exprs {
		var err error
		if nodes[i], err = b.node(e); err != nil {
			return nil, err
		}
	}
	return nodes, nil
}
