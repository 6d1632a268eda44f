package filter

import (
	"cmp"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The bounds of a filter. They hold while it is read, so that the stack does not
// depend on who writes filters, and a record is compared a hundred times at most.
const (
	maxSize  = 4096 // bytes
	maxDepth = 32   // of parentheses
	maxTerms = 100  // comparisons
)

// A parser reads by the grammar of AIP-160, by recursive descent. Its words depend
// on where they stand: left of an operator a dot divides, and right of it does not,
// so that times, versions and negative numbers need no quotes.
//
// Spaces are taken more freely than the grammar has them: any number is one, and
// beside a parenthesis, or between a string and a keyword, none is needed.
type parser struct {
	text    string
	at      int
	depth   int
	terms   int
	builder builder
}

const (
	keywordAnd = "AND"
	keywordOr  = "OR"
	keywordNot = "NOT"
)

func (p *parser) filter() (node, error) {
	p.space()
	if p.at == len(p.text) {
		return and(nil), nil
	}
	root, err := p.expression()
	if err == nil && p.at < len(p.text) {
		err = p.expected("AND, OR or the end")
	}
	return root, err
}

// expression reads factors with AND, or nothing, between them.
func (p *parser) expression() (node, error) {
	var parts and
	for {
		part, err := p.factor()
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
		switch {
		case p.keyword(keywordAnd):
		case p.at == len(p.text) || p.text[p.at] == ')':
			return one(parts, parts...), nil
		case p.text[p.at-1] == ')':
		case !p.spaced():
			return nil, p.expected("a space")
		}
	}
}

// factor reads terms with OR between them: it binds tighter than AND.
func (p *parser) factor() (node, error) {
	var parts or
	for {
		part, err := p.term()
		if err != nil {
			return nil, err
		}
		if parts = append(parts, part); !p.keyword(keywordOr) {
			return one(parts, parts...), nil
		}
	}
}

// one is the only part, or all of them.
func one(all node, parts ...node) node {
	if len(parts) == 1 {
		return parts[0]
	}
	return all
}

func (p *parser) term() (node, error) {
	negated := p.keyword(keywordNot)
	if !negated && p.next() == '-' {
		p.at++
		negated = true
	}
	n, err := p.simple()
	if err == nil && negated {
		n = not{n}
	}
	return n, err
}

func (p *parser) simple() (node, error) {
	if p.next() != '(' {
		return p.restriction()
	}
	if p.depth++; p.depth > maxDepth {
		return nil, fmt.Errorf("the parentheses of the filter are nested deeper than %d at byte %d", maxDepth, p.at+1)
	}
	p.at++
	p.space()
	n, err := p.expression()
	if err != nil {
		return nil, err
	}
	if p.next() != ')' {
		return nil, p.expected("AND, OR or )")
	}
	p.at++
	p.depth--
	p.space()
	return n, nil
}

// restriction reads a field, and what it is compared with.
func (p *parser) restriction() (node, error) {
	if p.terms++; p.terms > maxTerms {
		return nil, fmt.Errorf("the filter has more than %d terms", maxTerms)
	}
	path, err := p.path()
	if err != nil {
		return nil, err
	}
	p.space()
	op := p.operator()
	if op == "" {
		return p.builder.flag(path)
	}
	p.space()
	value, err := p.value(op)
	if err != nil {
		return nil, err
	}
	p.space()
	return p.builder.restrict(op, path, value)
}

// path reads a.b."c d".
func (p *parser) path() (path []string, err error) {
	for {
		var segment string
		start := p.at
		if quote := p.next(); quote == '"' || quote == '\'' {
			if path == nil {
				return nil, p.expected("a field such as done; search for mere text is not served")
			}
			value, err := p.quoted()
			if err != nil {
				return nil, err
			}
			segment = value.text
		} else {
			segment = p.word(`.()<>=!:,"'`)
		}
		switch {
		case p.at == start, path == nil && isKeyword(segment):
			p.at = start
			return nil, p.expected("a field such as done")
		case p.next() == '(':
			return nil, fmt.Errorf("the filter cannot be read at byte %d: %.40q is no function; there are none, only comparisons, AND, OR and NOT (AIP-160)", start+1, segment)
		}
		path = append(path, segment)
		if p.next() != '.' {
			return path, nil
		}
		p.at++
	}
}

// operator reads one; "" if there is none.
func (p *parser) operator() operator {
	for _, op := range [...]operator{"<=", ">=", "!=", "=", "<", ">", ":"} { // the longest first
		if strings.HasPrefix(p.text[p.at:], string(op)) {
			p.at += len(op)
			return op
		}
	}
	return ""
}

func (p *parser) value(op operator) (literal, error) {
	if quote := p.next(); quote == '"' || quote == '\'' {
		return p.quoted()
	}
	start := p.at
	text := p.word("(),")
	switch {
	case text == "", isKeyword(text):
		p.at = start
		return literal{}, p.expected("a value after " + string(op))
	case p.next() == '(':
		return literal{}, p.expected("a value without parentheses; put it in quotes")
	}
	if odd := strings.IndexAny(text, `=<>"`); odd >= 0 {
		p.at = start + odd
		return literal{}, p.expected("a space; or put the value in quotes")
	}
	return literal{text: text, parts: strings.Split(text, "*")}, nil
}

// quoted reads a string. A backslash stands before a quote, a star or a backslash
// that is meant as such.
func (p *parser) quoted() (literal, error) {
	start := p.at
	quote := p.text[p.at]
	var text, part strings.Builder
	var parts []string
	for p.at++; p.at < len(p.text); p.at++ {
		c := p.text[p.at]
		switch c {
		case quote:
			p.at++
			return literal{text: text.String(), parts: append(parts, part.String())}, nil
		case '*':
			parts = append(parts, part.String())
			part.Reset()
			text.WriteByte(c)
			continue
		case '\\':
			p.at++
			if strings.IndexByte(`"'*\`, p.next()) < 0 {
				return literal{}, p.expected(`one of " ' * \ after a backslash`)
			}
			c = p.text[p.at]
		}
		part.WriteByte(c)
		text.WriteByte(c)
	}
	return literal{}, fmt.Errorf("the filter cannot be read: the string that begins at byte %d has no end; expected %c (AIP-160)", start+1, quote)
}

// keyword reads one, and the space around it, if it is there.
func (p *parser) keyword(word string) bool {
	start := p.at
	p.space()
	if p.word(`.()<>=!:,"'`) == word && (p.next() == '(' || p.space() || p.at == len(p.text)) {
		return true
	}
	p.at = start
	return false
}

func isKeyword(word string) bool {
	return word == keywordAnd || word == keywordOr || word == keywordNot
}

// word reads up to a space or one of the characters that end it.
func (p *parser) word(end string) string {
	rest := p.text[p.at:]
	size := strings.IndexFunc(rest, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(end, r) })
	if size < 0 {
		size = len(rest)
	}
	p.at += size
	return rest[:size]
}

// space skips spaces, and reports whether there were any.
func (p *parser) space() bool {
	rest := strings.TrimLeftFunc(p.text[p.at:], unicode.IsSpace)
	skipped := len(p.text) - len(rest) - p.at
	p.at += skipped
	return skipped > 0
}

// spaced reports whether a space has just been read.
func (p *parser) spaced() bool {
	r, _ := utf8.DecodeLastRuneInString(p.text[:p.at])
	return unicode.IsSpace(r)
}

// next is the byte that comes; 0 at the end.
func (p *parser) next() byte {
	if p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

// expected says where the filter is no filter, what should be there and what is.
func (p *parser) expected(what string) error {
	found := "the end"
	if p.at < len(p.text) {
		_, size := utf8.DecodeRuneInString(p.text[p.at:])
		start := p.at
		word := p.word(`()`)
		p.at = start
		found = fmt.Sprintf("%.40q", cmp.Or(word, p.text[start:start+size]))
	}
	return fmt.Errorf("the filter cannot be read at byte %d: expected %s, found %s (AIP-160)", p.at+1, what, found)
}
