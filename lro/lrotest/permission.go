package lrotest

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"
)

const (
	ruleDenied    rule = "permission: A caller without permission is answered PERMISSION_DENIED by every method (AIP-211)."
	ruleSameDeny  rule = "permission: Permission comes before existence: what exists and what does not are refused in the same words (AIP-211)."
	ruleUntouched rule = "permission: What was refused has no effect (AIP-211)."
)

func permissionCases() []testCase {
	return []testCase{
		{ruleDenied, "", permissionDenied},
		{ruleSameDeny, "", permissionSame},
		{ruleUntouched, "", permissionUntouched},
	}
}

// strange calls a method as the stranger.
func (t *trial) strange(r rpc, name string) error {
	ctx, stop := t.ctx()
	defer stop()
	return r.call(ctx, t.Stranger, name)
}

// supported answers those of the methods that the server has.
func (t *trial) supported(methods []rpc) []rpc {
	return slices.DeleteFunc(methods, func(r rpc) bool { return !t.supports(r.method) })
}

// stranger answers the supported ones of the methods; it ends the case if there
// is no stranger.
func (t *trial) stranger(methods []rpc) []rpc {
	if t.Stranger == nil {
		t.skip("the Target has no Stranger")
	}
	return t.supported(methods)
}

// asked answers what a method takes to concern an operation: the name, or the
// parent.
func (t *trial) asked(r rpc, name string) string {
	if r.lists() {
		return t.parentOf(name)
	}
	return name
}

func permissionDenied(t *trial) {
	for _, r := range t.stranger(rpcs()) {
		name := t.asked(r, t.start().GetName())
		t.refused(t.rule, fmt.Sprintf("a stranger's %v of %q", r, name), t.strange(r, name), codes.PermissionDenied)
	}
}

func permissionSame(t *trial) {
	methods := t.stranger(rpcs())
	name, missingName := t.start().GetName(), t.missing()
	for _, r := range methods {
		there, missing := name, missingName
		if r.lists() {
			there = t.parentOf(name)
			missing = there + lastPart
		}
		exists, absent := t.strange(r, there), t.strange(r, missing)
		switch {
		case exists == nil && absent == nil:
			t.broken(ruleDenied, "a stranger's %v of %q and of %q is answered, want PERMISSION_DENIED", r, there, missing)
		case r.lists() && status.Code(absent) == codes.InvalidArgument: // its form betrays nothing
		case exists == nil || absent == nil || words(exists, there, missing) != words(absent, there, missing):
			t.fail("a stranger's %v of what exists: got %s; of what does not: %s; want the same", r, words(exists), words(absent))
		}
	}
}

// words answers all that an error says, but for what differs from call to call
// anyway, and for the names that the caller gave, or their ids.
func words(err error, names ...string) string {
	if err == nil {
		return "no error"
	}
	st := status.Convert(err).Proto()
	st.Details = slices.DeleteFunc(st.GetDetails(), func(detail *anypb.Any) bool {
		return detail.MessageIs(&errdetails.RequestInfo{}) || detail.MessageIs(&errdetails.DebugInfo{})
	})
	for _, name := range names {
		names = append(names, idOf(name))
	}
	slices.SortFunc(names, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, name := range names {
		pairs = append(pairs, name, "…")
	}
	return strings.NewReplacer(pairs...).Replace(st.String())
}

func permissionUntouched(t *trial) {
	methods := t.stranger(byName())
	name := t.start().GetName()
	for _, r := range methods {
		_ = t.strange(r, name)
	}
	ctx, stop := t.ctx()
	defer stop()
	if _, err := t.Finish(ctx, name); err != nil {
		t.fail("Finish after a stranger's Cancel and Delete: got error %v, want none", err)
	}
	t.ended(name)
	t.done(name)
}
