package storetest

import (
	"bytes"

	"github.com/longrunning-go/longrunning/store"
)

const ruleSecret rule = "secret: Secret answers 32 random bytes, the same at every call and in every process, and others in every database."

func secretCases() []testCase {
	return []testCase{{ruleSecret, secretSame}}
}

func secretSame(t *trial) {
	const callers = 6
	var got [callers][]byte
	ask := func(s store.Store) []byte {
		secret, err := s.Secret(t.ctx())
		if err != nil || len(secret) != 32 {
			t.fail("Secret: got %d bytes and error %v, want 32 and none", len(secret), err)
		}
		return secret
	}
	t.together(callers, func(i int) { got[i] = ask(t.either(i)) }) // the first call of all creates it
	for _, s := range []store.Store{t.a, t.b, t.db.Open(t.tb)} {
		got[0] = ask(s)
		for i := range got {
			if !bytes.Equal(got[i], got[0]) {
				t.fail("two calls got different secrets")
			}
		}
	}
	if other := ask(t.h.New(t.tb).Open(t.tb)); bytes.Equal(other, got[0]) {
		t.fail("two databases have the same secret")
	}
}
