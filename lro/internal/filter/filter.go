// Package filter reads and evaluates the filters of ListOperations (AIP-160).
package filter

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// A Filter selects operations. It is safe for concurrent use.
type Filter struct{ root node }

// Parse reads a filter. A path below metadata must be one of at least one of
// types, the metadata of the methods that are known. The error is for the caller
// who wrote the filter.
func Parse(text string, types []protoreflect.MessageDescriptor) (*Filter, error) {
	if len(text) > maxSize {
		return nil, fmt.Errorf("the filter has %d bytes; at most %d are allowed", len(text), maxSize)
	}
	p := parser{text: text, builder: builder{types: types}}
	root, err := p.filter()
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

// node of the tree. OR and AND, NOT, and what compares a field.
type node interface {
	matches(op *Operation) bool
	narrow(c *Conjuncts)
}

type (
	and []node // of none selects all
	or  []node
	not struct{ node }
)

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
	if r, ok := n.node.(*restriction); ok && r.field == fieldDone {
		if done, ok := r.exactBool(); ok {
			c.Done = new(!done)
		}
	}
}
