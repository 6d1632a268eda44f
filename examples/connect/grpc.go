package main

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// handleOperations serves google.longrunning.Operations on mux. There is no
// generated code of Connect's for it, and none is needed.
func handleOperations(mux *http.ServeMux, s longrunningpb.OperationsServer, opts ...connect.HandlerOption) {
	handle(mux, longrunningpb.Operations_GetOperation_FullMethodName, s.GetOperation, opts...)
	handle(mux, longrunningpb.Operations_ListOperations_FullMethodName, s.ListOperations, opts...)
	handle(mux, longrunningpb.Operations_WaitOperation_FullMethodName, s.WaitOperation, opts...)
	handle(mux, longrunningpb.Operations_CancelOperation_FullMethodName, s.CancelOperation, opts...)
	handle(mux, longrunningpb.Operations_DeleteOperation_FullMethodName, s.DeleteOperation, opts...)
}

// handle serves one method as grpc-go would call it.
func handle[Req, Res any](mux *http.ServeMux, procedure string, call func(context.Context, *Req) (*Res, error), opts ...connect.HandlerOption) {
	mux.Handle(procedure, connect.NewUnaryHandler(procedure, func(ctx context.Context, req *connect.Request[Req]) (*connect.Response[Res], error) {
		res, err := call(ctx, req.Msg)
		if err != nil {
			return nil, err
		}
		return connect.NewResponse(res), nil
	}, opts...))
}

// likeGRPC lets methods that were written for grpc-go keep their errors and
// trailers. Connect does not know grpc-go's status and would make UNKNOWN of it,
// and grpc.SetTrailer needs a stream of gRPC's, which the recommended poll
// interval travels by.
func likeGRPC(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		stream := &stream{method: req.Spec().Procedure}
		resp, err := next(grpc.NewContextWithServerTransportStream(ctx, stream), req)
		if err != nil {
			return nil, asConnect(err)
		}
		for key, values := range stream.trailer {
			for _, value := range values {
				if strings.HasSuffix(key, "-bin") {
					value = connect.EncodeBinaryHeader([]byte(value))
				}
				resp.Trailer().Add(key, value)
			}
		}
		return resp, nil
	}
}

// asConnect keeps code, message and details of an error that has a status of
// gRPC. The codes have the same numbers.
func asConnect(err error) error {
	st, ok := status.FromError(err)
	if !ok {
		return err
	}
	cerr := connect.NewError(connect.Code(st.Code()), errors.New(st.Message()))
	for _, detail := range st.Proto().GetDetails() {
		if d, err := connect.NewErrorDetail(detail); err == nil {
			cerr.AddDetail(d)
		}
	}
	return cerr
}

// A stream keeps the trailer of one call. It is filled by that call alone.
type stream struct {
	method  string
	trailer metadata.MD
}

func (s *stream) Method() string             { return s.method }
func (*stream) SetHeader(metadata.MD) error  { return nil }
func (*stream) SendHeader(metadata.MD) error { return nil }

func (s *stream) SetTrailer(md metadata.MD) error {
	s.trailer = metadata.Join(s.trailer, md)
	return nil
}
