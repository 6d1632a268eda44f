package service_test

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/poller"
)

func TestSnapshot(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.write(t, "one", 1_000)
	f.write(t, "two", 0)
	synctest.Test(t, func(t *testing.T) {
		s := setup(t, f)
		start := time.Now()
		op, err := s.CreateVolume(t.Context(), &pb.CreateVolumeRequest{Parent: project, VolumeId: "v1", Volume: &pb.Volume{Path: f.folder}})
		must(t, err)
		vol, err := poller.New[*pb.Volume](s.ops, op, nil).Wait(t.Context())
		must(t, err)
		wantEqual(t, "the volume", vol, &pb.Volume{Name: volume, Path: f.folder, CreateTime: timestamppb.New(start)})

		name := s.take(0)
		res, err := s.wait(name)
		must(t, err)
		if got, want := path.Dir(path.Dir(name)), project; got != want {
			t.Errorf("parent of the operation: got %q, want %q", got, want)
		}
		archive := filepath.Join(f.dir, path.Base(name)+".tar.gz")
		wantEqual(t, "the response", res, &pb.TakeSnapshotResponse{Snapshot: archive, Files: 2, Bytes: 1_000, Sha256: sumOf(t, archive)})
		meta := s.metadata(name)
		if meta.GetUpdateTime() == nil {
			t.Error("update_time of the metadata: got none")
		}
		meta.UpdateTime = nil
		wantEqual(t, "the metadata", meta, &pb.TakeSnapshotMetadata{
			Volume: volume, FilesTotal: 2, FilesDone: 2, BytesTotal: 1_000, BytesDone: 1_000, CreateTime: timestamppb.New(start),
			Attempt: 1,
		})

		op, err = s.DeleteVolume(t.Context(), &pb.DeleteVolumeRequest{Name: volume})
		must(t, err)
		_, err = poller.New[*emptypb.Empty](s.ops, op, nil).Wait(t.Context())
		must(t, err)
		_, err = s.TakeSnapshot(t.Context(), &pb.TakeSnapshotRequest{Volume: volume})
		wantCode(t, "TakeSnapshot of a deleted volume", err, codes.NotFound)
	})
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.write(t, "file", 1)
	create := func(parent, id, path string) func(context.Context, *server) error {
		return func(ctx context.Context, s *server) error {
			_, err := s.CreateVolume(ctx, &pb.CreateVolumeRequest{Parent: parent, VolumeId: id, Volume: &pb.Volume{Path: path}})
			return err
		}
	}
	take := func(volume string, bytesPerSecond int64) func(context.Context, *server) error {
		return func(ctx context.Context, s *server) error {
			_, err := s.TakeSnapshot(ctx, &pb.TakeSnapshotRequest{Volume: volume, BytesPerSecond: bytesPerSecond})
			return err
		}
	}
	remove := func(name string) func(context.Context, *server) error {
		return func(ctx context.Context, s *server) error {
			_, err := s.DeleteVolume(ctx, &pb.DeleteVolumeRequest{Name: name})
			return err
		}
	}
	synctest.Test(t, func(t *testing.T) {
		s := setup(t, f)
		s.create(f)
		for _, c := range []struct {
			name string
			call func(context.Context, *server) error
			want codes.Code
		}{
			{"create: no parent", create("", "v2", f.folder), codes.InvalidArgument},
			{"create: a parent that is no project", create("folders/f", "v2", f.folder), codes.InvalidArgument},
			{"create: a parent above the root", create("projects/..", "v2", f.folder), codes.InvalidArgument},
			{"create: no id", create(project, "", f.folder), codes.InvalidArgument},
			{"create: an id with a slash", create(project, "a/b", f.folder), codes.InvalidArgument},
			{"create: an id with a control character", create(project, "a\n", f.folder), codes.InvalidArgument},
			{"create: an id that is too long", create(project, strings.Repeat("v", 64), f.folder), codes.InvalidArgument},
			{"create: no path", create(project, "v2", ""), codes.InvalidArgument},
			{"create: a relative path", create(project, "v2", "."), codes.InvalidArgument},
			{"create: no such path", create(project, "v2", filepath.Join(f.folder, "missing")), codes.InvalidArgument},
			{"create: a path with a NUL", create(project, "v2", "/\x00"), codes.InvalidArgument},
			{"create: a file", create(project, "v2", filepath.Join(f.folder, "file")), codes.InvalidArgument},
			{"create: the folder of the archives", create(project, "v2", f.dir), codes.InvalidArgument},
			{"create: a volume that exists", create(project, "v1", f.folder), codes.AlreadyExists},
			{"take: no volume", take("", 0), codes.InvalidArgument},
			{"take: a malformed name", take("projects/p1/volumes", 0), codes.InvalidArgument},
			{"take: a name out of the list's folder", take("projects/p1/volumes/../v1", 0), codes.InvalidArgument},
			{"take: no such volume", take("projects/p1/volumes/v2", 0), codes.NotFound},
			{"take: the volume of another project", take("projects/p2/volumes/v1", 0), codes.NotFound},
			{"take: a negative rate", take(volume, -1), codes.InvalidArgument},
			{"delete: a malformed name", remove("v1"), codes.InvalidArgument},
			{"delete: no such volume", remove("projects/p1/volumes/v2"), codes.NotFound},
		} {
			wantCode(t, c.name, c.call(t.Context(), s), c.want)
		}
		must(t, os.RemoveAll(f.folder))
		wantCode(t, "take: the folder is gone", take(volume, 0)(t.Context(), s), codes.InvalidArgument)

		list, err := s.ops.ListOperations(t.Context(), &longrunningpb.ListOperationsRequest{Name: project})
		must(t, err)
		if got := len(list.GetOperations()); got != 1 {
			t.Errorf("bad input starts nothing: got %d operations, want the one that created the volume", got)
		}
	})
}

