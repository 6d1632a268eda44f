package lrotest

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
)

const (
	ruleTokenFilter rule = "tokens: A token that comes with another filter is INVALID_ARGUMENT (AIP-158)."
	ruleTokenParent rule = "tokens: A token that comes with another parent is INVALID_ARGUMENT (AIP-158)."
	ruleForged      rule = "tokens: A token that the server did not give out is INVALID_ARGUMENT (AIP-158)."
	ruleURLSafe     rule = "tokens: A token is URL-safe (AIP-158)."
	ruleOpaque      rule = "tokens: A token is opaque: base64 or hex of something that can be read is not enough (AIP-158)."
)

func tokensCases() []testCase {
	const method = longrunningpb.Operations_ListOperations_FullMethodName
	return []testCase{
		{ruleTokenFilter, method, tokensFilter},
		{ruleTokenParent, method, tokensParent},
		{ruleForged, method, tokensForged},
		{ruleURLSafe, method, tokensURLSafe},
		{ruleOpaque, method, tokensOpaque},
	}
}

// token answers a request that can be continued, and its token.
func (t *trial) token(filter string) (*longrunningpb.ListOperationsRequest, string) {
	names := t.several(3)
	req := &longrunningpb.ListOperationsRequest{Name: t.parentOf(names[0]), PageSize: 1, Filter: filter}
	token := t.page(t.rule, req).GetNextPageToken()
	if token == "" {
		r := ruleOnce
		if filter != "" {
			r = ruleFilterDone
		}
		t.broken(r, "List of %v: got no token, though there are more than one", req)
	}
	return req, token
}

func tokensFilter(t *trial) {
	if !t.filters() {
		t.skip("the server has no filters; it was checked that it says so with a token too")
	}
	req, token := t.token("done=false")
	req.PageToken = token
	for _, filter := range []string{"done=true", ""} {
		req.Filter = filter
		_, err := t.list(req)
		t.refused(t.rule, fmt.Sprintf("List with filter %q and a token of filter %q", filter, "done=false"), err, codes.InvalidArgument)
	}
}

func tokensParent(t *trial) {
	if t.StartElsewhere == nil {
		t.skip("the Target has no StartElsewhere, so there is one parent only")
	}
	req, token := t.token("")
	req.Name, req.PageToken = t.parentOf(t.begin(t.StartElsewhere).GetName()), token
	_, err := t.list(req)
	t.refused(t.rule, "List with a token of another parent", err, codes.InvalidArgument)
}

// tokensForged leaves the padding of a token alone, and adds nothing at its end:
// some decoders mind neither, and what they read is the token that was given out.
func tokensForged(t *trial) {
	req, token := t.token("")
	body := strings.TrimRight(token, "=")
	padding := token[len(body):]
	for _, forged := range []string{
		"garbage", "1", "!", " ", "AAAA", base64.StdEncoding.EncodeToString([]byte("1")), base64.URLEncoding.EncodeToString([]byte(req.GetName())),
		"A" + token, body[1:] + padding, body[:len(body)-1] + padding, flipped(body, 0) + padding, flipped(body, len(body)/2) + padding,
	} {
		req.PageToken = forged
		_, err := t.list(req)
		t.refused(t.rule, fmt.Sprintf("List with the token %q, made of %q", forged, token), err, codes.InvalidArgument)
	}
}

// flipped answers token with another character at i, which is no other case of it.
func flipped(token string, i int) string {
	other := "A"
	if token[i]|0x20 == 'a' {
		other = "B"
	}
	return token[:i] + other + token[i+1:]
}

func tokensURLSafe(t *trial) {
	_, token := t.token("")
	if strings.ContainsFunc(token, func(r rune) bool {
		letter := r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r))
		return !letter && !strings.ContainsRune("-._~=", r)
	}) {
		t.fail("got the token %q, want only letters, digits and -._~=", token)
	}
}

func tokensOpaque(t *trial) {
	_, token := t.token("")
	texts := readings(token)
	for name := range t.started {
		for _, text := range append(texts, token) {
			if id := idOf(name); text == id || len(id) >= 8 && strings.Contains(text, id) {
				t.fail("got the token %q, which holds the id of %q, want one that says nothing", token, name)
			}
		}
	}
	for _, text := range texts {
		if !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) || r > unicode.MaxASCII }) {
			t.fail("got the token %q, which says %q, want one that says nothing", token, text)
		}
	}
}

// readings answers what a token says without a key: itself, if it is a number, and
// what it is the base64 or the hex of. A few random bytes may look like text by
// chance.
func readings(token string) []string {
	var all []string
	if strings.Trim(token, "0123456789") == "" {
		all = append(all, token)
	}
	for _, decode := range []func(string) ([]byte, error){
		base64.RawStdEncoding.DecodeString, base64.RawURLEncoding.DecodeString, hex.DecodeString,
	} {
		text, err := decode(strings.TrimRight(token, "="))
		if err == nil && (len(text) > 8 || strings.HasSuffix(token, "=")) {
			all = append(all, string(text))
		}
	}
	return all
}
