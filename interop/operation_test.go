package interop_test

import (
	"os"
	"testing"
	"time"

	longrunning "cloud.google.com/go/longrunning"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
)

// The wrapper that Google's libraries hand to their users, as their generated
// code makes it.

func TestOperationSucceeds(t *testing.T) {
	t.Parallel()
	for name, over := range transports {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t, 1_000)
			c := over.client(t, s)
			op := longrunning.InternalNewOperation(c, s.take(t, 1_000)) // a second
			if op.Done() {
				t.Error("Done of one that has just been started: got true, want false")
			}
			var res pb.TakeSnapshotResponse
			if err := op.Poll(t.Context(), &res); err != nil || op.Done() || res.GetBytes() != 0 {
				t.Errorf("Poll of one that runs: got done %v, %v, error %v; want neither response nor error", op.Done(), &res, err)
			}
			if err := op.Wait(t.Context(), &res); err != nil || !op.Done() || res.GetBytes() != 1_000 || res.GetFiles() != 1 {
				t.Errorf("Wait: got done %v, %v, error %v; want done, 1 file of 1,000 bytes", op.Done(), &res, err)
			}
			var meta pb.TakeSnapshotMetadata
			if err := op.Metadata(&meta); err != nil || meta.GetVolume() != volume || meta.GetBytesDone() != 1_000 || meta.GetAttempt() != 1 {
				t.Errorf("Metadata: got %v, error %v; want volume %s, 1,000 bytes done on attempt 1", &meta, err, volume)
			}
			must(t, op.Delete(t.Context()))
			_, err := c.GetOperation(t.Context(), &longrunningpb.GetOperationRequest{Name: op.Name()})
			wantError(t, "GetOperation after Delete", err, codes.NotFound, "OPERATION_NOT_FOUND")
		})
	}
}

func TestOperationFails(t *testing.T) {
	t.Parallel()
	for name, over := range transports {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t, 1_000)
			op := longrunning.InternalNewOperation(over.client(t, s), s.take(t, 10))
			s.breakFile(t, op.Name())
			err := op.Wait(t.Context(), nil)
			wantError(t, "Wait of one that fails", err, codes.FailedPrecondition, "FILE_CHANGED")
			api := apiError(t, "Wait of one that fails", err)
			if want := `file "file" of volume "projects/p1/volumes/v1" changed while it was archived`; api.GRPCStatus().Message() != want {
				t.Errorf("Wait of one that fails: got message %q, want %q", api.GRPCStatus().Message(), want)
			}
			if api.Domain() != "snapshots.example.com" || !op.Done() {
				t.Errorf("Wait of one that fails: got domain %q, done %v; want that of the handler's ErrorInfo, and true", api.Domain(), op.Done())
			}
		})
	}
}

func TestOperationIsCancelled(t *testing.T) {
	t.Parallel()
	for name, over := range transports {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t, 1_000)
			op := longrunning.InternalNewOperation(over.client(t, s), s.take(t, 1))
			must(t, op.Cancel(t.Context()))
			wantError(t, "Wait of one that was cancelled", op.Wait(t.Context(), nil), codes.Canceled, "OPERATION_CANCELLED")
			if !op.Done() {
				t.Error("Done of one that was cancelled: got false, want true")
			}
		})
	}
}

// breakFile truncates the file while the operation reads it, so that it fails.
func (s *server) breakFile(t *testing.T, name string) {
	t.Helper()
	for {
		op, err := longrunningpb.NewOperationsClient(s.conn).WaitOperation(t.Context(), &longrunningpb.WaitOperationRequest{
			Name: name, Timeout: durationpb.New(20 * time.Millisecond),
		})
		must(t, err)
		if unpacked[*pb.TakeSnapshotMetadata](t, op.GetMetadata()).GetBytesDone() > 0 {
			break
		}
	}
	must(t, os.Truncate(s.file, 0))
}
