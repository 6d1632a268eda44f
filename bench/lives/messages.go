package lives

import (
	"strings"

	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
)

const (
	files = 1_234
	bytes = 56_789_012
	first = 1_000_000 // the number of the first request: all numbers are as long
)

// The messages take 400, 100 and 400 bytes as they are stored, their types included.

// request is that of the i-th life of a turn.
func request(i int) *pb.TakeSnapshotRequest {
	return &pb.TakeSnapshotRequest{Volume: longVolume, BytesPerSecond: int64(first + i)}
}

// number is the i of a request.
func number(req *pb.TakeSnapshotRequest) int { return int(req.GetBytesPerSecond() - first) }

// metadata is that of a handler which has done so many files.
func metadata(done int64) *pb.TakeSnapshotMetadata {
	return &pb.TakeSnapshotMetadata{Volume: "projects/acme/vol", FilesTotal: files, FilesDone: done, BytesTotal: bytes, BytesDone: bytes / 2}
}

func response() *pb.TakeSnapshotResponse {
	return &pb.TakeSnapshotResponse{Snapshot: archive, Files: files, Bytes: bytes, Sha256: sha256}
}

const sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

//nolint:gochecknoglobals // constants, but for Repeat
var (
	longVolume = "projects/acme/volumes/" + strings.Repeat("v", 305)
	archive    = "/var/snapshots/" + strings.Repeat("s", 241)
)
