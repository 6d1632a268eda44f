package lro_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// TestStart: the operation is answered as soon as it is stored, and executes.
func TestStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), new(gauge).around(time.Minute), nil, nil)
		began := time.Now()
		op, err := p.print.Start(t.Context(), &testpb.PrintRequest{Text: "dune"}, &lro.StartOptions{
			Parent: "projects/p1", Metadata: &testpb.PrintMetadata{Stage: "queued"},
		})
		if err != nil || op.GetDone() || op.GetResult() != nil {
			t.Fatalf("Start answered %v, %v; want an operation that is not done", op, err)
		}
		meta := new(testpb.PrintMetadata)
		if err := op.GetMetadata().UnmarshalTo(meta); err != nil || meta.GetStage() != "queued" {
			t.Errorf("Start answered metadata %v, %v; want what StartOptions said", op.GetMetadata(), err)
		}
		if got, err := p.Get(t.Context(), op.GetName()); err != nil || !proto.Equal(got, op) {
			t.Errorf("Get answered %v, %v; want what Start did: %v", got, err, op)
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("Start took %v; want it not to wait for the work", took)
		}
		if res := responseOf[*testpb.PrintResponse](t, p.end(op.GetName())); res.GetText() != "dune" {
			t.Errorf("the response is %v; want what the handler answered", res)
		}
		if took := time.Since(began); took != time.Minute {
			t.Errorf("the end came after %v; want the handler's minute and no delay on top", took)
		}
	})
}

// TestStartMetadataReachesHandler: what Start was given is the handler's first
// metadata, and the request is a copy of its own.
func TestStartMetadataReachesHandler(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), func(_ context.Context, task *printTask, req *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			return &testpb.PrintResponse{Text: task.Metadata().GetStage() + " " + req.GetText()}, nil
		}, nil, nil)
		req := &testpb.PrintRequest{Text: "dune"}
		op, err := p.print.Start(t.Context(), req, &lro.StartOptions{Metadata: &testpb.PrintMetadata{Stage: "queued"}})
		if err != nil {
			t.Fatal(err)
		}
		req.Text = "changed by the caller"
		if res := responseOf[*testpb.PrintResponse](t, p.end(op.GetName())); res.GetText() != "queued dune" {
			t.Errorf("the handler saw %q; want the metadata and the request of Start", res.GetText())
		}
	})
}

// TestNoMetadata: a method without metadata says Empty, and no Any is shown.
func TestNoMetadata(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var bind *lro.Method[*testpb.CreateBookRequest, *testpb.Book, *emptypb.Empty]
		p := setup(t, memstore.New(), nil, nil, nil, func(m *lro.Manager) {
			bind = lro.Handle(m, func(ctx context.Context, task *lro.Task[*emptypb.Empty], _ *testpb.CreateBookRequest) (*testpb.Book, error) {
				task.Report(&emptypb.Empty{})
				return &testpb.Book{Name: "books/dune"}, task.Flush(ctx)
			}, nil)
		})
		for what, opts := range map[string]*lro.StartOptions{"none": nil, "Empty": {Metadata: &emptypb.Empty{}}} {
			op, err := bind.Start(t.Context(), &testpb.CreateBookRequest{}, opts)
			if err != nil {
				t.Fatal(err)
			}
			if op = p.end(op.GetName()); op.GetMetadata() != nil || op.GetError() != nil {
				t.Errorf("given metadata %s, the operation ended as %v; want a response and no metadata", what, op)
			}
		}
	})
}

// TestStartDone: an immediate result is stored like any other.
func TestStartDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), failing(errors.New("a handler ran")), nil, nil)
		op, err := p.print.StartDone(t.Context(), &testpb.PrintRequest{}, &testpb.PrintResponse{Pages: 3}, &lro.StartOptions{Parent: "projects/p1"})
		if err != nil || !op.GetDone() || !strings.HasPrefix(op.GetName(), "projects/p1/operations/") {
			t.Fatalf("StartDone answered %v, %v; want a done operation with a name", op, err)
		}
		if res := responseOf[*testpb.PrintResponse](t, op); res.GetPages() != 3 {
			t.Errorf("the response is %v; want the one given", res)
		}
		time.Sleep(time.Minute)
		if got, err := p.Get(t.Context(), op.GetName()); err != nil || !proto.Equal(got, op) {
			t.Errorf("Get answered %v, %v; want %v", got, err, op)
		}
	})
}

