package wire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	"github.com/longrunning-go/longrunning/bench/measure"
)

// GRPC measures GetOperation of done operations: how many there are in a time, and
// how long the slowest of a hundred takes, against a unary handler that has its
// answer ready.
func GRPC(ctx context.Context, r *measure.Run) {
	if err := overGRPC(ctx, r); err != nil {
		r.Fail("gRPC: get", measure.Bound{}, err)
	}
}

func overGRPC(ctx context.Context, r *measure.Run) (err error) {
	s, err := newService(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	subject, err := serveGRPC(ctx, s.server)
	if err != nil {
		return err
	}
	defer subject.close()
	base, err := serveGRPC(ctx, &bareServer{operation: s.first})
	if err != nil {
		return err
	}
	defer base.close()
	twin, err := serveGRPC(ctx, &bareServer{operation: s.first})
	if err != nil {
		return err
	}
	defer twin.close()
	if err := sameGRPC(ctx, subject, base, s.first.GetName()); err != nil {
		return err
	}
	const callers, fewer = 16, 8
	one := s.names[:1]
	throughput := func(names []string, get func(context.Context, string) error) measure.Contender {
		return gets(measure.Shared, callers, 1_500, names, get)
	}
	latency := func(get func(context.Context, string) error) measure.Contender {
		return gets(measure.Timed, fewer, 8*fewer, one, get)
	}
	r.Compare(ctx, &measure.Comparison{
		What: fmt.Sprintf("gRPC, callers: %d, get one: lro, bare handler", callers), Unit: "gets", Bound: measure.AtLeast(0.95), Time: r.Time(18 * time.Second),
		Subject: throughput(one, subject.get), Base: throughput(one, base.get), Twin: throughput(one, twin.get),
	}, &measure.Comparison{
		What: fmt.Sprintf("gRPC, callers: %d, get any of 10,000: lro, bare handler", callers), Unit: "gets", Bound: measure.AtLeast(0.9), Time: r.Time(8 * time.Second),
		Subject: throughput(s.names, subject.get), Base: throughput(s.names, base.get), Twin: throughput(s.names, twin.get),
	}, &measure.Comparison{
		What: fmt.Sprintf("gRPC, callers: %d, get one, p99: lro, bare handler", fewer), Unit: "gets", Bound: measure.AtMost(1.1), Time: r.Time(28 * time.Second), Quantile: 0.99,
		Subject: latency(subject.get), Base: latency(base.get), Twin: latency(twin.get),
	})
	return nil
}

// A bareServer answers the same operation whatever is asked.
type bareServer struct {
	longrunningpb.UnimplementedOperationsServer

	operation *longrunningpb.Operation
}

// GetOperation implements google.longrunning.Operations.
func (b *bareServer) GetOperation(context.Context, *longrunningpb.GetOperationRequest) (*longrunningpb.Operation, error) {
	return b.operation, nil
}

// A grpcPeer is a server and a client connected to it.
type grpcPeer struct {
	server *grpc.Server
	conn   *grpc.ClientConn
	client longrunningpb.OperationsClient
}

func serveGRPC(ctx context.Context, operations longrunningpb.OperationsServer) (*grpcPeer, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "localhost:0")
	if err != nil {
		return nil, err
	}
	p := &grpcPeer{server: grpc.NewServer(grpc.UnaryInterceptor(intercept))}
	longrunningpb.RegisterOperationsServer(p.server, operations)
	go func() { _ = p.server.Serve(listener) }() // until close; whoever gets an operation meets its error
	p.conn, err = grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		p.server.Stop()
		return nil, err
	}
	p.client = longrunningpb.NewOperationsClient(p.conn)
	return p, nil
}

func (p *grpcPeer) close() {
	_ = p.conn.Close() // of nothing that is under way
	p.server.Stop()
}

func (p *grpcPeer) get(ctx context.Context, name string) error {
	op, err := p.client.GetOperation(ctx, &longrunningpb.GetOperationRequest{Name: name})
	if err == nil && !op.GetDone() {
		err = fmt.Errorf("wire: operation %s must be done, found %v", name, op)
	}
	return err
}

// sameGRPC answers an error unless both answer an operation with the same bytes.
func sameGRPC(ctx context.Context, lro, bare *grpcPeer, name string) error {
	var answers [2][]byte
	for i, p := range []*grpcPeer{lro, bare} {
		op, err := p.client.GetOperation(ctx, &longrunningpb.GetOperationRequest{Name: name})
		if err != nil {
			return err
		}
		if answers[i], err = proto.Marshal(op); err != nil {
			return err
		}
	}
	return same(answers[0], answers[1])
}
