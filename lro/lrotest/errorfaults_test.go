package lrotest_test

import (
	"context"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
)

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
