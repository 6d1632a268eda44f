// Command first is the code of docs/guides/first-operation.md: a service with one
// method that takes its time, and a client that waits for it.
//
//	go run ./examples/guides/first 2026-11
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	pb "github.com/longrunning-go/longrunning/examples/guides/reportspb"
	"github.com/longrunning-go/longrunning/examples/guides/reportspb/reportslro"
	"github.com/longrunning-go/longrunning/examples/guides/reportspb/reportspoller"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store/memstore"
)

type server struct {
	pb.UnimplementedReportsServer
	writeReport *reportslro.WriteReportMethod
}

// WriteReport is the RPC. It answers at once, with an operation.
func (s *server) WriteReport(ctx context.Context, req *pb.WriteReportRequest) (*longrunningpb.Operation, error) {
	return s.writeReport.Start(ctx, req, nil)
}

// write is the handler. It does the work, and says how far it is.
func write(ctx context.Context, task *reportslro.WriteReportTask, req *pb.WriteReportRequest) (*pb.WriteReportResponse, error) {
	const pages = 3
	for page := range int32(pages) {
		select {
		case <-time.After(100 * time.Millisecond): // the work
		case <-ctx.Done(): // somebody has cancelled, or the server is going down
			return nil, ctx.Err()
		}
		task.Report(&pb.WriteReportMetadata{PagesDone: page + 1, Pages: pages})
	}
	return &pb.WriteReportResponse{Text: fmt.Sprintf("%d pages about %s", pages, req.GetMonth())}, nil
}

// serve serves the method and its operations until ctx ends.
func serve(ctx context.Context, listener net.Listener) error {
	m, err := lro.New(memstore.New(), nil)
	if err != nil {
		return err
	}
	g := grpc.NewServer()
	pb.RegisterReportsServer(g, &server{writeReport: reportslro.HandleWriteReport(m, write, nil)})
	longrunningpb.RegisterOperationsServer(g, lro.NewServer(m, lro.AllowAll, nil))
	go func() { _ = g.Serve(listener) }()
	defer g.GracefulStop()
	return m.Run(ctx) // runs the handlers
}

// report is the client.
func report(ctx context.Context, conn *grpc.ClientConn, month string) (string, error) {
	p, err := reportspoller.WriteReport(ctx, pb.NewReportsClient(conn), longrunningpb.NewOperationsClient(conn),
		&pb.WriteReportRequest{Month: month}, nil)
	if err != nil {
		return "", err
	}
	res, err := p.Wait(ctx)
	return res.GetText(), err
}

func run(ctx context.Context, month string) (text string, err error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "localhost:0")
	if err != nil {
		return "", err
	}
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return "", err
	}
	defer conn.Close()
	ctx, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- serve(ctx, listener) }()
	text, err = report(ctx, conn, month)
	stop()
	return text, errors.Join(err, <-served)
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: first MONTH")
	}
	text, err := run(context.Background(), os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(text)
}
