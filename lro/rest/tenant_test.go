package rest_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/longrunning-go/longrunning/lro"
)

func split(target string) (method, path string) {
	method, path, _ = strings.Cut(target, " ")
	return method, path
}

func contextWith(t *testing.T, key, value any) context.Context {
	t.Helper()
	return context.WithValue(t.Context(), key, value)
}

// A tenant reaches its own operations and no other's, and cannot tell those of
// others from ones that do not exist (AIP-211): byte for byte the same answer,
// whatever way the name is written.
func TestTenants(t *testing.T) {
	t.Parallel()
	denials := map[string]lro.Authorizer{
		"with a status": func(_ context.Context, a lro.Access) error {
			if a.Parent != "projects/acme" {
				return status.Error(codes.PermissionDenied, "not your project")
			}
			return nil
		},
		"with an error": func(_ context.Context, a lro.Access) error {
			if a.Parent != "projects/acme" {
				return errors.New("not your project") // no status of its own
			}
			return nil
		},
	}
	calls := map[string]string{ // verb: method and path, with %s for the name
		"get": "GET /v1/%s", "head": "HEAD /v1/%s", "wait": "POST /v1/%s:wait", "wait by query": "GET /?timeout=0s&name=%s",
		"cancel": "POST /v1/%s:cancel", "delete": "DELETE /v1/%s", "list": "GET /v1/%s",
	}
	for denial, auth := range denials {
		for verb, target := range calls {
			t.Run(verb+" "+denial, func(t *testing.T) {
				t.Parallel()
				bubble(t, auth, nil, func(t *testing.T, s *service) {
					matrix(t, s, verb, target)
				})
			})
		}
	}
}

// matrix asks in every way for what the tenant may see and what it may not.
func matrix(t *testing.T, s *service, verb, target string) {
	t.Helper()
	own, other := s.start("projects/acme"), s.start("projects/acme-evil")
	id := other[strings.LastIndex(other, "/")+1:]
	denied := []string{ // the first is the one that exists
		other,
		"projects/acme-evil/operations/none",
		"projects/none/operations/none",
		"operations/none",
		"projects/acme%2Doperations/" + id,
		strings.ReplaceAll(other, "/", "%2F"),
		"projects/acme/../acme-evil/operations/" + id,
		"projects/acme%2F../acme-evil/operations/" + id,
		"projects/acme/%2e%2e/acme-evil/operations/" + id,
		"projects%2Facme%2F..%2Facme-evil%2Foperations%2F" + id,
		"projects/-/operations/" + id,
		"-/operations/" + id,
		"projects/*/operations/" + id,
		"**/operations/" + id,
		"projects/acme//operations/" + id,
		"/projects/acme/operations/" + id,
		"projects/acme/operations/%00",
		"projects/acme/operations/%ff",
		"projects/acme/operations/",
		"projects/acme",
		"nonsense",
	}
	allowed, missing := own, "projects/acme/operations/none"
	if verb == "list" {
		allowed, missing = "projects/acme/operations", ""
		denied = []string{
			"projects/acme-evil/operations", "projects/none/operations", "operations", "operations?pageSize=1",
			"projects%2Facme-evil/operations", "projects/acme/../acme-evil/operations", "projects/acme%2F..%2Facme-evil/operations",
			"projects/-/operations", "-/operations", "projects/*/operations", "**/operations", "/operations", "projects/acme//operations",
			"projects/acme/operations%2F/operations",
		}
	}
	ask := func(name string) *answer {
		method, path := split(strings.Replace(target, "%s", name, 1))
		return call(t, s, method, path, "")
	}
	want := ask(denied[0])
	if want.Code != http.StatusForbidden || verb != "head" && want.status() != "PERMISSION_DENIED" {
		t.Errorf("%s of another's: got %d %s, want 403", verb, want.Code, want.Body)
	}
	for _, name := range denied[1:] {
		if got := ask(name); got.Code != want.Code || got.Body.String() != want.Body.String() {
			t.Errorf("%s of %s: got %d %s, want what another's existing one answers: %d %s", verb, name, got.Code, got.Body, want.Code, want.Body)
		}
	}
	if missing != "" {
		if got := ask(missing); got.Code != http.StatusNotFound {
			t.Errorf("%s of a missing one of its own: got %d, want 404", verb, got.Code)
		}
	}
	if got := ask(allowed); got.Code != http.StatusOK {
		t.Errorf("%s of its own: got %d %s, want 200", verb, got.Code, got.Body)
	}
	if op, err := s.Get(t.Context(), other); err != nil || op.GetDone() {
		t.Errorf("another's operation after %s: got %v, %v, want it untouched", verb, op, err)
	}
}
