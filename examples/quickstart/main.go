// Command quickstart takes a snapshot of a folder: of the one given, or of the
// current one. Server and client are both in this file, and speak gRPC.
//
//	go run ./examples/quickstart FOLDER
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"path"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/longrunning-go/longrunning/examples/snapshots/archive"
	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/poller"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// A server implements the Snapshots service of snapshots.proto.
type server struct {
	pb.UnimplementedSnapshotsServer

	folder, dir  string // what is archived, and where to
	takeSnapshot *lro.Method[*pb.TakeSnapshotRequest, *pb.TakeSnapshotResponse, *pb.TakeSnapshotMetadata]
}

// TakeSnapshot answers at once, with an operation.
func (s *server) TakeSnapshot(ctx context.Context, req *pb.TakeSnapshotRequest) (*longrunningpb.Operation, error) {
	return s.takeSnapshot.Start(ctx, req, &lro.StartOptions{RequestID: req.GetRequestId()})
}

// archive is the handler: it does the work, and says how far it is.
func (s *server) archive(ctx context.Context, task *lro.Task[*pb.TakeSnapshotMetadata], _ *pb.TakeSnapshotRequest) (*pb.TakeSnapshotResponse, error) {
	res, err := archive.Take(ctx, task, &archive.Options{
		Folder: s.folder, Dir: s.dir, ID: path.Base(task.Name()),
		Report: func(p archive.Progress) {
			task.Report(&pb.TakeSnapshotMetadata{BytesDone: p.BytesDone, BytesTotal: p.BytesTotal})
		},
	})
	if err != nil {
		return nil, err
	}
	return &pb.TakeSnapshotResponse{Files: res.Files, Bytes: res.Bytes, Sha256: res.SHA256}, nil
}

// serve serves the method and its operations until ctx ends.
func (s *server) serve(ctx context.Context, listener net.Listener) error {
	m, err := lro.New(memstore.New(), nil)
	if err != nil {
		return err
	}
	s.takeSnapshot = lro.Handle(m, s.archive, nil)
	g := grpc.NewServer()
	pb.RegisterSnapshotsServer(g, s)
	longrunningpb.RegisterOperationsServer(g, lro.NewServer(m, lro.AllowAll, nil))
	go func() { _ = g.Serve(listener) }()
	defer g.GracefulStop()
	return m.Run(ctx)
}

// snapshot is the client: it starts an operation and follows it to its result.
func snapshot(ctx context.Context, conn *grpc.ClientConn) (*pb.TakeSnapshotResponse, error) {
	op, err := pb.NewSnapshotsClient(conn).TakeSnapshot(ctx, &pb.TakeSnapshotRequest{Volume: "projects/demo/volumes/here"})
	if err != nil {
		return nil, err
	}
	p := poller.New[*pb.TakeSnapshotResponse](longrunningpb.NewOperationsClient(conn), op, nil)
	bar := newBar()
	for op, err := range p.Updates(ctx) {
		if err != nil {
			return nil, err
		}
		if meta, err := poller.Metadata[*pb.TakeSnapshotMetadata](op); err == nil && meta.GetBytesTotal() > 0 {
			bar.ChangeMax64(meta.GetBytesTotal())
			_ = bar.Set64(meta.GetBytesDone())
		}
	}
	return p.Result()
}

// newBar answers a progress bar, which is seen only on a terminal.
func newBar() *progressbar.ProgressBar {
	return progressbar.NewOptions64(-1,
		progressbar.OptionSetWriter(os.Stderr),
		progressbar.OptionSetVisibility(term.IsTerminal(int(os.Stderr.Fd()))),
		progressbar.OptionShowBytes(true),
		progressbar.OptionOnCompletion(func() { fmt.Fprintln(os.Stderr) }))
}

// run is server and client together, on loopback.
func run(ctx context.Context, folder string) error {
	dir, err := os.MkdirTemp("", "quickstart-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "localhost:0")
	if err != nil {
		return err
	}
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()

	ctx, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- (&server{folder: folder, dir: dir}).serve(ctx, listener) }()
	res, err := snapshot(ctx, conn)
	stop()
	if err = errors.Join(err, <-served); err != nil {
		return err
	}
	fmt.Printf("%s: %d files, %d bytes, sha256 %s\n", folder, res.GetFiles(), res.GetBytes(), res.GetSha256())
	return nil
}

func main() {
	flag.Parse()
	if err := run(context.Background(), cmp.Or(flag.Arg(0), ".")); err != nil {
		log.Fatal("quickstart: ", err)
	}
}
