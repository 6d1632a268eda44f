package lro

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/longrunning-go/longrunning/lro/internal/filter"
	"github.com/longrunning-go/longrunning/store"
)

// ServerOptions configure a Server. The zero value of every field means its
// default.
type ServerOptions struct {
	// MaxWait is how long one WaitOperation may be parked. Default 60 s.
	MaxWait time.Duration
	// MaxWaits is how many WaitOperation calls may be parked at once; further
	// ones are answered RESOURCE_EXHAUSTED. Default 100,000.
	MaxWaits int
	// MaxWaitsPerCaller is how many of them may be one Caller's, so that nobody
	// takes the places of all; it needs Caller. Default: no bound but MaxWaits.
	MaxWaitsPerCaller int
	// Caller answers who calls, from what an interceptor put into the context.
	// Page tokens are bound to it, and MaxWaitsPerCaller counts by it. Default:
	// all callers are one.
	Caller func(context.Context) string
}

const (
	defaultPageSize = 100
	maxPageSize     = 1000
)

// A Server serves google.longrunning.Operations on a Manager. Register it with
// longrunningpb.RegisterOperationsServer. The Manager's Run must run, or Wait
// answers at once.
type Server struct {
	longrunningpb.UnimplementedOperationsServer

	m      *Manager
	auth   Authorizer
	opts   ServerOptions
	waits  waits
	tokens tokenKey
}

var _ longrunningpb.OperationsServer = (*Server)(nil)

// NewServer makes a Server whose every call auth decides on. It panics if auth
// is nil, since a server without access control should say so: with [AllowAll].
// Nil opts means the defaults.
func NewServer(m *Manager, auth Authorizer, opts *ServerOptions) *Server {
	if m == nil || auth == nil {
		panic("lro: NewServer needs a Manager and an Authorizer; to let every caller do everything, pass lro.AllowAll")
	}
	s := &Server{m: m, auth: auth}
	if opts != nil {
		s.opts = *opts
	}
	switch o := s.opts; {
	case o.MaxWait < 0 || o.MaxWaits < 0 || o.MaxWaitsPerCaller < 0:
		panic(fmt.Sprintf("lro: NewServer: MaxWait is %v, MaxWaits %d and MaxWaitsPerCaller %d; none may be negative", o.MaxWait, o.MaxWaits, o.MaxWaitsPerCaller))
	case o.MaxWaitsPerCaller > 0 && o.Caller == nil:
		panic("lro: NewServer: MaxWaitsPerCaller needs Caller, without which all callers are one; set it, or bound all by MaxWaits")
	}
	s.opts.MaxWait = cmp.Or(s.opts.MaxWait, time.Minute)
	s.opts.MaxWaits = cmp.Or(s.opts.MaxWaits, 100_000)
	if s.opts.Caller == nil {
		s.opts.Caller = func(context.Context) string { return "" }
	}
	s.waits = waits{most: s.opts.MaxWaits, mostOfOne: s.opts.MaxWaitsPerCaller, caller: s.opts.Caller, of: map[string]int{}}
	return s
}

func (s *Server) authorize(ctx context.Context, verb Verb, name string) error {
	parent, invalid := parentOf(name)
	if invalid != nil {
		parent = ""
	}
	access := Access{Verb: verb, Name: name, Parent: parent}
	if err := s.auth(ctx, access); err != nil {
		return s.m.denied(ctx, access, err)
	}
	if invalid != nil { // which only those are told who may know
		return s.m.invalidName(invalid)
	}
	return nil
}

// GetOperation implements google.longrunning.Operations.
func (s *Server) GetOperation(ctx context.Context, req *longrunningpb.GetOperationRequest) (*longrunningpb.Operation, error) {
	if err := s.authorize(ctx, VerbGet, req.GetName()); err != nil {
		return nil, err
	}
	rec, err := s.m.shown(ctx, req.GetName())
	return s.answer(ctx, rec, err)
}

// CancelOperation implements google.longrunning.Operations.
func (s *Server) CancelOperation(ctx context.Context, req *longrunningpb.CancelOperationRequest) (*emptypb.Empty, error) {
	if err := s.authorize(ctx, VerbCancel, req.GetName()); err != nil {
		return nil, err
	}
	if err := s.m.Cancel(ctx, req.GetName()); err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}

// DeleteOperation implements google.longrunning.Operations.
func (s *Server) DeleteOperation(ctx context.Context, req *longrunningpb.DeleteOperationRequest) (*emptypb.Empty, error) {
	if err := s.authorize(ctx, VerbDelete, req.GetName()); err != nil {
		return nil, err
	}
	if err := s.m.Delete(ctx, req.GetName()); err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}

// WaitOperation implements google.longrunning.Operations: it answers when the
// operation is done, and otherwise its latest state after the timeout that was
// asked for, ServerOptions.MaxWait, or shortly before the call's deadline,
// whichever comes first.
func (s *Server) WaitOperation(ctx context.Context, req *longrunningpb.WaitOperationRequest) (*longrunningpb.Operation, error) {
	if err := s.authorize(ctx, VerbWait, req.GetName()); err != nil {
		return nil, err
	}
	timeout, err := s.waitTime(ctx, req.GetTimeout())
	if err != nil {
		return nil, err
	}
	leave, full := s.waits.enter(ctx, s.m)
	if full != nil {
		if rec, err := s.m.visible(ctx, req.GetName()); err != nil || rec.State == store.Done {
			return s.answer(ctx, rec, err)
		}
		return nil, full
	}
	defer leave()
	rec, err := s.m.wait(ctx, req.GetName(), time.Now().Add(timeout))
	return s.answer(ctx, rec, err)
}

