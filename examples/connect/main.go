// Command connect serves operations by Connect, so that one port answers Connect
// (JSON or binary, HTTP/1.1 or 2), gRPC and gRPC-Web.
//
//	cd examples/connect && go run .
//
// The program's own clients then speak Connect and gRPC with it. By hand, while
// it runs with -serve localhost:8080:
//
//	curl localhost:8080/google.longrunning.Operations/ListOperations -H 'Content-Type: application/json' -d '{"name": "projects/demo"}'
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/poller"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// A provisioner makes a volume and answers its path.
type provisioner func(ctx context.Context, id string) (string, error)

// newServer serves CreateVolume and its operations. It has no read or write
// timeout: WaitOperation is parked for up to a minute.
func newServer(m *lro.Manager, provision provisioner) *http.Server {
	createVolume := lro.Handle(m, func(ctx context.Context, _ *lro.Task[*pb.VolumeMetadata], req *pb.CreateVolumeRequest) (*pb.Volume, error) {
		path, err := provision(ctx, req.GetVolumeId())
		if err != nil {
			return nil, err
		}
		return &pb.Volume{Name: req.GetParent() + "/volumes/" + req.GetVolumeId(), Path: path}, nil
	}, &lro.MethodOptions{PollInterval: 500 * time.Millisecond})

	mux := http.NewServeMux()
	opts := []connect.HandlerOption{
		connect.WithInterceptors(connect.UnaryInterceptorFunc(likeGRPC)), // the last, nearest to the methods
		connect.WithReadMaxBytes(4 << 20),                                // as grpc-go has it; Connect has no bound
	}
	handle(mux, pb.Snapshots_CreateVolume_FullMethodName, func(ctx context.Context, req *pb.CreateVolumeRequest) (*longrunningpb.Operation, error) {
		return createVolume.Start(ctx, req, &lro.StartOptions{Parent: req.GetParent(), RequestID: req.GetRequestId()})
	}, opts...)
	handleOperations(mux, lro.NewServer(m, lro.AllowAll, nil), opts...)

	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true) // gRPC needs HTTP/2; with TLS it comes by itself
	return &http.Server{Handler: mux, Protocols: &protocols, ReadHeaderTimeout: 10 * time.Second}
}

// play follows one operation by Connect and one by gRPC. It tells out what comes
// of them.
func play(ctx context.Context, out *log.Logger, address string) error {
	create := connect.NewClient[pb.CreateVolumeRequest, longrunningpb.Operation](http.DefaultClient, "http://"+address+pb.Snapshots_CreateVolume_FullMethodName)
	wait := connect.NewClient[longrunningpb.WaitOperationRequest, longrunningpb.Operation](http.DefaultClient, "http://"+address+longrunningpb.Operations_WaitOperation_FullMethodName)
	started, err := create.CallUnary(ctx, connect.NewRequest(&pb.CreateVolumeRequest{Parent: "projects/demo", VolumeId: "v1"}))
	if err != nil {
		return err
	}
	op := started.Msg
	for !op.GetDone() {
		var waited *connect.Response[longrunningpb.Operation]
		if waited, err = wait.CallUnary(ctx, connect.NewRequest(&longrunningpb.WaitOperationRequest{Name: op.GetName()})); err != nil {
			return err
		}
		op = waited.Msg
	}
	if op.GetError() != nil {
		return status.ErrorProto(op.GetError())
	}
	var vol pb.Volume
	if err = op.GetResponse().UnmarshalTo(&vol); err != nil {
		return err
	}
	out.Printf("by Connect: %s", vol.GetPath())

	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	op, err = pb.NewSnapshotsClient(conn).CreateVolume(ctx, &pb.CreateVolumeRequest{Parent: "projects/demo", VolumeId: "v2"})
	if err != nil {
		return err
	}
	typed, err := poller.New[*pb.Volume](longrunningpb.NewOperationsClient(conn), op, nil).Wait(ctx)
	if err != nil {
		return err
	}
	out.Printf("by gRPC: %s", typed.GetPath())
	return nil
}

// run serves on address until use returns or ctx ends.
func run(ctx context.Context, address string, use func(ctx context.Context, address string) error) error {
	m, err := lro.New(memstore.New(), nil)
	if err != nil {
		return err
	}
	server := newServer(m, func(ctx context.Context, id string) (string, error) {
		select {
		case <-time.After(time.Second): // it takes some work
			return "/srv/" + id, nil
		case <-ctx.Done():
			return "", ctx.Err()
		}
	})
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	go func() { _ = server.Serve(listener) }()

	running, stop := context.WithCancel(ctx)
	ran := make(chan error, 1)
	go func() { ran <- m.Run(running) }()
	err = use(ctx, listener.Addr().String())
	stop()
	err = errors.Join(err, <-ran) // serve until it has drained
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return errors.Join(err, server.Shutdown(ctx))
}

func main() {
	address := flag.String("serve", "", "serve on this address until interrupted, instead of showing how it is used")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	use := func(ctx context.Context, address string) error { return play(ctx, log.New(os.Stdout, "", 0), address) }
	if *address != "" {
		use = func(ctx context.Context, _ string) error { <-ctx.Done(); return nil }
	} else {
		*address = "localhost:0"
	}
	if err := run(ctx, *address, use); err != nil {
		log.Fatal("connect: ", err)
	}
}
