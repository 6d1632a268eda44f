package lrotest_test

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// retokened gives tokens another form.
func retokened(wrap, unwrap func(string) string) wire {
	return on(func(_ context.Context, _ *shop, req *listRequest, next func(any) (any, error)) (any, error) {
		if req.GetPageToken() != "" {
			req.PageToken = unwrap(req.GetPageToken())
		}
		res, err := next(req)
		if page, ok := res.(*listResponse); ok && page.GetNextPageToken() != "" {
			page.NextPageToken = wrap(page.GetNextPageToken())
		}
		return res, err
	})
}

// tokenFaults are faults of page tokens.
func tokenFaults() []fault {
	ids := new(memory[string]) // tokens by the last id of a page
	return []fault{
		{name: "a token goes with any filter", rule: "tokens: A token that comes with another filter", wire: (&pager{unboundFilter: true}).list},
		{name: "a token goes with any parent", rule: "tokens: A token that comes with another parent", wire: (&pager{unboundParent: true}).list},
		{name: "an unknown token begins anew", rule: "tokens: A token that the server did not give out", wire: on(func(_ context.Context, _ *shop, req *listRequest, next func(any) (any, error)) (any, error) {
			res, err := next(req)
			if status.Code(err) == codes.InvalidArgument && req.GetPageToken() != "" {
				req.PageToken = ""
				return next(req)
			}
			return res, err
		})},
		{name: "tokens with + and /", rule: "tokens: A token is URL-safe", wire: retokened(
			func(token string) string { return "+/" + token },
			func(token string) string {
				if rest, ok := strings.CutPrefix(token, "+/"); ok {
					return rest
				}
				return "none"
			})},
		{name: "tokens are base64 of text", rule: "tokens: A token is opaque", wire: retokened(
			func(token string) string { return base64.RawURLEncoding.EncodeToString([]byte("after:" + token)) },
			func(token string) string {
				text, err := base64.RawURLEncoding.Strict().DecodeString(token)
				rest, ok := strings.CutPrefix(string(text), "after:")
				if err != nil || !ok {
					return "none"
				}
				return rest
			})},
		{name: "tokens are hex of text", rule: "tokens: A token is opaque", wire: retokened(
			func(token string) string { return hex.EncodeToString([]byte("after:" + token)) },
			func(token string) string {
				text, err := hex.DecodeString(token)
				rest, ok := strings.CutPrefix(string(text), "after:")
				if err != nil || !ok {
					return "none"
				}
				return rest
			})},
		{name: "a token is the id of the last operation", rule: "tokens: A token is opaque", wire: on(func(_ context.Context, _ *shop, req *listRequest, next func(any) (any, error)) (any, error) {
			if id := req.GetPageToken(); id != "" {
				token, _ := ids.get(id)
				req.PageToken = cmp.Or(token, "none")
			}
			res, err := next(req)
			if page, ok := res.(*listResponse); ok && err == nil && page.GetNextPageToken() != "" {
				last := page.GetOperations()[len(page.GetOperations())-1].GetName()
				id := last[strings.LastIndexByte(last, '/')+1:]
				ids.put(id, page.GetNextPageToken())
				page.NextPageToken = id
			}
			return res, err
		})},
	}
}
