package lro_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// TestRequestID: a repeated Start answers the earlier operation (AIP-155).
func TestRequestID(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var ran gauge
		var books *lro.Method[*testpb.CreateBookRequest, *testpb.Book, *emptypb.Empty]
		p := setup(t, memstore.New(), ran.around(time.Minute), nil, nil, func(m *lro.Manager) {
			books = lro.Declare[*testpb.CreateBookRequest, *testpb.Book, *emptypb.Empty](m, nil)
		})
		start := func(req *testpb.PrintRequest, parent string) (string, error) {
			op, err := p.print.Start(t.Context(), req, &lro.StartOptions{Parent: parent, RequestID: "r1"})
			return op.GetName(), err
		}
		first, err := start(&testpb.PrintRequest{Text: "dune"}, "projects/p1")
		if err != nil {
			t.Fatal(err)
		}
		if again, err := start(&testpb.PrintRequest{Text: "dune"}, "projects/p1"); err != nil || again != first {
			t.Errorf("an equal request answered %q, %v; want the earlier %q", again, err, first)
		}
		_, err = start(&testpb.PrintRequest{Text: "emma"}, "projects/p1")
		wantRefusal(t, "another request", err, codes.InvalidArgument, "REQUEST_ID_REUSED", `"r1"`, first)
		_, err = p.print.StartDone(t.Context(), &testpb.PrintRequest{Text: "emma"}, &testpb.PrintResponse{}, &lro.StartOptions{Parent: "projects/p1", RequestID: "r1"})
		wantRefusal(t, "another request, StartDone", err, codes.InvalidArgument, "REQUEST_ID_REUSED")
		if other, err := start(&testpb.PrintRequest{Text: "emma"}, "projects/p2"); err != nil || other == first {
			t.Errorf("another parent answered %q, %v; want an operation of its own", other, err)
		}
		op, err := books.Start(t.Context(), &testpb.CreateBookRequest{}, &lro.StartOptions{Parent: "projects/p1", RequestID: "r1"})
		if err != nil || op.GetName() == first {
			t.Errorf("another method answered %v, %v; want an operation of its own", op, err)
		}
		op, err = p.Create(t.Context(), &lro.CreateOptions{Parent: "projects/p1", RequestID: "r1"})
		if err != nil || op.GetName() == first {
			t.Errorf("Create answered %v, %v; want an operation of its own", op, err)
		}
		again, err := p.Create(t.Context(), &lro.CreateOptions{Parent: "projects/p1", RequestID: "r1"})
		if err != nil || again.GetName() != op.GetName() {
			t.Errorf("Create again answered %v, %v; want the earlier %v", again, err, op)
		}
		p.end(first)
		if op, err := p.print.Start(t.Context(), &testpb.PrintRequest{Text: "dune"}, &lro.StartOptions{Parent: "projects/p1", RequestID: "r1"}); err != nil || !op.GetDone() {
			t.Errorf("an equal request after the end answered %v, %v; want the done operation", op, err)
		}
		if err := p.Delete(t.Context(), first); err != nil {
			t.Fatal(err)
		}
		if again, err := start(&testpb.PrintRequest{Text: "dune"}, "projects/p1"); err != nil || again != first {
			t.Errorf("after Delete an equal request answered %q, %v; want %q, since its record lives", again, err, first)
		}
		time.Sleep(2 * time.Minute)
		if again, err := start(&testpb.PrintRequest{Text: "emma"}, "projects/p1"); err != nil || again == first {
			t.Errorf("after the record expired the id answered %q, %v; want it free again", again, err)
		}
	})
}

// TestRequestIDAuthorize: the earlier operation is answered, or named, only to
// who may Get it.
func TestRequestIDAuthorize(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), echo, nil, nil)
		first := p.start("dune", &lro.StartOptions{Parent: "projects/p1", RequestID: "r1"})
		for what, text := range map[string]string{"equal": "dune", "other": "emma"} {
			var asked []lro.Access
			opts := &lro.StartOptions{Parent: "projects/p1", RequestID: "r1", Authorize: func(_ context.Context, a lro.Access) error {
				asked = append(asked, a)
				return fmt.Errorf("the owner of %s is somebody else", a.Name)
			}}
			op, err := p.print.Start(t.Context(), &testpb.PrintRequest{Text: text}, opts)
			wantRefusal(t, what+" request", err, codes.PermissionDenied, "PERMISSION_DENIED", "permission denied")
			if op != nil || strings.Contains(status.Convert(err).Message(), first) {
				t.Errorf("%s request: refused with %v, %v; want nothing of the earlier operation", what, op, err)
			}
			if want := (lro.Access{Verb: lro.VerbGet, Name: first, Parent: "projects/p1"}); len(asked) != 1 || asked[0] != want {
				t.Errorf("%s request: the Authorizer was asked %+v; want %+v once", what, asked, want)
			}
		}
		opts := &lro.StartOptions{Parent: "projects/p1", RequestID: "r2", Authorize: func(context.Context, lro.Access) error { return errors.New("no") }}
		if _, err := p.print.Start(t.Context(), &testpb.PrintRequest{}, opts); err != nil {
			t.Errorf("a new request id answered %v; want no question to the Authorizer", err)
		}
		opts.RequestID, opts.Authorize = "r1", lro.AllowAll
		if op, err := p.print.Start(t.Context(), &testpb.PrintRequest{Text: "dune"}, opts); err != nil || op.GetName() != first {
			t.Errorf("allowed, Start answered %v, %v; want the earlier operation", op, err)
		}
	})
}