// TestValidateOnly: everything is checked and nothing is stored (AIP-163).
func TestValidateOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var ran gauge
		p := setup(t, memstore.New(), ran.around(0), &lro.Options{MaxPayload: 1000}, nil)
		opts := func(o lro.StartOptions) *lro.StartOptions { o.ValidateOnly = true; return &o }
		req := &testpb.PrintRequest{Text: "dune"}
		op, err := p.print.Start(t.Context(), req, opts(lro.StartOptions{}))
		if err != nil || !op.GetDone() || op.GetName() != "" {
			t.Errorf("Start answered %v, %v; want a done operation without a name", op, err)
		}
		responseOf[*testpb.PrintResponse](t, op)
		op, err = p.print.StartDone(t.Context(), req, &testpb.PrintResponse{Pages: 3}, opts(lro.StartOptions{}))
		if err != nil || !op.GetDone() || op.GetName() != "" || responseOf[*testpb.PrintResponse](t, op).GetPages() != 3 {
			t.Errorf("StartDone answered %v, %v; want a done operation with the response and without a name", op, err)
		}
		for what, o := range map[string]lro.StartOptions{
			"parent":     {Parent: "projects//p1"},
			"request id": {RequestID: "a\nb"},
			"metadata":   {Metadata: &testpb.Book{}},
		} {
			_, err = p.print.Start(t.Context(), req, opts(o))
			wantRefusal(t, what, err, codes.InvalidArgument, "INVALID_ARGUMENT", what)
		}
		_, err = p.print.Start(t.Context(), &testpb.PrintRequest{Text: strings.Repeat("x", 2000)}, opts(lro.StartOptions{}))
		wantRefusal(t, "payload", err, codes.InvalidArgument, "PAYLOAD_TOO_LARGE")
		time.Sleep(time.Minute)
		for op, err := range p.List(t.Context(), "", nil) {
			t.Errorf("%v, %v was stored", op, err)
		}
		if ran.all > 0 {
			t.Errorf("%d handlers ran; want none", ran.all)
		}
	})
}

// TestCreate: an operation without a method, which anybody ends.
func TestCreate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), nil, nil, nil)
		op, err := p.Create(t.Context(), &lro.CreateOptions{Parent: "projects/p1", Metadata: &testpb.BindMetadata{}, Timeout: time.Hour})
		if err != nil || op.GetDone() || !op.GetMetadata().MessageIs(&testpb.BindMetadata{}) {
			t.Fatalf("Create answered %v, %v; want an operation that is not done, with its metadata", op, err)
		}
		if err := p.Report(t.Context(), op.GetName(), &testpb.PrintMetadata{Stage: "elsewhere"}); err != nil {
			t.Errorf("Report: %v", err)
		}
		if err := p.Complete(t.Context(), op.GetName(), &testpb.Book{Name: "books/dune"}); err != nil {
			t.Errorf("Complete: %v", err)
		}
		if res := responseOf[*testpb.Book](t, p.end(op.GetName())); res.GetName() != "books/dune" {
			t.Errorf("the response is %v; want the one given", res)
		}
		late, err := p.Create(t.Context(), &lro.CreateOptions{Timeout: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		wantFailure(t, p.end(late.GetName()), codes.DeadlineExceeded, "OPERATION_TIMEOUT", "timeout")
	})
}

// TestStartElsewhere: a Manager that runs nothing, or only declares the method,
// starts operations that another one runs.
func TestStartElsewhere(t *testing.T) {
	t.Parallel()
	never := failing(errors.New("it ran here"))
	for name, open := range map[string]func(*testing.T, store.Store) *process{
		"negative Capacity": func(t *testing.T, st store.Store) *process {
			t.Helper()
			return setup(t, st, never, &lro.Options{Capacity: -1}, nil)
		},
		"Declare": func(t *testing.T, st store.Store) *process {
			t.Helper()
			var declared *printMethod
			p := setup(t, st, nil, nil, nil, func(m *lro.Manager) {
				declared = lro.Declare[*testpb.PrintRequest, *testpb.PrintResponse, *testpb.PrintMetadata](m, nil)
			})
			p.print = declared
			return p
		},
		"no Run": func(t *testing.T, st store.Store) *process {
			t.Helper()
			return setupIdle(t, st, never, nil, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				st := memstore.New()
				front := open(t, st)
				early := front.start("dune", nil)
				time.Sleep(time.Minute)
				if op, err := front.Get(t.Context(), early); err != nil || op.GetDone() {
					t.Errorf("without a Manager that runs it the operation is %v, %v; want it to wait", op, err)
				}
				back := setup(t, st, echo, nil, nil)
				for _, name := range []string{early, front.start("dune", nil)} {
					if res := responseOf[*testpb.PrintResponse](t, back.end(name)); res.GetText() != "dune" {
						t.Errorf("the response is %v; want it from the other Manager", res)
					}
				}
			})
		})
	}
}
