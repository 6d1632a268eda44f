package lrotest_test

import (
	"context"
	"maps"
	"sync"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
)

// Short names for requests.
type (
	getRequest    = longrunningpb.GetOperationRequest
	listRequest   = longrunningpb.ListOperationsRequest
	listResponse  = longrunningpb.ListOperationsResponse
	waitRequest   = longrunningpb.WaitOperationRequest
	cancelRequest = longrunningpb.CancelOperationRequest
	deleteRequest = longrunningpb.DeleteOperationRequest
	operation     = longrunningpb.Operation
)

// on is a wire that changes requests of one type, and leaves the others alone.
func on[Req any](w func(ctx context.Context, s *shop, req *Req, next func(any) (any, error)) (any, error)) wire {
	return func(ctx context.Context, s *shop, req any, next func(any) (any, error)) (any, error) {
		if r, ok := req.(*Req); ok {
			return w(ctx, s, r, next)
		}
		return next(req)
	}
}

// shown is a wire that changes every operation that is answered.
func shown(change func(*operation)) wire {
	return func(_ context.Context, _ *shop, req any, next func(any) (any, error)) (any, error) {
		res, err := next(req)
		each(res, change)
		return res, err
	}
}

// each changes the operations in an answer.
func each(res any, change func(*operation)) {
	switch res := res.(type) {
	case *operation:
		if res != nil {
			change(res)
		}
	case *listResponse:
		for _, op := range res.GetOperations() {
			change(op)
		}
	}
}

// errs is a wire that changes every error.
func errs(change func(*status.Status) error) wire {
	return func(_ context.Context, _ *shop, req any, next func(any) (any, error)) (any, error) {
		res, err := next(req)
		if err != nil {
			err = change(status.Convert(err))
		}
		return res, err
	}
}

// refusal is an error that has all that AIP-193 asks for.
func refusal(code codes.Code) error {
	st, err := status.New(code, "wrong on purpose").WithDetails(
		&errdetails.ErrorInfo{Reason: "WRONG_ON_PURPOSE", Domain: "lrotest.example"},
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "name", Description: "wrong"}}})
	if err != nil {
		return err
	}
	return st.Err()
}

// recode answers a status with another code.
func recode(st *status.Status, code codes.Code) error {
	p := st.Proto()
	p.Code = int32(code)
	return status.ErrorProto(p)
}

// redetail answers a status with the details that change leaves.
func redetail(st *status.Status, change func(protoadapt.MessageV1) []protoadapt.MessageV1) error {
	p := st.Proto()
	p.Details = nil
	out := status.FromProto(p)
	for _, detail := range st.Details() {
		msg, ok := detail.(proto.Message)
		if !ok {
			continue
		}
		for _, kept := range change(protoadapt.MessageV1Of(msg)) {
			out, _ = out.WithDetails(kept)
		}
	}
	return out.Err()
}

// nameOf answers the name in any request.
func nameOf(req any) string {
	if named, ok := req.(interface{ GetName() string }); ok {
		return named.GetName()
	}
	return ""
}

// done reports whether there is a done operation of this name.
func (s *shop) done(ctx context.Context, name string) bool {
	op, err := s.Get(ctx, name)
	return err == nil && op.GetDone()
}

// A memory is what a wrong server remembers of operations by name.
type memory[V any] struct {
	mu sync.Mutex
	m  map[string]V
}

func (m *memory[V]) get(name string) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.m[name]
	return v, ok
}

func (m *memory[V]) put(name string, v V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.m == nil {
		m.m = make(map[string]V)
	}
	m.m[name] = v
}

func (m *memory[V]) all() map[string]V {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.m)
}
