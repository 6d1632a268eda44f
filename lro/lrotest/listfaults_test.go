package lrotest_test

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
)

// listed is a wire that changes the pages of lists.
func listed(change func(*listRequest, *listResponse)) wire {
	return on(func(_ context.Context, _ *shop, req *listRequest, next func(any) (any, error)) (any, error) {
		res, err := next(req)
		if err == nil {
			change(req, res.(*listResponse))
		}
		return res, err
	})
}

// asked is a wire that changes requests for lists, or refuses them.
func asked(change func(*listRequest) error) wire {
	return on(func(_ context.Context, _ *shop, req *listRequest, next func(any) (any, error)) (any, error) {
		if err := change(req); err != nil {
			return nil, err
		}
		return next(req)
	})
}

// invalidAs refuses some requests for lists.
func invalidAs(code codes.Code, when func(*listRequest) bool) wire {
	return asked(func(req *listRequest) error {
		if when(req) {
			return refusal(code)
		}
		return nil
	})
}

// listFaults are faults of pages.
func listFaults() []fault {
	sizes := new(memory[int32]) // by token
	invalid := func(when func(*listRequest) bool) wire { return invalidAs(codes.InvalidArgument, when) }
	return []fault{
		{name: "all parents are listed", rule: "lists: The name is the parent", wire: on(func(ctx context.Context, s *shop, req *listRequest, next func(any) (any, error)) (any, error) {
			res, err := next(req)
			if err != nil || req.GetPageSize() != 0 || req.GetPageToken() != "" || req.GetName() != here {
				return res, err
			}
			page := res.(*listResponse)
			for op, err := range s.List(ctx, there, nil) {
				if err != nil {
					return nil, err
				}
				page.Operations = append(page.Operations, op)
			}
			return page, nil
		})},
		{name: "lists leave out the metadata", rule: "lists: A list shows", wire: listed(func(_ *listRequest, res *listResponse) {
			each(res, func(op *operation) { op.Metadata = nil })
		})},
		{name: "the page size is ignored", rule: "lists: A page has at most", wire: asked(func(req *listRequest) error {
			req.PageSize = min(0, req.GetPageSize()) // negative ones are refused
			return nil
		})},
		{name: "the page size must not change", rule: "lists: A page has at most", wire: on(func(_ context.Context, _ *shop, req *listRequest, next func(any) (any, error)) (any, error) {
			if size, ok := sizes.get(req.GetPageToken()); ok && size != req.GetPageSize() {
				return nil, refusal(codes.InvalidArgument)
			}
			res, err := next(req)
			if page, ok := res.(*listResponse); ok && page.GetNextPageToken() != "" {
				sizes.put(page.GetNextPageToken(), req.GetPageSize())
			}
			return res, err
		})},
		{name: "a page size is required", rule: "lists: A page_size of 0", wire: invalid(func(req *listRequest) bool { return req.GetPageSize() == 0 })},
		{name: "a page size over 1000 is invalid", rule: "lists: A page_size above", wire: invalid(func(req *listRequest) bool { return req.GetPageSize() > 1000 })},
		{name: "a negative page size is 0", rule: "lists: A negative page_size", wire: asked(func(req *listRequest) error {
			req.PageSize = max(0, req.GetPageSize())
			return nil
		})},
		{name: "pages overlap", rule: "lists: Pages show every operation", wire: (&pager{overlaps: true}).list},
		{name: "a full page loses its last row", rule: "lists: Pages show every operation", wire: listed(func(_ *listRequest, res *listResponse) {
			if n := len(res.GetOperations()); n > 1 && res.GetNextPageToken() != "" {
				res.Operations = res.GetOperations()[:n-1]
			}
		})},
		{name: "tokens never end", rule: "lists: Pages show every operation", wire: endless},
		{name: "pages never end, and each has an operation that is new", rule: "lists: Pages show every operation", wire: breeding(new(atomic.Int64))},
		{name: "other parents than ours are INTERNAL", rule: "lists: Whatever a parent holds", wire: invalidAs(codes.Internal, func(req *listRequest) bool {
			return !slices.Contains([]string{here, there, "", "//"}, req.GetName())
		})},
		{name: "a parent is a prefix", rule: "lists: Whatever a parent holds", wire: asked(func(req *listRequest) error {
			if strings.HasPrefix(req.GetName(), here) {
				req.Name = here
			}
			return nil
		})},
		{name: "lists by size leave out the metadata", rule: "lists: A list shows", wire: listed(func(req *listRequest, res *listResponse) {
			if req.GetPageSize() > 0 {
				each(res, func(op *operation) { op.Metadata = nil })
			}
		})},
		{name: "lists by filter leave out the metadata", rule: "lists: A list shows", wire: listed(func(req *listRequest, res *listResponse) {
			if req.GetFilter() != "" {
				each(res, func(op *operation) { op.Metadata = nil })
			}
		})},
		{name: "return_partial_success is INTERNAL", rule: "lists: return_partial_success", wire: asked(func(req *listRequest) error {
			if req.GetReturnPartialSuccess() {
				return refusal(codes.Internal)
			}
			return nil
		})},
		{name: "return_partial_success shows nothing", rule: "lists: return_partial_success", wire: on(func(_ context.Context, _ *shop, req *listRequest, next func(any) (any, error)) (any, error) {
			if req.GetReturnPartialSuccess() {
				return &listResponse{}, nil
			}
			return next(req)
		})},
	}
}

