// Package generatedtest runs what protoc-gen-go-lro has generated for
// internal/testpb, the golden files of its own tests.
package generatedtest

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/longrunning-go/longrunning/cmd/protoc-gen-go-lro/testdata/linked/testpb/testlro"
	"github.com/longrunning-go/longrunning/cmd/protoc-gen-go-lro/testdata/linked/testpb/testpoller"
	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store/memstore"
)

func newManager(t *testing.T) *lro.Manager {
	t.Helper()
	m, err := lro.New(memstore.New(), &lro.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A library is a client, in process, of the methods that return operations.
type library struct {
	testpb.LibraryClient

	printer       *lro.Method[*testpb.PrintRequest, *testpb.PrintResponse, *testpb.PrintMetadata]
	copier, mover *lro.Method[*testpb.SharedRequest, *testpb.SharedResponse, *emptypb.Empty]
}

func (l *library) Print(ctx context.Context, req *testpb.PrintRequest, _ ...grpc.CallOption) (*longrunningpb.Operation, error) {
	return l.printer.Start(ctx, req, nil)
}

func (l *library) Copy(ctx context.Context, req *testpb.SharedRequest, _ ...grpc.CallOption) (*longrunningpb.Operation, error) {
	return l.copier.Start(ctx, req, nil)
}

func (l *library) Move(ctx context.Context, req *testpb.SharedRequest, _ ...grpc.CallOption) (*longrunningpb.Operation, error) {
	return l.mover.Start(ctx, req, nil)
}

// TestGenerated: a method that is handled and called by generated code answers
// its response and metadata, and RPCs with one request type are told apart.
func TestGenerated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newManager(t)
		ran := map[string]bool{}
		shared := func(name string) func(context.Context, *lro.Task[*emptypb.Empty], *testpb.SharedRequest) (*testpb.SharedResponse, error) {
			return func(context.Context, *lro.Task[*emptypb.Empty], *testpb.SharedRequest) (*testpb.SharedResponse, error) {
				ran[name] = true
				return &testpb.SharedResponse{}, nil
			}
		}
		opts := &lro.MethodOptions{MaxAttempts: 1}
		l := &library{
			printer: testlro.HandlePrint(m, func(_ context.Context, task *lro.Task[*testpb.PrintMetadata], req *testpb.PrintRequest) (*testpb.PrintResponse, error) {
				task.Report(&testpb.PrintMetadata{PagesDone: 3})
				return &testpb.PrintResponse{Text: req.GetText()}, nil
			}, nil),
			copier: testlro.HandleCopy(m, shared("copy"), opts),
			mover:  testlro.HandleMove(m, shared("move"), opts),
		}
		if opts.Name != "" {
			t.Errorf("the options of the caller got the name %q, want them untouched", opts.Name)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- m.Run(ctx) }()

		p, err := testpoller.Print(ctx, l, m.LocalClient(), &testpb.PrintRequest{Text: "hello"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if res, err := testpoller.ResumePrint(m.LocalClient(), p.Name(), nil).Wait(ctx); err != nil || res.GetText() != "hello" {
			t.Errorf("ResumePrint: got %v and error %v, want the response", res, err)
		}
		if _, err := p.Wait(ctx); err != nil {
			t.Errorf("Print: got error %v, want the response", err)
		}
		if meta, err := testpoller.PrintMetadata(p.Operation()); err != nil || meta.GetPagesDone() != 3 {
			t.Errorf("PrintMetadata: got %v and error %v, want what the handler reported", meta, err)
		}
		move, err := testpoller.Move(ctx, l, m.LocalClient(), &testpb.SharedRequest{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := move.Wait(ctx); err != nil || ran["copy"] || !ran["move"] {
			t.Errorf("Move: got error %v, and the handlers %v have run, want that of Move", err, ran)
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// TestTypes: package lro agrees with the types that the plugin took from the
// naming convention, where there is no operation_info.
func TestTypes(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	testlro.DeclareCreateBook(m, nil)
	testlro.DeclareDeleteBook(m, nil)
	testlro.DeclareBind(m, nil)
	testlro.DeclareUpdateAll(m, nil)
}

// TestName: the method is known, so a name can only be a mistake.
func TestName(t *testing.T) {
	t.Parallel()
	testlro.DeclareCopy(newManager(t), &lro.MethodOptions{Name: testpb.Library_Copy_FullMethodName})
	defer func() {
		text, _ := recover().(string)
		for _, want := range []string{"testlro: ", testpb.Library_Copy_FullMethodName, testpb.Library_Move_FullMethodName, "leave Name empty"} {
			if !strings.Contains(text, want) {
				t.Errorf("DeclareMove with the name of Copy: panic %q, want %q in it", text, want)
			}
		}
	}()
	testlro.DeclareMove(newManager(t), &lro.MethodOptions{Name: testpb.Library_Copy_FullMethodName})
}
