package lrotest

import (
	"fmt"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	ruleDenied    rule = "permission: A caller without permission is answered PERMISSION_DENIED by every method (AIP-211)."
	ruleSameDeny  rule = "permission: Permission comes before existence: an operation that exists and one that does not are refused in the same words (AIP-211)."
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

// stranger answers the supported ones of the methods; it ends the case if there
// is no stranger.
func (t *trial) stranger(methods []rpc) []rpc {
	if t.Stranger == nil {
		t.skip("the Target has no Stranger")
	}
	var supported []rpc
	for _, r := range methods {
		if t.supports(r.method) {
			supported = append(supported, r)
		}
	}
	return supported
}

func permissionDenied(t *trial) {
	for _, r := range t.stranger(rpcs()) {
		name := t.start().GetName()
		if r.method == longrunningpb.Operations_ListOperations_FullMethodName {
			name = parentOf(name)
		}
		t.refused(t.rule, fmt.Sprintf("a stranger's %v of %q", r, name), t.strange(r, name), codes.PermissionDenied)
	}
}

func permissionSame(t *trial) {
	methods := t.stranger(byName())
	there, missing := t.start().GetName(), t.missing()
	for _, r := range methods {
		exists, absent := t.strange(r, there), t.strange(r, missing)
		if exists == nil || absent == nil {
			if (exists == nil) == (absent == nil) {
				t.broken(ruleDenied, "a stranger's %v of %q and of %q is answered", r, there, missing)
			}
		} else if words(exists, there) == words(absent, missing) {
			continue
		}
		t.fail("a stranger's %v of an operation that exists: got error %v; of one that does not: %v; want the same", r, exists, absent)
	}
}

// words answers all that an error says, but for the name that the caller gave.
func words(err error, name string) string {
	return strings.ReplaceAll(status.Convert(err).Proto().String(), name, "…")
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
