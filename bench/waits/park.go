package waits

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"

	"github.com/longrunning-go/longrunning/bench/child"
	"github.com/longrunning-go/longrunning/bench/measure"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// What serves those who are parked.
const (
	managed = "lro"
	bare    = "bare handler"
)

// Park is the role of a server in which calls block. Its arguments are the kind,
// and at how many calls of WaitOperation it says how many bytes each takes; before
// that it says its address. There are as many operations as calls.
func Park(ctx context.Context, args []string, out io.Writer) (err error) {
	counts, err := child.Numbers(args[1:])
	if err != nil {
		return err
	}
	m, err := lro.New(memstore.New(), nil)
	if err != nil {
		return err
	}
	for range counts[len(counts)-1] {
		if _, err := m.Create(ctx, &lro.CreateOptions{Parent: parent}); err != nil {
			return err
		}
	}
	var operations longrunningpb.OperationsServer = lro.NewServer(m, lro.AllowAll, &lro.ServerOptions{MaxWaits: counts[len(counts)-1]})
	if args[0] == bare {
		operations = &blockingServer{operations}
	}
	traffic := newTraffic()
	server := grpc.NewServer(grpc.UnaryInterceptor(traffic.intercept))
	longrunningpb.RegisterOperationsServer(server, operations)
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "localhost:0")
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ran, served := make(chan error, 1), make(chan error, 1)
	go func() { ran <- m.Run(ctx) }()
	go func() { served <- server.Serve(listener) }()
	defer func() {
		server.Stop()
		stop()
		if serveErr := <-served; !errors.Is(serveErr, grpc.ErrServerStopped) { // before it served
			err = errors.Join(err, serveErr)
		}
		err = errors.Join(err, <-ran)
	}()
	before := measure.InUse()
	if _, err := fmt.Fprintln(out, listener.Addr()); err != nil {
		return err
	}
	for _, n := range counts {
		if err := traffic.await(ctx, n); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out, float64(measure.InUse()-before)/float64(n)); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return nil
}

// A blockingServer parks whoever waits.
type blockingServer struct{ longrunningpb.OperationsServer }

// WaitOperation implements google.longrunning.Operations.
func (*blockingServer) WaitOperation(ctx context.Context, _ *longrunningpb.WaitOperationRequest) (*longrunningpb.Operation, error) {
	<-ctx.Done()
	return nil, context.Cause(ctx)
}