// endless has a token for the page after the last, which is empty.
func endless(_ context.Context, _ *shop, req any, next func(any) (any, error)) (any, error) {
	r, ok := req.(*listRequest)
	if !ok {
		return next(req)
	}
	const after = "after-the-last"
	if r.GetPageToken() == after {
		return &listResponse{NextPageToken: after}, nil
	}
	res, err := next(req)
	if err == nil && res.(*listResponse).GetNextPageToken() == "" {
		res.(*listResponse).NextPageToken = after
	}
	return res, err
}

// breeding makes up an operation and a token for every page that there is.
func breeding(n *atomic.Int64) wire {
	return on(func(_ context.Context, _ *shop, req *listRequest, next func(any) (any, error)) (any, error) {
		token := req.GetPageToken()
		if strings.HasPrefix(token, "bred-") {
			req.PageToken = ""
		}
		res, err := next(req)
		if token != "" && err == nil {
			id := fmt.Sprint("bred-", n.Add(1))
			return &listResponse{Operations: []*operation{{Name: req.GetName() + "/operations/" + id}}, NextPageToken: id}, nil
		}
		return res, err
	})
}

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

// unless answers a filter, or none.
func unless(filter string, ignored bool) string {
	if ignored {
		return ""
	}
	return filter
}

// filterFaults are faults of filters, of servers with and without.
func filterFaults() []fault {
	const others = "Whatever else a filter says"
	rewritten := func(name, rule string, rewrite func(string) string) fault {
		return fault{name: name, rule: "filter: " + rule, wire: asked(func(req *listRequest) error {
			req.Filter = rewrite(req.GetFilter())
			return nil
		})}
	}
	filters := func(name, rule string, p *pager) fault {
		return fault{name: name, rule: "filter: " + rule, wire: p.list}
	}
	return []fault{
		{name: "some filters are ignored, the others unimplemented", rule: "filter: A server without filters", wire: func(ctx context.Context, s *shop, req any, next func(any) (any, error)) (any, error) {
			if r, ok := req.(*listRequest); ok && strings.HasPrefix(r.GetFilter(), "no_such_field") {
				r.Filter = ""
			}
			return noFilters(ctx, s, req, next)
		}},
		rewritten("a filter with OR is ignored", others, func(f string) string { return unless(f, strings.Contains(f, " OR ")) }),
		rewritten("a filter with - is ignored", others, func(f string) string { return unless(f, strings.HasPrefix(f, "-")) }),
		rewritten("a filter with != is ignored", others, func(f string) string { return unless(f, strings.Contains(f, "!=")) }),
		rewritten("a filter with : is ignored", others, func(f string) string { return unless(f, strings.Contains(f, "done:")) }),
		rewritten("AND binds tighter than OR", others, func(f string) string {
			either, rest, or := strings.Cut(f, " OR ")
			if !or || !strings.Contains(rest, " AND ") {
				return f
			}
			return either + " OR (" + rest + ")"
		}),
		rewritten("what comes after AND is ignored if it is unknown", "An unknown field", func(f string) string {
			before, _, _ := strings.Cut(f, " AND no_such")
			return before
		}),
		filters("a filter is lost after the first page", "A filter on done", &pager{losesFilter: true}),
		filters("done=true selects what is not", "A filter on done", &pager{inverted: true}),
		filters("a filter on the name is ignored", others, &pager{ignoresName: true}),
		filters("unbalanced parentheses are forgiven", "A syntax error", &pager{forgives: true}),
		filters("unknown fields equal nothing", "An unknown field", &pager{knowsAllFields: true}),
		filters("very many parentheses are INTERNAL", "A filter of very many", &pager{overflows: true}),
	}
}

