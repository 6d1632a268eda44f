package main

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// A caller is whom a verified token speaks of.
type caller struct {
	subject, tenant string
	scopes          []string
}

// claims are those of an access token (RFC 9068), and the tenant.
type claims struct {
	jwt.RegisteredClaims
	Tenant string `json:"tenant"`
	Scope  string `json:"scope"` // separated by spaces
}

// validID is what a tenant or a volume may be called. It becomes part of resource names, so it has
// no slash and is neither empty nor a wildcard.
var validID = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)

// Validate is called by the parser, after the registered claims have been.
func (c *claims) Validate() error {
	if c.Subject == "" || !validID.MatchString(c.Tenant) {
		return fmt.Errorf("the token names the subject %q and the tenant %q; want both", c.Subject, c.Tenant)
	}
	return nil
}

// A verifier knows the tokens of one issuer for one audience.
type verifier struct {
	keys   map[string]*ecdsa.PublicKey // by key id: an issuer has two while it changes them
	parser *jwt.Parser
}

// newVerifier leaves nothing to the token to decide. Its header may not choose
// the algorithm: whoever accepts HS256 beside ES256 takes the public key, which
// all may know, for a secret.
func newVerifier(issuer, audience string, keys map[string]*ecdsa.PublicKey) *verifier {
	return &verifier{keys, jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodES256.Alg()}),
		jwt.WithIssuer(issuer),
		jwt.WithAudience(audience),
		jwt.WithExpirationRequired(),
		jwt.WithLeeway(30*time.Second), // clocks differ
	)}
}

// verify answers the caller whose token is in the values of an authorization
// header. It is all that gRPC and HTTP need to share; its error is for the log.
func (v *verifier) verify(authorization []string) (*caller, error) {
	if len(authorization) != 1 {
		return nil, fmt.Errorf("%d authorization headers; want one", len(authorization))
	}
	scheme, token, _ := strings.Cut(authorization[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return nil, errors.New("the authorization is not of the form Bearer TOKEN")
	}
	var c claims
	if _, err := v.parser.ParseWithClaims(token, &c, v.key); err != nil {
		return nil, err
	}
	return &caller{c.Subject, c.Tenant, strings.Fields(c.Scope)}, nil
}

// key is the key that a token says it is signed with. A real verifier reads the
// keys from the issuer's JWKS, and again when it meets an id that it does not
// know, but not for each such token.
func (v *verifier) key(token *jwt.Token) (any, error) {
	kid, _ := token.Header["kid"].(string)
	key, ok := v.keys[kid]
	if !ok {
		return nil, fmt.Errorf("the issuer has no key %q", kid)
	}
	return key, nil
}
