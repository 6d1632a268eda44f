package lrotest_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/longrunning-go/longrunning/lro/lrotest"
)

// nameFaults are faults of what is asked by name.
func nameFaults() []fault {
	return []fault{
		{name: "Cancel of a malformed name is NOT_FOUND", rule: "names: A malformed name", wire: on(func(_ context.Context, _ *shop, req *cancelRequest, next func(any) (any, error)) (any, error) {
			res, err := next(req)
			if status.Code(err) == codes.InvalidArgument {
				return nil, recode(status.Convert(err), codes.NotFound)
			}
			return res, err
		})},
		{name: "Delete of a missing operation succeeds", rule: "names: A name that no operation has", wire: on(func(_ context.Context, _ *shop, req *deleteRequest, next func(any) (any, error)) (any, error) {
			if res, err := next(req); status.Code(err) != codes.NotFound {
				return res, err
			}
			return &emptypb.Empty{}, nil
		})},
		{name: "NUL in a name is INTERNAL", rule: "names: Whatever a name holds", wire: func(_ context.Context, _ *shop, req any, next func(any) (any, error)) (any, error) {
			if _, list := req.(*listRequest); !list && strings.Contains(nameOf(req), "\x00") {
				return nil, refusal(codes.Internal)
			}
			return next(req)
		}},
	}
}

// cancelFaults are faults of Cancel.
func cancelFaults() []fault {
	cancelled := new(memory[bool])
	// after changes the operations that are done and were cancelled before.
	after := func(change func(*operation)) wire {
		return func(ctx context.Context, s *shop, req any, next func(any) (any, error)) (any, error) {
			if r, ok := req.(*cancelRequest); ok && !s.done(ctx, r.GetName()) {
				cancelled.put(r.GetName(), true)
			}
			res, err := next(req)
			each(res, func(op *operation) {
				if _, ok := cancelled.get(op.GetName()); ok && op.GetDone() {
					change(op)
				}
			})
			return res, err
		}
	}
	// ofDone answers a Cancel of a done operation instead.
	ofDone := func(answer func(ctx context.Context, s *shop, name string) error) wire {
		return on(func(ctx context.Context, s *shop, req *cancelRequest, next func(any) (any, error)) (any, error) {
			if s.done(ctx, req.GetName()) {
				return &emptypb.Empty{}, answer(ctx, s, req.GetName())
			}
			return next(req)
		})
	}
	return []fault{
		{name: "cancelled is code 13", rule: "cancel: An operation that was cancelled is kept", wire: shown(func(op *operation) {
			if op.GetError().GetCode() == int32(codes.Canceled) {
				op.GetError().Code = int32(codes.Internal)
			}
		})},
		{name: "Cancel deletes", rule: "cancel: An operation that was cancelled is kept", wire: on(func(ctx context.Context, s *shop, req *cancelRequest, next func(any) (any, error)) (any, error) {
			done := s.done(ctx, req.GetName())
			res, err := next(req)
			if err == nil && !done {
				err = s.Delete(ctx, req.GetName())
			}
			return res, err
		})},
		{name: "Cancel does nothing", rule: "cancel: An operation that was cancelled is kept", wire: on(func(ctx context.Context, s *shop, req *cancelRequest, next func(any) (any, error)) (any, error) {
			if _, err := s.Get(ctx, req.GetName()); err != nil {
				return next(req)
			}
			return &emptypb.Empty{}, nil
		})},
		{name: "a second Cancel fails", rule: "cancel: Cancel may be repeated", wire: ofDone(func(ctx context.Context, s *shop, name string) error {
			if op, err := s.Get(ctx, name); err == nil && op.GetError().GetCode() == int32(codes.Canceled) {
				return refusal(codes.FailedPrecondition)
			}
			return nil
		})},
		{name: "Cancel of a done operation is ABORTED", rule: "cancel: Cancel of a done operation", wire: ofDone(func(context.Context, *shop, string) error { return refusal(codes.Aborted) })},
		{name: "whatever ends after a Cancel is ABORTED", rule: "cancel: An operation that ends while", wire: after(func(op *operation) {
			op.Result = &longrunningpb.Operation_Error{Error: &spb.Status{Code: int32(codes.Aborted), Message: "too late"}}
		})},
		{name: "Cancel waits for the end", rule: "cancel: Cancel is asynchronous", wire: on(func(ctx context.Context, s *shop, req *cancelRequest, next func(any) (any, error)) (any, error) {
			res, err := next(req)
			if err == nil {
				_, err = s.Wait(ctx, req.GetName())
			}
			return res, err
		})},
		{name: "a success after a Cancel shows as cancelled", rule: "cancel: Work that succeeds in spite", wire: after(func(op *operation) {
			op.Result = &longrunningpb.Operation_Error{Error: &spb.Status{Code: int32(codes.Canceled), Message: "cancelled"}}
		})},
		{name: "Cancel waits for the end, at most 25 s", rule: "cancel: Cancel is asynchronous", wire: on(func(ctx context.Context, s *shop, req *cancelRequest, next func(any) (any, error)) (any, error) {
			res, err := next(req)
			if err == nil {
				short, stop := context.WithTimeout(ctx, 25*time.Second)
				defer stop()
				_, _ = s.Wait(short, req.GetName())
			}
			return res, err
		})},
		cancelOverwrites(),
		endOverwrites(),
	}
}

