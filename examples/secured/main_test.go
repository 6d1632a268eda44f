package main

import (
	"log"
	"strings"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/poller"
)

func TestRun(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := run(t.Context(), log.New(&out, "", 0)); err != nil {
		t.Fatal(err)
	}
	const want = `rob gets it: OK
rob cancels it: PermissionDenied
rob gets it over HTTP: 200 OK
eve gets it: PermissionDenied
eve cancels it: PermissionDenied
eve gets it over HTTP: 403 Forbidden
ann has projects/acme/volumes/v1
`
	if out.String() != want {
		t.Errorf("output: got %q, want %q", out.String(), want)
	}
}

// TestWriter: who may write starts, sees, cancels and deletes the operations of
// the own tenant.
func TestWriter(t *testing.T) {
	t.Parallel()
	e := setup(t)
	conn := e.as("ann", "acme", scopeWrite)
	op := e.create(conn, "projects/acme")
	p := poller.New[*pb.Volume](longrunningpb.NewOperationsClient(conn), op, nil)
	must(t, p.Cancel(t.Context()))
	if _, err := p.Wait(t.Context()); status.Code(err) != codes.Canceled {
		t.Errorf("after Cancel: got %v, want CANCELLED", err)
	}
	for what, call := range calls(t.Context(), conn, e.create(conn, "projects/acme/folders/f1").GetName(), "projects/acme") {
		if err := call(); err != nil && status.Code(err) != codes.NotFound { // once it is deleted
			t.Errorf("%s: got %v, want none", what, err)
		}
	}
}

// TestReader: who may read gets, lists and waits, and changes nothing.
func TestReader(t *testing.T) {
	t.Parallel()
	e := setup(t)
	op := e.create(e.as("ann", "acme", scopeWrite), "projects/acme")
	for what, call := range calls(t.Context(), e.as("rob", "acme", scopeRead), op.GetName(), "projects/acme") {
		want := codes.PermissionDenied
		if what == "Get" || what == "List" || what == "Wait" {
			want = codes.OK
		}
		if err := call(); status.Code(err) != want {
			t.Errorf("%s with the scope %s: got %v, want %v", what, scopeRead, err, want)
		}
	}
	for what, call := range calls(t.Context(), e.as("sam", "acme", "openid "), op.GetName(), "projects/acme") {
		if err := call(); status.Code(err) != codes.PermissionDenied {
			t.Errorf("%s with no scope of the service: got %v, want PERMISSION_DENIED", what, err)
		}
	}
}

// TestTenants: a tenant cannot tell whether another has an operation, nor can it
// by a parent that begins alike, a wildcard, or another spelling.
func TestTenants(t *testing.T) {
	t.Parallel()
	e := setup(t)
	op := e.create(e.as("ann", "acme", scopeWrite), "projects/acme")
	var first []byte
	for _, who := range []*grpc.ClientConn{e.as("bob", "books", scopeWrite), e.as("eve", "acme-evil", scopeWrite), e.as("cut", "acm", scopeWrite)} {
		for _, to := range []struct{ name, parent string }{
			{op.GetName(), "projects/acme"},
			{"projects/acme/operations/none", "projects/none"},
			{"operations/none", "operations"},
			{"projects/-/operations/none", "projects/-"},
			{"projects/acme%2Foperations%2Fnone", "projects%2Facme"},
			{"", ""},
		} {
			for what, call := range calls(t.Context(), who, to.name, to.parent) {
				err := call()
				got, marshalErr := proto.MarshalOptions{Deterministic: true}.Marshal(status.Convert(err).Proto())
				must(t, marshalErr)
				if status.Code(err) != codes.PermissionDenied {
					t.Errorf("%s of %q: got %v, want PERMISSION_DENIED", what, to, err)
				}
				if what == "CreateVolume" {
					continue // the service's own refusal
				}
				if first == nil {
					first = got
				}
				if string(got) != string(first) {
					t.Errorf("%s of %q: got %q, want byte for byte what the others get: %q", what, to, got, first)
				}
			}
		}
	}
}
