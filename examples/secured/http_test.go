package main

import (
	"encoding/json"
	"net/http"
	"testing"
)

// TestHTTP: HTTP/JSON lets in whom gRPC lets in, to what it lets them.
func TestHTTP(t *testing.T) {
	t.Parallel()
	e := setup(t)
	own := "/v1/" + e.create(e.as("ann", "acme", scopeWrite), "projects/acme").GetName()
	const missing = "/v1/projects/acme/operations/none"
	for _, tt := range []struct {
		who, tenant, scope string
		method, path       string
		want               string // the status in the envelope; "" is none
		code               int
	}{
		{"", "", "", http.MethodGet, own, "UNAUTHENTICATED", http.StatusUnauthorized},
		{"", "", "", http.MethodGet, missing, "UNAUTHENTICATED", http.StatusUnauthorized},
		{"", "", "", http.MethodGet, "/openapi.json", "UNAUTHENTICATED", http.StatusUnauthorized},
		{"rob", "acme", scopeRead, http.MethodGet, own, "", http.StatusOK},
		{"rob", "acme", scopeRead, http.MethodGet, "/v1/projects/acme/operations", "", http.StatusOK},
		{"rob", "acme", scopeRead, http.MethodGet, missing, "NOT_FOUND", http.StatusNotFound},
		{"rob", "acme", scopeRead, http.MethodPost, own + ":cancel", "PERMISSION_DENIED", http.StatusForbidden},
		{"rob", "acme", scopeRead, http.MethodDelete, own, "PERMISSION_DENIED", http.StatusForbidden},
		{"eve", "acme-evil", scopeWrite, http.MethodGet, own, "PERMISSION_DENIED", http.StatusForbidden},
		{"eve", "acme-evil", scopeWrite, http.MethodGet, missing, "PERMISSION_DENIED", http.StatusForbidden},
		{"eve", "acme-evil", scopeWrite, http.MethodGet, "/v1/projects/-/operations", "PERMISSION_DENIED", http.StatusForbidden},
		{"eve", "acme-evil", scopeWrite, http.MethodGet, "/v1/projects%2Facme/operations", "PERMISSION_DENIED", http.StatusForbidden},
		{"ann", "acme", scopeWrite, http.MethodPost, own + ":cancel", "", http.StatusOK},
		{"ann", "acme", scopeWrite, http.MethodPost, own + ":wait", "", http.StatusOK},
	} {
		token := ""
		if tt.who != "" {
			var err error
			token, err = e.issuer.token(tt.who, tt.tenant, tt.scope)
			must(t, err)
		}
		res, err := send(t.Context(), tt.method, e.web+tt.path, token)
		must(t, err)
		var envelope struct{ Error struct{ Status string } }
		must(t, json.NewDecoder(res.Body).Decode(&envelope))
		must(t, res.Body.Close())
		if res.StatusCode != tt.code || envelope.Error.Status != tt.want {
			t.Errorf("%s %s as %q: got %s with the status %q, want %d with %q", tt.method, tt.path, tt.who, res.Status, envelope.Error.Status, tt.code, tt.want)
		}
		if challenge := res.Header.Get("WWW-Authenticate"); (challenge != "") != (tt.code == http.StatusUnauthorized) {
			t.Errorf("%s %s as %q: got the challenge %q with %d", tt.method, tt.path, tt.who, challenge, res.StatusCode)
		}
	}
}