// cancelOverwrites is the result of whatever ends later, or has ended before.
func cancelOverwrites() fault {
	overwritten := new(memory[bool])
	return fault{name: "Cancel overwrites a result", rule: "cancel: Cancel of a done operation", wire: func(ctx context.Context, s *shop, req any, next func(any) (any, error)) (any, error) {
		if r, ok := req.(*cancelRequest); ok && s.done(ctx, r.GetName()) {
			overwritten.put(r.GetName(), true)
		}
		res, err := next(req)
		each(res, func(op *operation) {
			if _, ok := overwritten.get(op.GetName()); ok {
				op.Result = &longrunningpb.Operation_Error{Error: &spb.Status{Code: int32(codes.Canceled), Message: "overwritten"}}
			}
		})
		return res, err
	}}
}

// endOverwrites is work that ends after it was cancelled, and says so.
func endOverwrites() fault {
	ends := new(memory[proto.Message])
	return fault{name: "the end overwrites a cancellation", rule: "cancel: A cancelled operation stays", wire: shown(func(op *operation) {
		if res, ok := ends.get(op.GetName()); ok {
			op.Result = &longrunningpb.Operation_Response{Response: packed(res)}
		}
	}), hooks: func(s *shop, tg *lrotest.Target) {
		finish := tg.Finish
		tg.Finish = func(ctx context.Context, name string) (proto.Message, error) {
			op, getErr := s.Get(ctx, name)
			res, err := finish(ctx, name)
			if getErr == nil && op.GetError().GetCode() == int32(codes.Canceled) {
				ends.put(name, res)
				return res, nil
			}
			return res, err
		}
	}}
}

// returns is the end of the work of a deleted operation, which shows again.
func returns(name string, shows wire, ended *memory[*operation]) fault {
	return fault{name: name, rule: "delete: A deleted operation does not come back", wire: shows, hooks: func(s *shop, tg *lrotest.Target) {
		finish := tg.Finish
		tg.Finish = func(ctx context.Context, name string) (proto.Message, error) {
			_, gone := s.Get(ctx, name)
			res, err := finish(ctx, name)
			if gone != nil && err == nil {
				ended.put(name, &operation{Name: name, Done: true, Result: &longrunningpb.Operation_Response{Response: packed(res)}})
			}
			return res, err
		}
	}}
}

