package lro

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	collection = "operations"
	// maxName bounds a name, in bytes: room for any parent that is typed by hand.
	maxName   = 1024
	maxParent = maxName / 2
	// maxRequestID bounds a request id, in bytes. AIP-155 has UUIDs in mind.
	maxRequestID = 128
)

// operationName is {parent}/operations/{id}; the default parent is "".
func operationName(parent, id string) string {
	if parent == "" {
		return collection + "/" + id
	}
	return parent + "/" + collection + "/" + id
}

// parentOf answers the parent in an operation's name, or what is wrong with
// the name.
func parentOf(name string) (string, error) {
	if name == "" {
		return "", errors.New("the name is empty: it must be {parent}/operations/{id}")
	}
	if err := checkText(name, maxName); err != nil {
		return "", fmt.Errorf("the name %w", err)
	}
	slash := strings.LastIndexByte(name, '/')
	prefix, id := name[:max(0, slash)], name[slash+1:]
	parent, ok := strings.CutSuffix(prefix, "/"+collection)
	if prefix == collection {
		parent, ok = "", true
	}
	if !ok || id == "" || prefix == "/"+collection {
		return "", fmt.Errorf("the name %q is not of the form {parent}/operations/{id}", name)
	}
	return parent, checkSegments(parent, false)
}

// checkParent accepts "" and resource names without wildcards (AIP-122, AIP-159).
func checkParent(parent string) error {
	if err := checkText(parent, maxParent); err != nil {
		return fmt.Errorf("the parent %w", err)
	}
	return checkSegments(parent, false)
}

// checkSegments checks a parent whose text has been checked. Where it is wild, a
// segment may be "-".
func checkSegments(parent string, wild bool) error {
	if parent == "" {
		return nil
	}
	if len(parent) > maxParent {
		return fmt.Errorf("the parent has %d bytes; at most %d are allowed", len(parent), maxParent)
	}
	if parent == collection || strings.HasSuffix(parent, "/"+collection) {
		return fmt.Errorf("the parent %q ends in %q: give the resource alone, such as projects/p1, or nothing for the default parent", parent, collection)
	}
	for segment := range strings.SplitSeq(parent, "/") {
		switch {
		case segment == "":
			return fmt.Errorf("the parent %q has an empty segment: it must read like projects/p1, without a slash at either end", parent)
		case segment == "*" && wild:
			return fmt.Errorf("the parent %q has the segment *: write - for any (AIP-159)", parent)
		case segment == ".", segment == "..", segment == "*", segment == "-" && !wild:
			return fmt.Errorf("the parent %q has the segment %q, which names no resource", parent, segment)
		}
	}
	return nil
}

// checkListed is checkParent for a list, where a segment may be "-" (AIP-159).
func checkListed(parent string) error {
	if err := checkText(parent, maxParent); err != nil {
		return fmt.Errorf("the parent %w", err)
	}
	return checkSegments(parent, true)
}

func checkText(s string, most int) error {
	switch {
	case len(s) > most:
		return fmt.Errorf("has %d bytes; at most %d are allowed", len(s), most)
	case isPlain(s):
		return nil
	case !utf8.ValidString(s):
		return fmt.Errorf("%q is not valid UTF-8", s)
	case strings.ContainsFunc(s, unicode.IsControl):
		return fmt.Errorf("%q contains a control character", s)
	}
	return nil
}

// isPlain reports whether s is printable ASCII, as nearly all names are: a byte at a
// time that is told in a fraction of the time of the checks by rune.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
