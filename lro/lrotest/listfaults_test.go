package lrotest_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"google.golang.org/grpc/codes"
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