func TestValidateOnly(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	synctest.Test(t, func(t *testing.T) {
		s := setup(t, f)
		s.create(f)
		op, err := s.TakeSnapshot(t.Context(), &pb.TakeSnapshotRequest{Volume: volume, ValidateOnly: true})
		must(t, err)
		if !op.GetDone() || op.GetName() != "" || op.GetResponse() == nil {
			t.Errorf("AIP-163: got %v, want a done operation without a name", op)
		}
		_, err = s.TakeSnapshot(t.Context(), &pb.TakeSnapshotRequest{Volume: volume + "x", ValidateOnly: true})
		wantCode(t, "validate_only with no such volume", err, codes.NotFound)
		if left, err := os.ReadDir(f.dir); err != nil || len(left) != 0 {
			t.Errorf("validate_only has written %v (%v), want nothing", left, err)
		}
	})
}

// The same request with the same id is the same operation (AIP-155), also when
// what it asked for makes it look like a mistake by now.
func TestRequestID(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	synctest.Test(t, func(t *testing.T) {
		s := setup(t, f)
		for _, c := range []struct {
			name string
			call func(context.Context) (*longrunningpb.Operation, error)
		}{
			{"CreateVolume", func(ctx context.Context) (*longrunningpb.Operation, error) {
				return s.CreateVolume(ctx, &pb.CreateVolumeRequest{Parent: project, VolumeId: "v1", Volume: &pb.Volume{Path: f.folder}, RequestId: "r1"})
			}},
			{"TakeSnapshot", func(ctx context.Context) (*longrunningpb.Operation, error) {
				return s.TakeSnapshot(ctx, &pb.TakeSnapshotRequest{Volume: volume, RequestId: "r1"})
			}},
			{"DeleteVolume", func(ctx context.Context) (*longrunningpb.Operation, error) {
				return s.DeleteVolume(ctx, &pb.DeleteVolumeRequest{Name: volume, RequestId: "r1"})
			}},
		} {
			first, err := c.call(t.Context())
			must(t, err)
			synctest.Wait() // it is done
			second, err := c.call(t.Context())
			if err != nil || second.GetName() != first.GetName() || !second.GetDone() {
				t.Errorf("%s, sent again: got %v (error %v), want %s, done", c.name, second, err, first.GetName())
			}
		}
		_, err := s.CreateVolume(t.Context(), &pb.CreateVolumeRequest{Parent: project, VolumeId: "v2", Volume: &pb.Volume{Path: f.folder}, RequestId: "r1"})
		wantCode(t, "another request with that id", err, codes.InvalidArgument)
		_, err = s.DeleteVolume(t.Context(), &pb.DeleteVolumeRequest{Name: volume, RequestId: "r2"})
		wantCode(t, "deleting again with another id", err, codes.NotFound)
	})
}

func TestCancel(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.write(t, "file", 1_000)
	synctest.Test(t, func(t *testing.T) {
		s := setup(t, f)
		s.create(f)
		name := s.take(1)
		time.Sleep(10 * time.Second)
		if done := s.metadata(name).GetBytesDone(); done < 9 || done > 11 {
			t.Errorf("after 10 s at 1 byte a second: got %d bytes done, want about 10", done)
		}
		_, err := s.ops.CancelOperation(t.Context(), &longrunningpb.CancelOperationRequest{Name: name})
		must(t, err)
		_, err = s.wait(name)
		wantCode(t, "a cancelled snapshot", err, codes.Canceled)
		if left, err := os.ReadDir(f.dir); err != nil || len(left) != 0 {
			t.Errorf("a cancelled snapshot has left %v (%v), want nothing", left, err)
		}
	})
}

// A file that vanishes is the operation's error, and named in it; where the
// folder is on the server's machine is not.
func TestFileVanishes(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.write(t, "early", 1_000)
	f.write(t, "later", 1)
	synctest.Test(t, func(t *testing.T) {
		s := setup(t, f)
		s.create(f)
		name := s.take(100)
		time.Sleep(5 * time.Second)
		must(t, os.Remove(filepath.Join(f.folder, "later")))
		_, err := s.wait(name)
		wantCode(t, "a file vanished", err, codes.FailedPrecondition)
		if text := status.Convert(err).Message(); !strings.Contains(text, `"later"`) || strings.Contains(text, f.folder) {
			t.Errorf("error: got %q, want one that names the file %q and not the folder", text, "later")
		}
		if left, err := os.ReadDir(f.dir); err != nil || len(left) != 0 {
			t.Errorf("a failed snapshot has left %v (%v), want nothing", left, err)
		}
	})
}

// sumOf answers the hash of an archive's tar.
func sumOf(t *testing.T, path string) string {
	t.Helper()
	file, err := os.Open(path)
	must(t, err)
	defer file.Close()
	unzip, err := gzip.NewReader(file)
	must(t, err)
	hash := sha256.New()
	_, err = io.Copy(hash, unzip)
	must(t, err)
	return hex.EncodeToString(hash.Sum(nil))
}
