package lro_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"unicode"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// A byNameCall is one of the calls that take an operation's name.
type byNameCall struct {
	what string
	do   func(ctx context.Context, name string) error
}

// byNameCalls are all of them, those of a Server included.
func byNameCalls(p *process) []byNameCall {
	s := lro.NewServer(p.Manager, lro.AllowAll, nil)
	return []byNameCall{
		{"Get", func(ctx context.Context, name string) error { _, err := p.Get(ctx, name); return err }},
		{"Wait", func(ctx context.Context, name string) error { _, err := p.Wait(ctx, name); return err }},
		{"Cancel", func(ctx context.Context, name string) error { return p.Cancel(ctx, name) }},
		{"Delete", func(ctx context.Context, name string) error { return p.Delete(ctx, name) }},
		{"Complete", func(ctx context.Context, name string) error {
			return p.Complete(ctx, name, &testpb.PrintResponse{})
		}},
		{"Method.Complete", func(ctx context.Context, name string) error {
			return p.print.Complete(ctx, name, &testpb.PrintResponse{})
		}},
		{"Fail", func(ctx context.Context, name string) error { return p.Fail(ctx, name, errors.New("failed")) }},
		{"Report", func(ctx context.Context, name string) error {
			return p.Report(ctx, name, &testpb.PrintMetadata{})
		}},
		{"GetOperation", func(ctx context.Context, name string) error {
			_, err := s.GetOperation(ctx, &longrunningpb.GetOperationRequest{Name: name})
			return err
		}},
		{"WaitOperation", func(ctx context.Context, name string) error {
			_, err := s.WaitOperation(ctx, &longrunningpb.WaitOperationRequest{Name: name})
			return err
		}},
		{"CancelOperation", func(ctx context.Context, name string) error {
			_, err := s.CancelOperation(ctx, &longrunningpb.CancelOperationRequest{Name: name})
			return err
		}},
		{"DeleteOperation", func(ctx context.Context, name string) error {
			_, err := s.DeleteOperation(ctx, &longrunningpb.DeleteOperationRequest{Name: name})
			return err
		}},
	}
}

// TestName: the server assigns {parent}/operations/{id}, the id a UUIDv7.
func TestName(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), echo, nil, nil)
		for _, parent := range []string{
			"", "projects/p1", "projects/p1/locations/eu-1", "a", "operations/o1", "projects/p1/operations/o1",
			"projects/a project", "projects/Ω%2F~_.b", strings.Repeat("p", 512),
		} {
			name := p.start("x", &lro.StartOptions{Parent: parent})
			id, ok := strings.CutPrefix(name, strings.TrimPrefix(parent+"/operations/", "/"))
			parsed, err := uuid.Parse(id)
			if !ok || err != nil || parsed.Version() != 7 {
				t.Errorf("the operation of parent %.40q is named %q; want {parent}/operations/{UUIDv7}", parent, name)
			}
			if op, err := p.Get(t.Context(), name); err != nil || op.GetName() != name {
				t.Errorf("Get(%q) answered %v, %v; want the operation under the name that it was given", name, op, err)
			}
			p.end(name)
		}
	})
}

// TestNameMalformed: each wrong name is INVALID_ARGUMENT, never NOT_FOUND, and
// the answer says what is wrong with it.
func TestNameMalformed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), echo, nil, nil)
		for name, part := range map[string]string{
			"operations":                              "{parent}/operations/{id}",
			"operations/":                             "{parent}/operations/{id}",
			"/operations/x":                           "{parent}/operations/{id}",
			"//operations/x":                          "empty segment",
			"x":                                       "{parent}/operations/{id}",
			"projects/p1/jobs/x":                      "{parent}/operations/{id}",
			"projects/p1/operations":                  "{parent}/operations/{id}",
			"projects/p1/operations/x/y":              "{parent}/operations/{id}",
			"myoperations/x":                          "{parent}/operations/{id}",
			"projects/p1/Operations/x":                "{parent}/operations/{id}",
			"projects//operations/x":                  "empty segment",
			"projects/p/operations/operations/x":      "give the resource alone",
			"projects/-/operations/x":                 `"-"`,
			"projects/../operations/x":                `".."`,
			"projects/*/operations/x":                 `"*"`,
			"projects/./operations/x":                 `"."`,
			"projects/p\n1/operations/x":              `p\n1`,
			"operations/" + strings.Repeat("x", 2000): "2011 bytes",
		} {
			for _, call := range byNameCalls(p) {
				wantRefusal(t, call.what+" of "+name[:min(len(name), 30)], call.do(t.Context(), name), codes.InvalidArgument, "INVALID_ARGUMENT", part)
			}
		}
	})
}

// TestNameInErrors: a hostile name comes back quoted and bounded, in an error
// that can be marshalled.
func TestNameInErrors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), echo, nil, nil)
		for _, name := range []string{
			"operations/" + strings.Repeat("\x01", 1000),
			"operations/" + strings.Repeat("\u202e", 300),
			"operations/\xff\xfe",
			"\xff",
		} {
			for _, call := range byNameCalls(p) {
				err := call.do(t.Context(), name)
				var carrier grpcStatus
				if !errors.As(err, &carrier) {
					t.Errorf("%s(%q) answered %v; want a status", call.what, name[:12], err)
					continue
				}
				b, marshalErr := proto.Marshal(carrier.GRPCStatus().Proto())
				if marshalErr != nil || len(b) > 8<<10 {
					t.Errorf("%s(%q): the status has %d bytes (%v); want one that fits the headers of gRPC", call.what, name[:12], len(b), marshalErr)
				}
				if strings.ContainsFunc(carrier.GRPCStatus().Message(), unicode.IsControl) {
					t.Errorf("%s: message %q; want hostile characters quoted", call.what, carrier.GRPCStatus().Message())
				}
			}
		}
	})
}