// errorFaults are faults of what an error is made of.
func errorFaults() []fault {
	notFound := func(code codes.Code) wire {
		return errs(func(st *status.Status) error {
			if st.Code() == codes.NotFound {
				return recode(st, code)
			}
			return st.Err()
		})
	}
	info := func(change func(*errdetails.ErrorInfo)) wire {
		return errs(func(st *status.Status) error {
			return redetail(st, func(detail protoadapt.MessageV1) []protoadapt.MessageV1 {
				if i, ok := detail.(*errdetails.ErrorInfo); ok {
					change(i)
				}
				return []protoadapt.MessageV1{detail}
			})
		})
	}
	detail := func(n int, of func(protoadapt.MessageV1) bool) wire {
		return errs(func(st *status.Status) error {
			return redetail(st, func(detail protoadapt.MessageV1) []protoadapt.MessageV1 {
				if of(detail) {
					return []protoadapt.MessageV1{detail, detail}[:n]
				}
				return []protoadapt.MessageV1{detail}
			})
		})
	}
	silent := errs(func(st *status.Status) error {
		p := st.Proto()
		p.Message = ""
		return status.ErrorProto(p)
	})
	isInfo := func(m protoadapt.MessageV1) bool { _, ok := m.(*errdetails.ErrorInfo); return ok }
	isBadRequest := func(m protoadapt.MessageV1) bool { _, ok := m.(*errdetails.BadRequest); return ok }
	return []fault{
		{name: "NOT_FOUND is UNKNOWN", rule: "errors: Every error has a canonical code", wire: notFound(codes.Unknown)},
		{name: "NOT_FOUND is code 42", rule: "errors: Every error has a canonical code", wire: notFound(42)},
		{name: "errors without a message", rule: "errors: Every error has a message", wire: silent},
		{name: "errors without an ErrorInfo", rule: "errors: Every error has exactly one ErrorInfo", wire: detail(0, isInfo)},
		{name: "errors with two ErrorInfos", rule: "errors: Every error has exactly one ErrorInfo", wire: detail(2, isInfo)},
		{name: "reasons in small letters", rule: "errors: The reason", wire: info(func(i *errdetails.ErrorInfo) { i.Reason = strings.ToLower(i.GetReason()) })},
		{name: "reasons of 64 letters", rule: "errors: The reason", wire: info(func(i *errdetails.ErrorInfo) { i.Reason = strings.Repeat("A", 64) })},
		{name: "no domain", rule: "errors: The reason", wire: info(func(i *errdetails.ErrorInfo) { i.Domain = "" })},
		{name: "two BadRequests", rule: "errors: No detail type occurs twice", wire: detail(2, isBadRequest)},
		{name: "a stranger is told nothing", rule: "errors: Every error has a message", stranger: silent},
		{name: "a stranger is told no reason", rule: "errors: Every error has exactly one ErrorInfo", stranger: detail(0, isInfo)},
		{name: "FAILED_PRECONDITION without a message", rule: "errors: Every error has a message", wire: on(func(ctx context.Context, s *shop, req *cancelRequest, next func(any) (any, error)) (any, error) {
			if op, err := s.Get(ctx, req.GetName()); err == nil && op.GetDone() && op.GetError().GetCode() != int32(codes.Canceled) {
				return silent(ctx, s, req, func(any) (any, error) { return nil, refusal(codes.FailedPrecondition) })
			}
			return next(req)
		})},
		{name: "cancelled without a message", rule: "errors: Every error has a message", wire: shown(func(op *operation) {
			if op.GetError().GetCode() == int32(codes.Canceled) {
				op.GetError().Message = ""
			}
		})},
		{name: "NOT_FOUND is UNAVAILABLE", rule: "errors: What cannot succeed", wire: notFound(codes.Unavailable)},
	}
}
