package lro_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"unicode/utf8"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// wantNeutral checks that an operation failed with nothing but an id, under
// which the log has text, and that secret reached the log only. It answers
// what the log has.
func wantNeutral(t *testing.T, log *logbook, op *longrunningpb.Operation, secret string) {
	t.Helper()
	wantFailure(t, op, codes.Internal, "INTERNAL", "internal error")
	if b, err := proto.Marshal(op); err != nil || strings.Contains(string(b), secret) {
		t.Errorf("operation %v (%v); want nothing of %q in it", op, err, secret)
	}
	info := new(errdetails.ErrorInfo)
	for _, detail := range op.GetError().GetDetails() {
		_ = detail.UnmarshalTo(info)
	}
	id := info.GetMetadata()["error_id"]
	if id == "" || !strings.Contains(op.GetError().GetMessage(), id) {
		t.Errorf("Operation.error is %v; want an error_id, in the message too", op.GetError())
	}
	synctest.Wait() // the log is written once the error is stored
	if text := log.errorUnder(id); !strings.Contains(text, secret) {
		t.Errorf("the log has %q under id %s; want %q in it", text, id, secret)
	}
}

// A logbook keeps what a Manager logs.
type logbook struct {
	mu      sync.Mutex
	entries []map[string]any
}

func (l *logbook) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(io.Writer(l), nil)) }

// Write takes one record of the JSON handler.
func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var entry map[string]any
	if err := json.Unmarshal(p, &entry); err != nil {
		return 0, err
	}
	l.entries = append(l.entries, entry)
	return len(p), nil
}

func (l *logbook) errorUnder(id string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, entry := range l.entries {
		if entry["error_id"] == id {
			return fmt.Sprint(entry["error"])
		}
	}
	return ""
}

// failing is a handler that answers err.
func failing(err error) printFunc {
	return func(context.Context, *printTask, *testpb.PrintRequest) (*testpb.PrintResponse, error) {
		return nil, err
	}
}

// bookExists is a status with details, as a service makes one.
func bookExists(t *testing.T) *status.Status {
	t.Helper()
	st, err := status.New(codes.AlreadyExists, "book dune is there already").WithDetails(
		&errdetails.ErrorInfo{Reason: "BOOK_EXISTS", Domain: "books.example"},
		&errdetails.ResourceInfo{ResourceName: "books/dune"})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// TestHandlerStatus: an error that carries a gRPC status is stored verbatim,
// and nothing of what is wrapped around it.
func TestHandlerStatus(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		wrap func(error) error
	}{
		{"bare", func(err error) error { return err }},
		{"wrapped", func(err error) error { return fmt.Errorf("open the shelf: %w", err) }},
		{"joined", func(err error) error { return errors.Join(errors.New("the shelf is shut"), err) }},
		{"wrapped by Retry on the last attempt", func(err error) error { return lro.Retry(fmt.Errorf("again: %w", err), 0) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				want := bookExists(t)
				p := setup(t, memstore.New(), failing(c.wrap(want.Err())), nil, &lro.MethodOptions{MaxAttempts: 1})
				if op := p.end(p.start("dune", nil)); !proto.Equal(op.GetError(), want.Proto()) {
					t.Errorf("Operation.error is %v; want it verbatim: %v", op.GetError(), want.Proto())
				}
			})
		})
	}
}

// TestHandlerPlainError: any other error stays in the log.
func TestHandlerPlainError(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"plain":                             errors.New("secret plan"),
		"Canceled that nobody asked for":    fmt.Errorf("secret plan: %w", context.Canceled),
		"DeadlineExceeded of its own":       fmt.Errorf("secret plan: %w", context.DeadlineExceeded),
		"with invalid UTF-8":                errors.New("secret plan \xff\x00"),
		"Retry of nothing, on last attempt": errors.Join(lro.Retry(nil, 0), errors.New("secret plan")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				log := new(logbook)
				p := setup(t, memstore.New(), failing(err), &lro.Options{Logger: log.logger()}, &lro.MethodOptions{MaxAttempts: 1})
				wantNeutral(t, log, p.end(p.start("x", nil)), "secret plan")
			})
		})
	}
}

// TestHandlerStatusNotStorable: a status that could not be marshalled or read
// is made storable, and keeps its code.
func TestHandlerStatusNotStorable(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 5000)
	for _, c := range []struct {
		name string
		st   *spb.Status
		want func(message string) bool
	}{
		{
			"invalid UTF-8 in the message", &spb.Status{Code: 5, Message: "book \xff gone"},
			func(s string) bool { return s == "book \uFFFD gone" },
		},
		{
			"a very long message", &spb.Status{Code: 5, Message: "x" + long},
			func(s string) bool {
				cut, ok := strings.CutSuffix(s, "…")
				return ok && utf8.ValidString(s) && len(s) > 1000 && len(s) < 3000 && strings.HasPrefix("x"+long, cut)
			},
		},
		{
			"details over the cap", &spb.Status{Code: 5, Message: "book gone", Details: []*anypb.Any{{TypeUrl: "x/y", Value: make([]byte, 2<<20)}}},
			func(s string) bool { return s == "book gone" },
		},
		{
			"details that cannot be marshalled", &spb.Status{Code: 5, Message: "book gone", Details: []*anypb.Any{{TypeUrl: "x/\xff"}}},
			func(s string) bool { return s == "book gone" },
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := setup(t, memstore.New(), failing(status.FromProto(c.st).Err()), nil, nil)
				op := p.end(p.start("x", nil))
				if got := op.GetError(); got.GetCode() != 5 || !c.want(got.GetMessage()) || len(got.GetDetails()) > 0 {
					t.Errorf("Operation.error has code %d, message %.100q and %d details; want code 5, a message as near to the handler's as can be stored, no details",
						got.GetCode(), got.GetMessage(), len(got.GetDetails()))
				}
			})
		})
	}
}

// TestHandlerErrorAfterCancel: a context error then is CANCELLED; any other
// error is the handler's own.
func TestHandlerErrorAfterCancel(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		err  func(context.Context) error
		want codes.Code
	}{
		{"ctx.Err", func(ctx context.Context) error { return ctx.Err() }, codes.Canceled},
		{"the cause", context.Cause, codes.Canceled},
		{"a context error, wrapped", func(ctx context.Context) error { return fmt.Errorf("print: %w", ctx.Err()) }, codes.Canceled},
		{"what a gRPC call answers", func(ctx context.Context) error { return status.FromContextError(ctx.Err()).Err() }, codes.Canceled},
		{"a deadline of its own", func(context.Context) error { return context.DeadlineExceeded }, codes.Canceled},
		{"Retry", func(context.Context) error { return lro.Retry(errors.New("paper jam"), 0) }, codes.Canceled},
		{"another status", func(context.Context) error { return status.Error(codes.DataLoss, "half a page") }, codes.DataLoss},
		{"a plain error", func(context.Context) error { return errors.New("paper jam") }, codes.Internal},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := setup(t, memstore.New(), func(ctx context.Context, _ *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
					<-ctx.Done()
					return nil, c.err(ctx)
				}, nil, nil)
				name := p.start("x", nil)
				if err := p.Cancel(t.Context(), name); err != nil {
					t.Fatal(err)
				}
				if op := p.end(name); codes.Code(op.GetError().GetCode()) != c.want {
					t.Errorf("Operation.error is %v; want %v", op.GetError(), c.want)
				}
			})
		})
	}
}