// waitTime leaves a tenth of the call's deadline, at most 250 ms, for the answer
// to travel: a wait that runs out is no error.
func (s *Server) waitTime(ctx context.Context, asked *durationpb.Duration) (time.Duration, error) {
	timeout := s.opts.MaxWait
	if asked != nil {
		if err := asked.CheckValid(); err != nil || asked.AsDuration() < 0 {
			return 0, s.m.invalid(reasonInvalid, "timeout",
				"the timeout %ds %dns is not a valid duration of at least 0", asked.GetSeconds(), asked.GetNanos())
		}
		timeout = min(timeout, asked.AsDuration())
	}
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		timeout = min(timeout, left-min(left/10, 250*time.Millisecond))
	}
	return timeout, nil
}

// answer is what Get and Wait send.
func (s *Server) answer(ctx context.Context, rec *store.Record, err error) (*longrunningpb.Operation, error) {
	if err != nil {
		return nil, err
	}
	s.recommend(ctx, rec)
	return s.m.operation(ctx, rec)
}

// recommend sends the method's poll interval in a trailer: the contract speaks
// of a recommended interval and has no field for it. Outside gRPC there is no
// trailer, and that is no error.
func (s *Server) recommend(ctx context.Context, rec *store.Record) {
	if rec.State == store.Done {
		return
	}
	h := s.m.methodOf(rec.Method)
	if h == nil || h.opts.PollInterval == 0 {
		return
	}
	info, err := proto.Marshal(&errdetails.RetryInfo{RetryDelay: durationpb.New(h.opts.PollInterval)})
	if err == nil {
		_ = grpc.SetTrailer(ctx, metadata.Pairs("google.rpc.retryinfo-bin", string(info)))
	}
}

// ListOperations implements google.longrunning.Operations (AIP-158). The name is
// the parent, or "operations" for the default one; "-" in it stands for any segment
// (AIP-159). The filter follows AIP-160, over name, done, method, create_time,
// update_time, end_time, expire_time, cancel_requested, attempt, error.code,
// error.message, and metadata with a path below it in the metadata of the methods
// that the Manager knows. A filter of few matches makes short pages instead of slow
// ones: only an empty token ends a list.
func (s *Server) ListOperations(ctx context.Context, req *longrunningpb.ListOperationsRequest) (*longrunningpb.ListOperationsResponse, error) {
	parent := req.GetName()
	if parent == collection {
		parent = ""
	}
	access := Access{Verb: VerbList, Parent: parent}
	if err := s.auth(ctx, access); err != nil {
		return nil, s.m.denied(ctx, access, err)
	}
	l, tokens, err := s.listing(ctx, req, parent)
	if err != nil {
		return nil, err
	}
	recs, last, err := l.page(ctx, s.m)
	if err != nil {
		return nil, err
	}
	resp := &longrunningpb.ListOperationsResponse{}
	if last != "" {
		resp.NextPageToken = tokens.seal(last)
	}
	for _, rec := range recs {
		op, err := s.m.operation(ctx, rec)
		if err != nil {
			return nil, err
		}
		resp.Operations = append(resp.Operations, op)
	}
	return resp, nil
}

// listing checks a list request and says what to read.
func (s *Server) listing(ctx context.Context, req *longrunningpb.ListOperationsRequest, parent string) (*listing, *tokens, error) {
	size := int(req.GetPageSize())
	switch {
	case req.GetName() == "":
		return nil, nil, s.m.invalid(reasonInvalid, "name", `the name is empty: it must be the parent, or "operations" for the default one`)
	case size < 0:
		return nil, nil, s.m.invalid(reasonInvalid, "page_size", "the page size is %d; it must not be negative", size)
	case req.GetReturnPartialSuccess():
		return nil, nil, s.m.errorf(codes.Unimplemented, reasonUnsupported, "return_partial_success is not supported; leave it unset")
	}
	l := &listing{q: store.Query{Parent: parent}, size: min(cmp.Or(size, defaultPageSize), maxPageSize)}
	if err := checkListed(parent); err != nil {
		return nil, nil, s.m.invalid(reasonInvalid, "name", "%v", err)
	}
	if isWildcard(parent) {
		l.wildcard(parent)
	}
	if text := req.GetFilter(); text != "" {
		f, err := filter.Parse(text, s.m.metadataTypes())
		if err != nil {
			return nil, nil, s.m.invalid(reasonFilter, "filter", "%v", err)
		}
		l.narrow(f)
	}
	tokens, err := s.tokens.bind(ctx, s.m, scope{parent, req.GetFilter(), s.opts.Caller(ctx)})
	if err != nil {
		return nil, nil, s.m.storeError(ctx, "", err)
	}
	if token := req.GetPageToken(); token != "" {
		if l.q.Before, err = tokens.open(token); err != nil {
			return nil, nil, s.m.invalid(reasonPageToken, "page_token", "%v", err)
		}
	}
	return l, tokens, nil
}
