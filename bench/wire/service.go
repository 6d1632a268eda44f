package wire

import (
	"cmp"
	"context"
	"errors"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// stored is how many done operations there are.
const stored = 10_000

// A service has done operations in a memory store.
type service struct {
	server *lro.Server
	names  []string
	first  *longrunningpb.Operation

	stop context.CancelFunc
	ran  chan error
}

// newService makes a service as one would: its Manager runs, its Authorizer looks
// at tenant and scopes, and its Caller is known.
func newService(ctx context.Context) (*service, error) {
	m, err := lro.New(memstore.New(), nil)
	if err != nil {
		return nil, err
	}
	takeSnapshot := lro.Declare[*pb.TakeSnapshotRequest, *pb.TakeSnapshotResponse, *pb.TakeSnapshotMetadata](m, nil)
	s := &service{
		server: lro.NewServer(m, authorizer(), &lro.ServerOptions{
			MaxWaitsPerCaller: 100,
			Caller:            func(ctx context.Context) string { return callerOf(ctx).subject },
		}),
		ran: make(chan error, 1),
	}
	ctx, s.stop = context.WithCancel(ctx)
	go func() { s.ran <- m.Run(ctx) }()
	for range stored {
		op, err := takeSnapshot.StartDone(ctx, request(), response(), &lro.StartOptions{Parent: parent, Metadata: metadata()})
		if err != nil {
			return nil, errors.Join(err, s.close())
		}
		s.names = append(s.names, op.GetName())
		s.first = cmp.Or(s.first, op)
	}
	return s, nil
}

// close ends the Manager's Run.
func (s *service) close() error {
	s.stop()
	return <-s.ran
}

const (
	tenant = "acme"
	parent = "projects/" + tenant
	volume = parent + "/volumes/code"
	files  = 1_234
	bytes  = 56_789_012
)

func request() *pb.TakeSnapshotRequest { return &pb.TakeSnapshotRequest{Volume: volume} }

func response() *pb.TakeSnapshotResponse {
	return &pb.TakeSnapshotResponse{
		Snapshot: "/var/snapshots/acme/code-20260102T030405Z.tar.gz", Files: files, Bytes: bytes,
		Sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
	}
}

func metadata() *pb.TakeSnapshotMetadata {
	began := time.Date(2026, time.January, 2, 3, 4, 5, 0, time.UTC)
	return &pb.TakeSnapshotMetadata{
		Volume: volume, FilesTotal: files, FilesDone: files, BytesTotal: bytes, BytesDone: bytes, Attempt: 1,
		CreateTime: timestamppb.New(began), UpdateTime: timestamppb.New(began.Add(time.Minute)),
	}
}
