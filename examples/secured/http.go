package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
)

// authenticated is authenticate over HTTP: it lets no request in without a token,
// and tells next who calls by the context, as the interceptor does.
func authenticated(v *verifier, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := v.verify(r.Header.Values("Authorization"))
		if err != nil {
			slog.InfoContext(r.Context(), "not authenticated", "method", r.Method, "error", err)
			refuse(w)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, c)))
	})
}

// refuse answers UNAUTHENTICATED in the envelope of AIP-193.
func refuse(w http.ResponseWriter) {
	header := w.Header()
	header.Set("WWW-Authenticate", "Bearer")
	header.Set("Content-Type", "application/json; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusUnauthorized)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{ // a client that has gone is nobody to tell
		"code": http.StatusUnauthorized, "status": "UNAUTHENTICATED", "message": badToken,
	}})
}
