package lrotest_test

import (
	"context"
	"errors"
	"strings"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro/lrotest"
)

// operationFaults are faults of what an operation shows.
func operationFaults() []fault {
	stale := new(memory[*operation])
	second := new(memory[*spb.Status])
	return []fault{
		{name: "what goes on is what the next start answers", rule: "operation: The server assigns", hooks: func(s *shop, tg *lrotest.Target) {
			start, last := tg.Start, new(memory[string])
			tg.Start = func(ctx context.Context) (*operation, error) {
				name, _ := last.get("last")
				if op, err := s.Get(ctx, name); err == nil && !op.GetDone() {
					return op, nil
				}
				op, err := start(ctx)
				last.put("last", op.GetName())
				return op, err
			}
		}},
		{name: "operations are done when they are started", rule: "operation: An operation can be started", hooks: func(s *shop, tg *lrotest.Target) {
			start := tg.Start
			tg.Start = func(ctx context.Context) (*operation, error) {
				op, err := start(ctx)
				if err == nil {
					err = s.Complete(ctx, op.GetName(), &testpb.PrintResponse{})
				}
				if err != nil {
					return nil, err
				}
				return s.Get(ctx, op.GetName())
			}
		}},
		{name: "work never fails", rule: "operation: An operation can be started", hooks: func(_ *shop, tg *lrotest.Target) {
			tg.Fail = func(context.Context, string, *spb.Status) error { return errors.New("not here") }
		}},
		{name: "one end ends the operation before too", rule: "operation: An operation can be started", hooks: func(s *shop, tg *lrotest.Target) {
			finish := tg.Finish
			tg.Finish = func(ctx context.Context, name string) (proto.Message, error) {
				for op, err := range s.List(ctx, here, nil) {
					if err == nil && op.GetName() > name && !op.GetDone() {
						_ = s.Complete(ctx, op.GetName(), &testpb.PrintResponse{})
					}
				}
				return finish(ctx, name)
			}
		}},
		{name: "a response from the start", rule: "operation: One that is not done", wire: shown(func(op *operation) {
			if !op.GetDone() {
				op.Result = &longrunningpb.Operation_Response{Response: packed(&emptypb.Empty{})}
			}
		})},
		{name: "done with neither", rule: "operation: One that is done", wire: shown(func(op *operation) {
			if op.GetDone() {
				op.Result = nil
			}
		})},
		{name: "errors of code 0", rule: "operation: One that is done", wire: shown(func(op *operation) {
			if op.GetError() != nil {
				op.GetError().Code = 0
			}
		})},
		{name: "a failure shows as an empty response", rule: "operation: One that is done", wire: shown(func(op *operation) {
			if op.GetError().GetCode() == int32(codes.Aborted) {
				op.Result = &longrunningpb.Operation_Response{Response: packed(&emptypb.Empty{})}
			}
		})},
		{name: "Get is one state behind", rule: "operation: Get answers the latest state", wire: on(func(_ context.Context, _ *shop, req *getRequest, next func(any) (any, error)) (any, error) {
			res, err := next(req)
			if err != nil {
				return nil, err
			}
			before, ok := stale.get(req.GetName())
			stale.put(req.GetName(), res.(*operation))
			if ok {
				return before, nil
			}
			return res, nil
		})},
		{name: "the response loses a field", rule: "operation: The response is", wire: shown(func(op *operation) {
			if op.GetResponse() != nil {
				op.Result = &longrunningpb.Operation_Response{Response: packed(&testpb.PrintResponse{})}
			}
		})},
		{name: "the response is of another type", rule: "operation: The response is", wire: shown(func(op *operation) {
			if op.GetResponse() != nil {
				op.GetResponse().TypeUrl = "type.googleapis.com/google.protobuf.Empty"
			}
		})},
		{name: "errors lose their details", rule: "operation: A failure of the work", wire: shown(func(op *operation) {
			if op.GetError() != nil {
				op.GetError().Details = nil
			}
		})},
		{name: "messages lose what is not ASCII", rule: "operation: A failure of the work", wire: shown(func(op *operation) {
			if op.GetError() != nil {
				op.GetError().Message = strings.ToValidUTF8(strings.Map(func(r rune) rune { return min(r, '\x7f') }, op.GetError().GetMessage()), "?")
			}
		})},
		{name: "a second end replaces the first", rule: "operation: A done operation never changes", wire: func(_ context.Context, _ *shop, req any, next func(any) (any, error)) (any, error) {
			res, err := next(req)
			each(res, func(op *operation) {
				if st, ok := second.get(op.GetName()); ok {
					op.Result = &longrunningpb.Operation_Error{Error: st}
				}
			})
			return res, err
		}, hooks: func(s *shop, tg *lrotest.Target) {
			fail := tg.Fail
			tg.Fail = func(ctx context.Context, name string, st *spb.Status) error {
				if op, err := s.Get(ctx, name); err == nil && op.GetDone() && op.GetError().GetCode() != int32(codes.Canceled) {
					second.put(name, st)
				}
				return fail(ctx, name, st)
			}
		}},
		{name: "a second end is ignored", rule: "operation: A done operation cannot be ended again", hooks: secondEnd(func(error) error { return nil })},
		{name: "a second end is NOT_FOUND", rule: "operation: A done operation cannot be ended again", hooks: secondEnd(func(error) error { return status.Error(codes.NotFound, "gone") })},
		{name: "the end changes the metadata's type", rule: "operation: The metadata", wire: shown(func(op *operation) {
			if op.GetDone() {
				op.Metadata = packed(&emptypb.Empty{})
			}
		})},
		{name: "metadata that is none of its type", rule: "operation: The metadata", wire: shown(func(op *operation) {
			op.Metadata = &anypb.Any{TypeUrl: op.GetMetadata().GetTypeUrl(), Value: []byte{0xff}}
		})},
		timesFault("updated before it was created", time.Unix(1000, 0), time.Unix(999, 0)),
		timesFault("created before there were times", time.Unix(-1<<60, 0), time.Unix(999, 0)),
	}
}

