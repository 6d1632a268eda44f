package lrotest

import (
	"fmt"

	"google.golang.org/grpc/codes"
)

const ruleUnsupported rule = "methods: What the server does not support is UNIMPLEMENTED, whatever it is asked (operations.proto)."

func methodsCases() []testCase {
	return []testCase{{ruleUnsupported, "", methodsUnsupported}}
}

func methodsUnsupported(t *trial) {
	if len(t.Unsupported) == 0 {
		t.skip("the target supports all methods")
	}
	for _, method := range t.Unsupported {
		t.unimplemented(method)
	}
}

// unimplemented checks that a method is: of an operation, of a missing one and of
// a name that is none, and that it leaves the operation alone.
func (t *trial) unimplemented(method string) {
	name := t.start().GetName()
	for _, r := range rpcs() {
		if r.method != method {
			continue
		}
		for _, asked := range []string{name, t.missing(), t.parentOf(name), ""} {
			t.refused(ruleUnsupported, fmt.Sprintf("%v of %q, which the target does not support", r, asked), t.call(r, asked), codes.Unimplemented)
		}
	}
	t.undone(name)
}
