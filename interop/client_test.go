package interop_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	longrunning "cloud.google.com/go/longrunning/autogen"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
)

func TestGet(t *testing.T) {
	t.Parallel()
	for name, over := range transports {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t, 1_000)
			c := over.client(t, s)
			get := func(name string) (*longrunningpb.Operation, error) {
				return c.GetOperation(t.Context(), &longrunningpb.GetOperationRequest{Name: name})
			}

			started := s.take(t, 1)
			op, err := get(started.GetName())
			must(t, err)
			meta := unpacked[*pb.TakeSnapshotMetadata](t, op.GetMetadata())
			if op.GetName() != started.GetName() || op.GetDone() || op.GetResult() != nil || meta.GetVolume() != volume {
				t.Errorf("GetOperation of one that runs: got %v, want %s, not done, metadata with volume %s", op, started.GetName(), volume)
			}

			done := s.done(t, s.take(t, 0).GetName())
			op, err = get(done.GetName())
			must(t, err)
			if !op.GetDone() || op.GetError() != nil {
				t.Errorf("GetOperation of one that is done: got %v, want done without an error", op)
			}
			wantResponse(t, op.GetResponse(), 1_000)

			_, err = get(missing)
			wantError(t, "GetOperation of none", err, codes.NotFound, "OPERATION_NOT_FOUND")
			_, err = get("projects/-/operations/any")
			wantField(t, "GetOperation of a malformed name", err, "name", "INVALID_ARGUMENT")
		})
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	for name, over := range transports {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t, 1_000)
			c := over.client(t, s)
			wait := func(name string, timeout *durationpb.Duration) (*longrunningpb.Operation, error) {
				return c.WaitOperation(t.Context(), &longrunningpb.WaitOperationRequest{Name: name, Timeout: timeout})
			}

			op, err := wait(s.take(t, 1_000).GetName(), nil) // a second
			must(t, err)
			if !op.GetDone() {
				t.Errorf("WaitOperation without a timeout: got %v, want that it is done", op)
			}
			wantResponse(t, op.GetResponse(), 1_000)

			// Where the timeout is lost on the way, this takes ten seconds and is done.
			op, err = wait(s.take(t, 100).GetName(), durationpb.New(150*time.Millisecond))
			if err != nil || op.GetDone() || op.GetMetadata() == nil {
				t.Errorf("WaitOperation that runs out: got %v, %v, want the latest state, never an error", op, err)
			}

			_, err = wait(missing, durationpb.New(time.Second))
			wantError(t, "WaitOperation of none", err, codes.NotFound, "OPERATION_NOT_FOUND")
		})
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	for name, over := range transports {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t, 1_000)
			c := over.client(t, s)
			cancel := func(name string) error {
				return c.CancelOperation(t.Context(), &longrunningpb.CancelOperationRequest{Name: name})
			}

			started := s.take(t, 1)
			for range 2 { // the client may send it again, so it is idempotent
				must(t, cancel(started.GetName()))
			}
			op := s.done(t, started.GetName())
			if codes.Code(op.GetError().GetCode()) != codes.Canceled {
				t.Errorf("the cancelled operation: got %v, want its error to be CANCELLED", op)
			}
			must(t, cancel(started.GetName())) // and once it is done changes nothing

			wantError(t, "CancelOperation of none", cancel(missing), codes.NotFound, "OPERATION_NOT_FOUND")
		})
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	for name, over := range transports {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t, 1_000)
			c := over.client(t, s)
			remove := func(name string) error {
				return c.DeleteOperation(t.Context(), &longrunningpb.DeleteOperationRequest{Name: name})
			}

			started := s.done(t, s.take(t, 0).GetName())
			must(t, remove(started.GetName()))
			_, err := c.GetOperation(t.Context(), &longrunningpb.GetOperationRequest{Name: started.GetName()})
			wantError(t, "GetOperation of one that was deleted", err, codes.NotFound, "OPERATION_NOT_FOUND")
			wantError(t, "DeleteOperation of one that was deleted", remove(started.GetName()), codes.NotFound, "OPERATION_NOT_FOUND")
		})
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	for name, over := range transports {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t, 1_000)
			c := over.client(t, s)
			var want []string
			for range 7 {
				want = append(want, s.take(t, 1).GetName())
			}
			slices.Reverse(want) // newest first; the one that made the volume comes last

			const pageSize = 3
			got, pages := list(t, c, &longrunningpb.ListOperationsRequest{Name: over.list, PageSize: pageSize})
			if len(got) != len(want)+1 || !slices.Equal(got[:len(want)], want) {
				t.Errorf("ListOperations: got %q, want %q and that of the volume", got, want)
			}
			if len(pages) < 3 || slices.Max(pages) > pageSize {
				t.Errorf("ListOperations: got pages of %v, want at least 3 of at most %d", pages, pageSize)
			}

			_, err := c.ListOperations(t.Context(), &longrunningpb.ListOperationsRequest{Name: over.list, PageToken: "forged"}).Next()
			wantField(t, "ListOperations with a token that is none", err, "page_token", "INVALID_PAGE_TOKEN")
		})
	}
}

func TestListFilter(t *testing.T) {
	t.Parallel()
	for name, over := range transports {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t, 1_000)
			c := over.client(t, s)
			done := s.done(t, s.take(t, 0).GetName())
			s.take(t, 1)

			req := &longrunningpb.ListOperationsRequest{Name: over.list, Filter: "done=true", PageSize: 1}
			got, _ := list(t, c, req)
			if len(got) != 2 || got[0] != done.GetName() {
				t.Errorf("ListOperations with done=true: got %q, want %s, and that of the volume, and not the one that runs", got, done.GetName())
			}
		})
	}
}

// list answers the names that the client's iterator yields, and how many each
// page had.
func list(t *testing.T, c *longrunning.OperationsClient, req *longrunningpb.ListOperationsRequest) (names []string, pages []int) {
	t.Helper()
	it := c.ListOperations(t.Context(), req)
	for {
		op, err := it.Next()
		if errors.Is(err, iterator.Done) {
			return names, pages
		}
		must(t, err)
		if slices.Contains(names, op.GetName()) {
			t.Fatalf("ListOperations: got %s twice, want each operation once", op.GetName())
		}
		names = append(names, op.GetName())
		if page := it.Response.(*longrunningpb.ListOperationsResponse).GetOperations(); page[0].GetName() == op.GetName() {
			pages = append(pages, len(page))
		}
	}
}