func packed(msg proto.Message) *anypb.Any {
	a, _ := anypb.New(msg)
	return a
}

// secondEnd changes what Finish and Fail answer of a done operation.
func secondEnd(change func(error) error) func(*shop, *lrotest.Target) {
	return func(s *shop, tg *lrotest.Target) {
		fail := tg.Fail
		tg.Fail = func(ctx context.Context, name string, st *spb.Status) error {
			if s.done(ctx, name) {
				return change(nil)
			}
			return fail(ctx, name, st)
		}
	}
}

// timesFault has metadata with these times.
func timesFault(name string, created, updated time.Time) fault {
	dated := func(op *operation) {
		op.Metadata = packed(&snapshotspb.TakeSnapshotMetadata{CreateTime: timestamppb.New(created), UpdateTime: timestamppb.New(updated)})
	}
	return fault{name: name, rule: "operation: Times in metadata", wire: shown(dated), hooks: func(_ *shop, tg *lrotest.Target) {
		start := tg.Start
		tg.Start = func(ctx context.Context) (*operation, error) {
			op, err := start(ctx)
			each(op, dated)
			return op, err
		}
	}}
}

// Names that end in jobs/{id}, wherever a name passes.

func inJobs(_ context.Context, _ *shop, req any, next func(any) (any, error)) (any, error) {
	set := func(name *string) {
		*name = strings.Replace(*name, "/jobs/", "/operations/", 1)
	}
	switch r := req.(type) {
	case *getRequest:
		set(&r.Name)
	case *waitRequest:
		set(&r.Name)
	case *cancelRequest:
		set(&r.Name)
	case *deleteRequest:
		set(&r.Name)
	case *listRequest:
		set(&r.Name)
		set(&r.Filter)
	}
	res, err := next(req)
	each(res, toJob)
	return res, err
}

func toJob(op *operation) { op.Name = strings.Replace(op.GetName(), "/operations/", "/jobs/", 1) }

func jobHooks(_ *shop, tg *lrotest.Target) {
	started := func(start func(context.Context) (*operation, error)) func(context.Context) (*operation, error) {
		return func(ctx context.Context) (*operation, error) {
			op, err := start(ctx)
			each(op, toJob)
			return op, err
		}
	}
	tg.Start, tg.StartElsewhere, tg.StartStubborn = started(tg.Start), started(tg.StartElsewhere), started(tg.StartStubborn)
	once, finish, fail := tg.StartOnce, tg.Finish, tg.Fail
	tg.StartOnce = func(ctx context.Context, id string) (*operation, error) {
		return started(func(ctx context.Context) (*operation, error) { return once(ctx, id) })(ctx)
	}
	tg.Parent = func(name string) string { return name[:strings.Index(name, "/jobs/")] }
	back := func(name string) string { return strings.Replace(name, "/jobs/", "/operations/", 1) }
	tg.Finish = func(ctx context.Context, name string) (proto.Message, error) { return finish(ctx, back(name)) }
	tg.Fail = func(ctx context.Context, name string, st *spb.Status) error { return fail(ctx, back(name), st) }
}
