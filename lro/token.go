package lro

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
)

// A tokenKey seals page tokens under a key that all Managers of a store derive
// from its secret, so that each continues the lists of the others.
type tokenKey struct {
	mu     sync.Mutex
	sealer cipher.AEAD // nil until the secret was first read
}

// A scope is the list that a token continues, and whose it is (AIP-158).
type scope struct{ parent, filter, caller string }

// bytes encodes the scope unambiguously.
func (s scope) bytes() []byte {
	var b []byte
	for _, part := range []string{s.parent, s.filter, s.caller} {
		b = binary.AppendUvarint(b, uint64(len(part)))
		b = append(b, part...)
	}
	return b
}

// tokens are the page tokens of one scope.
type tokens struct {
	sealer cipher.AEAD
	scope  []byte
}

var errToken = errors.New("the page token is not one that this list gave out; repeat the call that gave it, with nothing but the page size changed, or start again without one")

// bind answers the tokens of a scope.
func (k *tokenKey) bind(ctx context.Context, m *Manager, s scope) (*tokens, error) {
	k.mu.Lock()
	sealer := k.sealer
	k.mu.Unlock()
	if sealer == nil {
		secret, err := timed(ctx, m, call{method: "Secret"}, callTimeout, m.store.Secret)
		if err != nil {
			return nil, err
		}
		if sealer, err = newSealer(secret); err != nil {
			return nil, err
		}
		k.mu.Lock()
		k.sealer = sealer
		k.mu.Unlock()
	}
	return &tokens{sealer, s.bytes()}, nil
}

func newSealer(secret []byte) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, "longrunning page token", 32)
	if err != nil {
		return nil, fmt.Errorf("lro: key of page tokens: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("lro: key of page tokens: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// seal answers the token for the page after the record with this ID.
func (t *tokens) seal(lastID string) string {
	return base64.RawURLEncoding.EncodeToString(t.sealer.Seal(nil, nil, []byte(lastID), t.scope))
}

func (t *tokens) open(token string) (lastID string, err error) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || strings.ContainsAny(token, "\r\n") { // which the decoder skips
		return "", errToken
	}
	id, err := t.sealer.Open(nil, nil, sealed, t.scope)
	if err != nil {
		return "", errToken
	}
	return string(id), nil
}
