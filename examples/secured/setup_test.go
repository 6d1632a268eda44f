package main

import (
	"context"
	"log/slog"
	"net"
	"net/http/httptest"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// An env is a server whose volumes are never ready: their operations end by a
// cancel.
type env struct {
	t       *testing.T
	issuer  *issuer
	address string
	web     string // the URL of HTTP/JSON
}

func setup(t *testing.T) *env {
	t.Helper()
	i, err := newIssuer()
	must(t, err)
	m, err := lro.New(memstore.New(), &lro.Options{Logger: slog.New(slog.DiscardHandler), DrainTimeout: time.Nanosecond})
	must(t, err)
	server, web := newServer(m, i.verifier(), func(ctx context.Context, _ string) (string, error) {
		<-ctx.Done()
		return "", context.Cause(ctx)
	})
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "localhost:0")
	must(t, err)
	served, ran := make(chan error, 1), make(chan error, 1)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	go func() { served <- server.Serve(listener) }()
	go func() { ran <- m.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		must(t, <-ran)
		server.Stop()
		must(t, <-served)
	})
	gateway := httptest.NewServer(web)
	t.Cleanup(gateway.Close)
	return &env{t, i, listener.Addr().String(), gateway.URL}
}

// as connects with a token of the issuer.
func (e *env) as(subject, tenant, scope string) *grpc.ClientConn {
	e.t.Helper()
	token, err := e.issuer.token(subject, tenant, scope)
	must(e.t, err)
	return e.closed(connect(e.address, token))
}

// anonymous connects without a token.
func (e *env) anonymous() *grpc.ClientConn {
	e.t.Helper()
	return e.closed(grpc.NewClient(e.address, grpc.WithTransportCredentials(insecure.NewCredentials())))
}

func (e *env) closed(conn *grpc.ClientConn, err error) *grpc.ClientConn {
	e.t.Helper()
	must(e.t, err)
	e.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// create starts an operation that runs until it is cancelled.
func (e *env) create(conn *grpc.ClientConn, parent string) *longrunningpb.Operation {
	e.t.Helper()
	op, err := pb.NewSnapshotsClient(conn).CreateVolume(e.t.Context(), &pb.CreateVolumeRequest{Parent: parent, VolumeId: "v1"})
	must(e.t, err)
	return op
}

// calls are all methods there are: of an operation by its name, or of a parent.
func calls(ctx context.Context, conn *grpc.ClientConn, name, parent string) map[string]func() error {
	c := longrunningpb.NewOperationsClient(conn)
	return map[string]func() error{
		"Get": func() error {
			_, err := c.GetOperation(ctx, &longrunningpb.GetOperationRequest{Name: name})
			return err
		},
		"Wait": func() error {
			_, err := c.WaitOperation(ctx, &longrunningpb.WaitOperationRequest{Name: name, Timeout: new(durationpb.Duration)})
			return err
		},
		"List": func() error {
			_, err := c.ListOperations(ctx, &longrunningpb.ListOperationsRequest{Name: parent})
			return err
		},
		"Cancel": func() error {
			_, err := c.CancelOperation(ctx, &longrunningpb.CancelOperationRequest{Name: name})
			return err
		},
		"Delete": func() error {
			_, err := c.DeleteOperation(ctx, &longrunningpb.DeleteOperationRequest{Name: name})
			return err
		},
		"CreateVolume": func() error {
			_, err := pb.NewSnapshotsClient(conn).CreateVolume(ctx, &pb.CreateVolumeRequest{Parent: parent, VolumeId: "v1"})
			return err
		},
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
