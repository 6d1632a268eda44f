package lrotest

import (
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
)

const (
	ruleMalformed rule = "names: A malformed name is INVALID_ARGUMENT, or PERMISSION_DENIED to whom its parent would be, to Get, Wait, Cancel and Delete alike (google.rpc.Code, AIP-211)."
	ruleMissing   rule = "names: A name that no operation has is NOT_FOUND, to Get, Wait, Cancel and Delete alike (google.rpc.Code)."
	ruleHostile   rule = "names: Whatever a name holds, it is INVALID_ARGUMENT, NOT_FOUND or PERMISSION_DENIED and breaks nothing (google.rpc.Code, AIP-211)."
)

func namesCases() []testCase {
	return []testCase{
		{ruleMalformed, "", namesMalformed},
		{ruleMissing, "", namesMissing},
		{ruleHostile, "", namesHostile},
	}
}

// each calls every supported method with every name.
func (t *trial) each(names []string, check func(r rpc, what string, err error)) {
	for _, r := range t.supported(byName()) {
		for _, name := range names {
			check(r, fmt.Sprintf("%v of %.60q", r, name), t.call(r, name))
		}
	}
}

func namesMalformed(t *trial) {
	name := t.start().GetName()
	malformed := []string{""}
	if prefix := strings.TrimSuffix(name, idOf(name)); prefix == "operations/" || strings.HasSuffix(prefix, "/operations/") {
		malformed = append(malformed, prefix, name+"/") // by the default mapping
	}
	t.each(malformed, func(_ rpc, what string, err error) {
		t.refused(t.rule, what, err, codes.InvalidArgument, codes.PermissionDenied)
	})
}

func namesMissing(t *trial) {
	t.each([]string{t.missing()}, func(_ rpc, what string, err error) {
		t.refused(t.rule, what, err, codes.NotFound)
	})
}

// hostile answers what begins with prefix and goes on in ways that may break a
// server.
func hostile(prefix string) []string {
	var all []string
	for _, rest := range []string{"a\x00b", "a\r\nb", "..", "%2F", "%", "'; --", "🍰 \u202e", strings.Repeat("x", 3000)} {
		all = append(all, prefix+rest)
	}
	return all
}

func namesHostile(t *trial) {
	name := t.start().GetName()
	prefix := strings.TrimSuffix(name, idOf(name))
	t.each(append(hostile(prefix), "/"+name, "../"+name), func(_ rpc, what string, err error) {
		t.refused(t.rule, what, err, codes.InvalidArgument, codes.NotFound, codes.PermissionDenied)
	})
	t.undone(name)
}
