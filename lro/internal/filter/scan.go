package filter

import (
	"fmt"
	"regexp"
	"strings"
)

// The bounds of a filter. The parser recurses on parentheses, and a stack that
// overflows cannot be recovered, so they are checked before it sees the text.
const (
	maxSize  = 4096 // bytes
	maxDepth = 32   // of parentheses
	maxTerms = 100  // words between spaces and parentheses, outside quotes
)

// unquoted finds what AIP-160 writes without quotes and the parser knows only with
// them: times (RFC 3339), and durations such as 20s.
var unquoted = regexp.MustCompile(`^(?:\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)|\d+(?:\.\d+)?s\b)`)

// scan checks the bounds and quotes the literals. It also answers where, in the
// result, it has put a quote.
func scan(text string) (quoted string, added []int, err error) {
	if len(text) > maxSize {
		return "", nil, fmt.Errorf("the filter has %d bytes; at most %d are allowed", len(text), maxSize)
	}
	s := scanner{text: text}
	for s.at < len(text) {
		if err := s.step(); err != nil {
			return "", nil, err
		}
	}
	return s.out.String(), s.added, nil
}

type scanner struct {
	text  string
	at    int
	out   strings.Builder
	added []int
	depth int
	terms int
	word  bool // at is within a word
}

// step copies a character, or a whole string or literal.
func (s *scanner) step() error {
	rest := s.text[s.at:]
	size := 1
	switch c := rest[0]; {
	case c == '"' || c == '\'':
		size = stringSize(rest)
	case c == '(':
		if s.depth++; s.depth > maxDepth {
			return fmt.Errorf("the parentheses of the filter are nested deeper than %d at byte %d", maxDepth, s.at+1)
		}
	case c == ')':
		s.depth--
	case strings.IndexByte(" \t\r\n", c) >= 0, strings.IndexByte("=<>:!-,", c) >= 0:
	default:
		if !s.word {
			if found := unquoted.FindString(rest); found != "" {
				s.quote(found)
				return nil
			}
			if s.terms++; s.terms > maxTerms {
				return fmt.Errorf("the filter has more than %d terms", maxTerms)
			}
		}
		s.word = true
		s.out.WriteByte(c)
		s.at++
		return nil
	}
	s.word = false
	s.out.WriteString(rest[:size])
	s.at += size
	return nil
}

func (s *scanner) quote(found string) {
	s.added = append(s.added, s.out.Len())
	s.out.WriteString(`"` + found)
	s.added = append(s.added, s.out.Len())
	s.out.WriteString(`"`)
	s.at += len(found)
}

// stringSize answers how long the string is that text begins with, to its end if
// nothing closes it.
func stringSize(text string) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case text[0]:
			return i + 1
		}
	}
	return len(text)
}
