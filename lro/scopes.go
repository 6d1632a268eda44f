package lro

import (
	"context"
	"fmt"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// RequireScopes is the "one of the following OAuth scopes" that methods of
// Google APIs document: for each verb any one of its scopes suffices. What the
// caller was granted is answered by granted, from what an interceptor has
// verified and put into the context; it may be called from any goroutine. A verb
// that anyOf does not name is refused.
//
// A refusal is PERMISSION_DENIED, reason SCOPE_INSUFFICIENT, and names the
// scopes that would do. It depends on the verb alone. RequireScopes says nothing
// about whose operation it is: combine it with a check that does, by [All].
//
// It panics if granted is nil, if anyOf is empty or names what is no verb, and
// if the scopes of a verb are none or one of them is "".
func RequireScopes(granted func(context.Context) []string, anyOf map[Verb][]string) Authorizer {
	if granted == nil || len(anyOf) == 0 {
		panic("lro: RequireScopes needs granted, which answers the caller's scopes, and the scopes of at least one verb")
	}
	rules := make(map[Verb]scopeRule, len(anyOf))
	for verb, scopes := range anyOf {
		switch {
		case verb < VerbGet || verb > VerbDelete:
			panic(fmt.Sprintf("lro: RequireScopes: %v is no verb; use the Verb constants", verb))
		case len(scopes) == 0 || slices.Contains(scopes, ""):
			panic(fmt.Sprintf("lro: RequireScopes: the scopes of %v are %q; name at least one, none of them empty, or leave the verb out to refuse it", verb, scopes))
		}
		scopes = slices.Clone(scopes)
		rules[verb] = scopeRule{scopes, &scopeError{fmt.Sprintf("%v needs one of the OAuth scopes %q; call with credentials that have it", verb, scopes)}}
	}
	return func(ctx context.Context, access Access) error {
		rule, ok := rules[access.Verb]
		if !ok {
			return fmt.Errorf("lro: RequireScopes: no scope was named for %v", access.Verb)
		}
		for _, scope := range granted(ctx) {
			if slices.Contains(rule.anyOf, scope) {
				return nil
			}
		}
		return rule.refusal
	}
}

// All agrees if all of auths do. They are asked in their order, and the first
// refusal counts. It panics without any, since that would be [AllowAll], and if
// one is nil.
func All(auths ...Authorizer) Authorizer {
	if len(auths) == 0 || slices.ContainsFunc(auths, func(a Authorizer) bool { return a == nil }) {
		panic("lro: All needs Authorizers, none of them nil; to let every caller do everything, use lro.AllowAll")
	}
	auths = slices.Clone(auths)
	return func(ctx context.Context, access Access) error {
		for _, auth := range auths {
			if err := auth(ctx, access); err != nil {
				return err
			}
		}
		return nil
	}
}

// A scopeRule is which scopes suffice for a verb, and what is answered if the
// caller has none of them.
type scopeRule struct {
	anyOf   []string
	refusal *scopeError
}

// A scopeError is the refusal of RequireScopes; Manager.denied adds the domain.
type scopeError struct{ text string }

func (e *scopeError) Error() string { return "lro: " + e.text }

func (e *scopeError) GRPCStatus() *status.Status {
	return newStatus(codes.PermissionDenied, reasonScopes, "", e.text)
}
