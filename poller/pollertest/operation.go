package pollertest

import (
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Running is an operation that is not done. Nil meta is no metadata. It panics
// if meta cannot be marshalled.
func Running(name string, meta proto.Message) *longrunningpb.Operation {
	op := &longrunningpb.Operation{Name: name}
	if meta != nil {
		op.Metadata = pack(meta)
	}
	return op
}

// Succeeded is an operation that is done with that response. It panics if the
// response cannot be marshalled.
func Succeeded(name string, response proto.Message) *longrunningpb.Operation {
	return &longrunningpb.Operation{
		Name:   name,
		Done:   true,
		Result: &longrunningpb.Operation_Response{Response: pack(response)},
	}
}

// Failed is an operation that is done with the gRPC status of err.
func Failed(name string, err error) *longrunningpb.Operation {
	return &longrunningpb.Operation{
		Name:   name,
		Done:   true,
		Result: &longrunningpb.Operation_Error{Error: status.Convert(err).Proto()},
	}
}

// RetryInfo is the trailer by which a server recommends to poll again after d.
func RetryInfo(d time.Duration) metadata.MD {
	b, err := proto.Marshal(&errdetails.RetryInfo{RetryDelay: durationpb.New(d)})
	if err != nil {
		panic("pollertest: " + err.Error())
	}
	return metadata.Pairs("google.rpc.retryinfo-bin", string(b))
}

func pack(m proto.Message) *anypb.Any {
	a, err := anypb.New(m)
	if err != nil {
		panic("pollertest: " + err.Error())
	}
	return a
}
