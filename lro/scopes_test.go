package lro_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// granting answers the same scopes for every caller.
func granting(scopes ...string) func(context.Context) []string {
	return func(context.Context) []string { return scopes }
}

// TestRequireScopes: any one of a verb's scopes suffices, and a verb without any
// is refused.
func TestRequireScopes(t *testing.T) {
	t.Parallel()
	anyOf := map[lro.Verb][]string{
		lro.VerbGet:    {"read", "write"},
		lro.VerbCancel: {"write"},
	}
	for _, c := range []struct {
		name    string
		granted []string
		may     []lro.Verb
	}{
		{"none", nil, nil},
		{"the first", []string{"read"}, []lro.Verb{lro.VerbGet}},
		{"the second", []string{"write"}, []lro.Verb{lro.VerbGet, lro.VerbCancel}},
		{"among others", []string{"x", "", "write", "y"}, []lro.Verb{lro.VerbGet, lro.VerbCancel}},
		{"others", []string{"x", ""}, nil},
		{"one that looks alike", []string{"read ", "READ", "rea", "read write", "readwrite"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			auth := lro.RequireScopes(granting(c.granted...), anyOf)
			for verb := lro.Verb(0); verb <= lro.VerbDelete+1; verb++ {
				err := auth(t.Context(), lro.Access{Verb: verb, Name: "operations/1"})
				if may := slices.Contains(c.may, verb); may != (err == nil) {
					t.Errorf("with the scopes %q %v answered %v; want it allowed: %v", c.granted, verb, err, may)
				}
			}
		})
	}
}

// TestRequireScopesOwnsItsRules: what the caller changes afterwards in the map
// that was given changes nothing.
func TestRequireScopesOwnsItsRules(t *testing.T) {
	t.Parallel()
	anyOf := map[lro.Verb][]string{lro.VerbGet: {"read"}}
	auth := lro.RequireScopes(granting("other"), anyOf)
	anyOf[lro.VerbGet][0] = "other"
	anyOf[lro.VerbDelete] = []string{"other"}
	for _, verb := range []lro.Verb{lro.VerbGet, lro.VerbDelete} {
		if err := auth(t.Context(), lro.Access{Verb: verb}); err == nil {
			t.Errorf("%v is allowed by a change of the map after RequireScopes", verb)
		}
	}
}

// TestScopeRefused: over gRPC a caller without the scope learns which would do,
// and nothing of the operation. A verb that nobody may use says no more than
// that.
func TestScopeRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), echo, nil, nil)
		client := longrunningpb.NewOperationsClient(p.dial(lro.RequireScopes(granting("read"), map[lro.Verb][]string{
			lro.VerbGet:    {"read"},
			lro.VerbCancel: {"write", "admin"},
		}), nil))
		name := p.fill("", 1)[0]
		if _, err := client.GetOperation(t.Context(), &longrunningpb.GetOperationRequest{Name: name}); err != nil {
			t.Errorf("GetOperation with its scope answered %v", err)
		}
		_, err := client.CancelOperation(t.Context(), &longrunningpb.CancelOperationRequest{Name: name})
		wantRefusal(t, "CancelOperation", err, codes.PermissionDenied, "SCOPE_INSUFFICIENT", "Cancel", `"write"`, `"admin"`)
		if strings.Contains(status.Convert(err).Message(), name) {
			t.Errorf("CancelOperation answered %v; want nothing of the operation in it", err)
		}
		_, err = client.DeleteOperation(t.Context(), &longrunningpb.DeleteOperationRequest{Name: name})
		wantRefusal(t, "DeleteOperation", err, codes.PermissionDenied, "PERMISSION_DENIED", "permission denied")
	})
}

// TestScopeRefusalIsAStatus: also for a service that asks the Authorizer in a
// method of its own.
func TestScopeRefusalIsAStatus(t *testing.T) {
	t.Parallel()
	auth := lro.RequireScopes(granting(), map[lro.Verb][]string{lro.VerbGet: {"read"}})
	wantStatus(t, "RequireScopes", auth(t.Context(), lro.Access{Verb: lro.VerbGet}), codes.PermissionDenied, "SCOPE_INSUFFICIENT")
}

// TestAll: all must agree, and the first refusal is the answer.
func TestAll(t *testing.T) {
	t.Parallel()
	first, second := errors.New("first"), errors.New("second")
	var asked []string
	say := func(name string, err error) lro.Authorizer {
		return func(context.Context, lro.Access) error {
			asked = append(asked, name)
			return err
		}
	}
	for _, c := range []struct {
		what  string
		auths []lro.Authorizer
		want  error
		asked string
	}{
		{"one that agrees", []lro.Authorizer{say("a", nil)}, nil, "a"},
		{"two that agree", []lro.Authorizer{say("a", nil), say("b", nil)}, nil, "ab"},
		{"the first refuses", []lro.Authorizer{say("a", first), say("b", nil)}, first, "a"},
		{"the last refuses", []lro.Authorizer{say("a", nil), say("b", second)}, second, "ab"},
		{"all refuse", []lro.Authorizer{say("a", first), say("b", second)}, first, "a"},
		{"nested", []lro.Authorizer{lro.All(say("a", nil), say("b", second)), say("c", nil)}, second, "ab"},
	} {
		asked = nil
		if got := lro.All(c.auths...)(t.Context(), lro.Access{Verb: lro.VerbGet}); !errors.Is(got, c.want) || (got == nil) != (c.want == nil) {
			t.Errorf("%s: got %v; want %v", c.what, got, c.want)
		}
		if got := strings.Join(asked, ""); got != c.asked {
			t.Errorf("%s: %q were asked; want %q", c.what, got, c.asked)
		}
	}
	auths := []lro.Authorizer{say("a", first)}
	auth := lro.All(auths...)
	auths[0] = lro.AllowAll
	if err := auth(t.Context(), lro.Access{}); err == nil {
		t.Error("a change of the slice after All lets a caller in")
	}
}

// TestAuthorizersRefused: what would let nobody, or everybody, in is found when
// the program starts.
func TestAuthorizersRefused(t *testing.T) {
	t.Parallel()
	require := func(granted func(context.Context) []string, anyOf map[lro.Verb][]string) func() {
		return func() { lro.RequireScopes(granted, anyOf) }
	}
	for _, c := range []struct {
		what string
		call func()
		want string
	}{
		{"no granted", require(nil, map[lro.Verb][]string{lro.VerbGet: {"x"}}), "needs granted"},
		{"no verbs", require(granting(), nil), "at least one verb"},
		{"the zero Verb", require(granting(), map[lro.Verb][]string{0: {"x"}}), "Verb(0) is no verb"},
		{"a Verb that is none", require(granting(), map[lro.Verb][]string{99: {"x"}}), "Verb(99) is no verb"},
		{"a verb without scopes", require(granting(), map[lro.Verb][]string{lro.VerbGet: {}}), "leave the verb out"},
		{"an empty scope", require(granting(), map[lro.Verb][]string{lro.VerbGet: {"x", ""}}), "none of them empty"},
		{"All of none", func() { lro.All() }, "use lro.AllowAll"},
		{"All with nil", func() { lro.All(lro.AllowAll, nil) }, "none of them nil"},
	} {
		if got := panicOf(c.call); !strings.Contains(got, c.want) {
			t.Errorf("%s: panic %q; want %q in it", c.what, got, c.want)
		}
	}
}