// deleteFaults are faults of Delete.
func deleteFaults() []fault {
	deleted, gotten, listed := new(memory[*operation]), new(memory[*operation]), new(memory[*operation])
	remember := func(ctx context.Context, s *shop, req any) {
		if r, ok := req.(*deleteRequest); ok {
			if op, err := s.Get(ctx, r.GetName()); err == nil {
				deleted.put(r.GetName(), op)
			}
		}
	}
	return []fault{
		{name: "Delete does nothing", rule: "delete: A deleted operation is NOT_FOUND", wire: on(func(ctx context.Context, s *shop, req *deleteRequest, next func(any) (any, error)) (any, error) {
			if _, err := s.Get(ctx, req.GetName()); err != nil {
				return next(req)
			}
			return &emptypb.Empty{}, nil
		})},
		{name: "deleted operations are listed", rule: "delete: A deleted operation is no longer listed", wire: func(ctx context.Context, s *shop, req any, next func(any) (any, error)) (any, error) {
			remember(ctx, s, req)
			res, err := next(req)
			if r, ok := req.(*listRequest); ok && err == nil && r.GetPageSize() == 100 && r.GetPageToken() == "" && r.GetFilter() == "" {
				page, all := res.(*listResponse), deleted.all()
				latest := slices.DeleteFunc(slices.Sorted(maps.Keys(all)), func(name string) bool { return !strings.HasPrefix(name, r.GetName()+"/") })
				for _, name := range latest[max(0, len(latest)-2):] {
					page.Operations = append(page.Operations, all[name])
				}
			}
			return res, err
		}},
		{name: "Delete cancels", rule: "delete: Delete does not cancel", wire: on(func(ctx context.Context, s *shop, req *deleteRequest, next func(any) (any, error)) (any, error) {
			if s.Cancel(ctx, req.GetName()) == nil {
				_, _ = s.Wait(ctx, req.GetName())
			}
			return next(req)
		})},
		returns("a deleted operation can be read once its work has ended", on(func(_ context.Context, _ *shop, req *getRequest, next func(any) (any, error)) (any, error) {
			if op, ok := gotten.get(req.GetName()); ok {
				return op, nil
			}
			return next(req)
		}), gotten),
		returns("a deleted operation is listed once its work has ended", on(func(_ context.Context, _ *shop, req *listRequest, next func(any) (any, error)) (any, error) {
			res, err := next(req)
			for name, op := range listed.all() {
				if page, ok := res.(*listResponse); ok && err == nil && strings.HasPrefix(name, req.GetName()+"/") && req.GetPageSize() == 100 && req.GetFilter() == "" {
					page.Operations = append(page.Operations[:min(99, len(page.GetOperations()))], op)
				}
			}
			return res, err
		}), listed),
		{name: "a second Delete is INTERNAL", rule: "delete: A Delete that is retried", wire: func(ctx context.Context, s *shop, req any, next func(any) (any, error)) (any, error) {
			if r, ok := req.(*deleteRequest); ok {
				if _, again := deleted.get(r.GetName()); again {
					return nil, refusal(codes.Internal)
				}
			}
			remember(ctx, s, req)
			return next(req)
		}},
	}
}

// callFaults are faults of permission, request ids and of what is unsupported.
func callFaults() []fault {
	wait := longrunningpb.Operations_WaitOperation_FullMethodName
	return []fault{
		{name: "strangers may list", rule: "permission: A caller without permission", stranger: on(func(ctx context.Context, s *shop, req *listRequest, _ func(any) (any, error)) (any, error) {
			return s.LocalClient().ListOperations(ctx, req)
		})},
		{name: "a parent's existence comes before permission", rule: "permission: Permission comes before existence", stranger: on(func(_ context.Context, _ *shop, req *listRequest, next func(any) (any, error)) (any, error) {
			if req.GetName() != here && req.GetName() != there {
				return nil, refusal(codes.NotFound)
			}
			return next(req)
		})},
		{name: "existence comes before permission", rule: "permission: Permission comes before existence", stranger: func(ctx context.Context, s *shop, req any, next func(any) (any, error)) (any, error) {
			if _, err := s.Get(ctx, nameOf(req)); status.Code(err) == codes.NotFound {
				return nil, err
			}
			return next(req)
		}},
		{name: "a refused Cancel cancels", rule: "permission: What was refused", stranger: on(func(ctx context.Context, s *shop, req *cancelRequest, next func(any) (any, error)) (any, error) {
			if s.Cancel(ctx, req.GetName()) == nil {
				_, _ = s.Wait(ctx, req.GetName())
			}
			return next(req)
		})},
		{name: "request ids are ignored", rule: "requests: A request that is repeated", hooks: onceBy(func(ctx context.Context, s *shop, _ string) (*operation, error) {
			return s.start("once", here)(ctx)
		})},
		{name: "a request id is looked up, then kept", rule: "requests: Of concurrent requests", hooks: onceBy(lookThenStart())},
		{name: "another id finds the last request", rule: "requests: Requests with other ids", hooks: onceBy(findLast())},
		{name: "Wait answers, though it is unsupported", rule: "methods: What the server does not support", hooks: unsupported(wait)},
	}
}
