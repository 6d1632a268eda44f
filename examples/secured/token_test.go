package main

import (
	"crypto/x509"
	"maps"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// TestTokens: one good token, and everything that is not quite it.
func TestTokens(t *testing.T) {
	t.Parallel()
	e := setup(t)
	stranger, err := newIssuer()
	must(t, err)
	public, err := x509.MarshalPKIXPublicKey(&e.issuer.key.PublicKey)
	must(t, err)

	good := jwt.MapClaims{
		"iss": issuerName, "aud": audience, "sub": "ann", "tenant": "acme", "scope": scopeWrite,
		"exp": time.Now().Add(time.Hour).Unix(),
	}
	sign := func(method jwt.SigningMethod, key any, kid string, changes jwt.MapClaims) string {
		c := maps.Clone(good)
		maps.Copy(c, changes)
		maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
		token := jwt.NewWithClaims(method, c)
		token.Header["kid"] = kid
		signed, err := token.SignedString(key)
		must(t, err)
		return "Bearer " + signed
	}
	with := func(changes jwt.MapClaims) string {
		return sign(jwt.SigningMethodES256, e.issuer.key, keyID, changes)
	}
	ok, tampered := with(nil), []byte(with(nil))
	tampered[len(tampered)-10] ^= 1

	operations := e.anonymous()
	for _, c := range []struct {
		what          string
		authorization []string
		want          codes.Code
	}{
		{"a good token", []string{ok}, codes.OK},
		{"a good token for several services", []string{with(jwt.MapClaims{"aud": []string{"https://other.example", audience}})}, codes.OK},
		{"no header", nil, codes.Unauthenticated},
		{"an empty header", []string{""}, codes.Unauthenticated},
		{"another scheme", []string{"Basic " + ok[len("Bearer "):]}, codes.Unauthenticated},
		{"no scheme", []string{ok[len("Bearer "):]}, codes.Unauthenticated},
		{"no token", []string{"Bearer "}, codes.Unauthenticated},
		{"nonsense", []string{"Bearer a.b.c"}, codes.Unauthenticated},
		{"two headers", []string{ok, ok}, codes.Unauthenticated},
		{"a changed signature", []string{string(tampered)}, codes.Unauthenticated},
		{"another's key", []string{sign(jwt.SigningMethodES256, stranger.key, keyID, nil)}, codes.Unauthenticated},
		{"a key that there is not", []string{sign(jwt.SigningMethodES256, e.issuer.key, "key-2", nil)}, codes.Unauthenticated},
		{"no signature", []string{sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, keyID, nil)}, codes.Unauthenticated},
		{"the public key as a secret", []string{sign(jwt.SigningMethodHS256, public, keyID, nil)}, codes.Unauthenticated},
		{"expired", []string{with(jwt.MapClaims{"exp": time.Now().Add(-time.Hour).Unix()})}, codes.Unauthenticated},
		{"without expiry", []string{with(jwt.MapClaims{"exp": nil})}, codes.Unauthenticated},
		{"not valid yet", []string{with(jwt.MapClaims{"nbf": time.Now().Add(time.Hour).Unix()})}, codes.Unauthenticated},
		{"another audience", []string{with(jwt.MapClaims{"aud": "https://other.example"})}, codes.Unauthenticated},
		{"no audience", []string{with(jwt.MapClaims{"aud": nil})}, codes.Unauthenticated},
		{"another issuer", []string{with(jwt.MapClaims{"iss": "https://other.example"})}, codes.Unauthenticated},
		{"no issuer", []string{with(jwt.MapClaims{"iss": nil})}, codes.Unauthenticated},
		{"no subject", []string{with(jwt.MapClaims{"sub": nil})}, codes.Unauthenticated},
		{"no tenant", []string{with(jwt.MapClaims{"tenant": nil})}, codes.Unauthenticated},
		{"a wildcard for a tenant", []string{with(jwt.MapClaims{"tenant": "-"})}, codes.Unauthenticated},
		{"a tenant with a slash", []string{with(jwt.MapClaims{"tenant": "acme/x"})}, codes.Unauthenticated},
	} {
		ctx := metadata.NewOutgoingContext(t.Context(), metadata.MD{"authorization": c.authorization})
		for what, call := range calls(ctx, operations, "projects/acme/operations/none", "projects/acme") {
			want := c.want
			if want == codes.OK && what != "List" && what != "CreateVolume" {
				want = codes.NotFound // and so let in
			}
			if err := call(); status.Code(err) != want {
				t.Errorf("%s: %s: got %v, want %v", c.what, what, err, want)
			}
		}
	}
}
