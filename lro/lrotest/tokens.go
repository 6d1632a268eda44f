package lrotest

import (
	"encoding/base64"
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
	ruleOpaque      rule = "tokens: A token is opaque: base64 of something that can be read is not enough (AIP-158)."
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
	req := &longrunningpb.ListOperationsRequest{Name: parentOf(names[0]), PageSize: 1, Filter: filter}
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
	req.Name, req.PageToken = parentOf(t.begin(t.StartElsewhere).GetName()), token
	_, err := t.list(req)
	t.refused(t.rule, "List with a token of another parent", err, codes.InvalidArgument)
}

func tokensForged(t *trial) {
	req, token := t.token("")
	for _, forged := range []string{
		"garbage", "1", "!", " ", "AAAA", base64.StdEncoding.EncodeToString([]byte("1")), base64.URLEncoding.EncodeToString([]byte(req.GetName())),
		token + "A", token + token, token[:len(token)-1], token[1:], flipped(token, 0), flipped(token, len(token)/2), token + "\n",
	} {
		req.PageToken = forged
		_, err := t.list(req)
		t.refused(t.rule, fmt.Sprintf("List with the token %q, made of %q", forged, token), err, codes.InvalidArgument)
	}
}

// flipped answers token with another character at i.
func flipped(token string, i int) string {
	other := "A"
	if token[i] == 'A' {
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
	for _, text := range readings(token) {
		for name := range t.started {
			if strings.Contains(text, idOf(name)) {
				t.fail("got the token %q, which holds the id of %q", token, name)
			}
		}
		if !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) || r > unicode.MaxASCII }) {
			t.fail("got the token %q, which says %q", token, text)
		}
	}
}

// readings answers what a token says without a key: itself, if it is a number, and
// what it is the base64 of. A few random bytes may look like text by chance.
func readings(token string) []string {
	var all []string
	if strings.Trim(token, "0123456789") == "" {
		all = append(all, token)
	}
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		text, err := encoding.DecodeString(strings.TrimRight(token, "="))
		if err == nil && (len(text) > 8 || strings.HasSuffix(token, "=")) {
			all = append(all, string(text))
		}
	}
	return all
}
