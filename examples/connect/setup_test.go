package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// An env is a server whose volume "slow" is never ready: its operation ends by a
// cancel. All others are at once.
type env struct {
	t       *testing.T
	address string
}

func setup(t *testing.T) *env {
	t.Helper()
	m, err := lro.New(memstore.New(), &lro.Options{Logger: slog.New(slog.DiscardHandler), DrainTimeout: time.Nanosecond})
	must(t, err)
	server := newServer(m, func(ctx context.Context, id string) (string, error) {
		if id == "slow" {
			<-ctx.Done()
			return "", context.Cause(ctx)
		}
		return "/srv/" + id, nil
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
		must(t, server.Close())
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	return &env{t, listener.Addr().String()}
}

// dial connects with grpc-go.
func (e *env) dial() *grpc.ClientConn {
	e.t.Helper()
	conn, err := grpc.NewClient(e.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(e.t, err)
	e.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// A protocol is a way for a client of Connect's to speak.
type protocol struct {
	name  string
	http2 bool
	opts  []connect.ClientOption
}

func protocols() []protocol {
	return []protocol{
		{"Connect", true, nil},
		{"Connect, HTTP 1.1", false, nil},
		{"Connect, JSON", false, []connect.ClientOption{connect.WithProtoJSON()}},
		{"gRPC", true, []connect.ClientOption{connect.WithGRPC()}},
		{"gRPC-Web", true, []connect.ClientOption{connect.WithGRPCWeb()}},
		{"gRPC-Web, HTTP 1.1", false, []connect.ClientOption{connect.WithGRPCWeb()}},
	}
}

// client answers the HTTP client of p.
func (e *env) client(p protocol) *http.Client {
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetHTTP1(!p.http2)
	transport.Protocols.SetUnencryptedHTTP2(p.http2)
	e.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// call calls a procedure as p speaks.
func call[Req, Res any](e *env, p protocol, procedure string, req *Req) (*connect.Response[Res], error) {
	e.t.Helper()
	c := connect.NewClient[Req, Res](e.client(p), "http://"+e.address+procedure, p.opts...)
	return c.CallUnary(e.t.Context(), connect.NewRequest(req))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
