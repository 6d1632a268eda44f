package lro_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// fill stores n done operations of a parent and answers their names, newest
// first, as lists do.
func (p *process) fill(parent string, n int) []string {
	p.t.Helper()
	names := make([]string, n)
	for i := range n {
		op, err := p.print.StartDone(p.t.Context(), &testpb.PrintRequest{}, &testpb.PrintResponse{}, &lro.StartOptions{Parent: parent})
		if err != nil {
			p.t.Fatal(err)
		}
		names[n-1-i] = op.GetName()
	}
	return names
}

func namesOf(ops []*longrunningpb.Operation) []string {
	names := make([]string, len(ops))
	for i, op := range ops {
		names[i] = op.GetName()
	}
	return names
}

// lister lists over a Server without gRPC.
type lister struct {
	*lro.Server
	t *testing.T
}

func (l lister) list(req *longrunningpb.ListOperationsRequest) ([]string, string) {
	l.t.Helper()
	resp, err := l.ListOperations(l.t.Context(), req)
	if err != nil {
		l.t.Fatalf("ListOperations(%v): %v", req, err)
	}
	return namesOf(resp.GetOperations()), resp.GetNextPageToken()
}

// TestListPages: page size 0 is 100, more than 1000 is 1000, a changed one is
// honoured, and only an empty token ends (AIP-158).
func TestListPages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), echo, nil, nil)
		want := p.fill("projects/p1", 2100)
		l := lister{lro.NewServer(p.Manager, lro.AllowAll, nil), t}
		var got []string
		token := ""
		for i, page := range []struct{ size, want int32 }{{0, 100}, {1, 1}, {5000, 1000}, {99, 99}, {1<<31 - 1, 900}} {
			names, next := l.list(&longrunningpb.ListOperationsRequest{Name: "projects/p1", PageSize: page.size, PageToken: token})
			if len(names) != int(page.want) {
				t.Errorf("page %d of size %d has %d operations; want %d", i, page.size, len(names), page.want)
			}
			if last := i == 4; last != (next == "") {
				t.Errorf("page %d has the next token %q; want one on all but the last page", i, next)
			}
			got, token = append(got, names...), next
		}
		if !slices.Equal(got, want) {
			t.Errorf("the pages hold %d operations, not each of the %d once, newest first", len(got), len(want))
		}
		if names, next := l.list(&longrunningpb.ListOperationsRequest{Name: "projects/p1", PageSize: 700}); len(names) != 700 || next == "" {
			t.Errorf("a page of 700 has %d operations and token %q", len(names), next)
		}
	})
}

// TestListFullLastPage: a last page that is just full has no token, and an empty
// parent lists nothing.
func TestListFullLastPage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), echo, nil, nil)
		p.fill("projects/p1", 10)
		l := lister{lro.NewServer(p.Manager, lro.AllowAll, nil), t}
		if names, next := l.list(&longrunningpb.ListOperationsRequest{Name: "projects/p1", PageSize: 10}); len(names) != 10 || next != "" {
			t.Errorf("a page of 10 of 10 has %d operations and token %q; want all, and the end", len(names), next)
		}
		if names, next := l.list(&longrunningpb.ListOperationsRequest{Name: "projects/none"}); len(names) != 0 || next != "" {
			t.Errorf("a parent without operations lists %v, token %q; want nothing", names, next)
		}
	})
}

// TestListParent: a parent lists its own operations: not those of a parent whose
// name starts alike, nor of one below it.
func TestListParent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), echo, nil, nil)
		parents := []string{"", "projects/acme", "projects/acme-evil", "projects/acme/locations/eu", "Projects/acme"}
		want := make(map[string][]string)
		for _, parent := range parents {
			want[parent] = p.fill(parent, 2)
		}
		l := lister{lro.NewServer(p.Manager, lro.AllowAll, nil), t}
		for _, parent := range parents {
			name := parent
			if parent == "" {
				name = "operations"
			}
			if got, _ := l.list(&longrunningpb.ListOperationsRequest{Name: name}); !slices.Equal(got, want[parent]) {
				t.Errorf("ListOperations of %q answered %v; want %v", name, got, want[parent])
			}
			var got []string
			for op, err := range p.List(t.Context(), parent, nil) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, op.GetName())
			}
			if !slices.Equal(got, want[parent]) {
				t.Errorf("Manager.List of %q yielded %v; want %v", parent, got, want[parent])
			}
		}
	})
}

// TestListRefuses: what a list does not do, it says.
func TestListRefuses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), echo, nil, nil)
		s := lro.NewServer(p.Manager, lro.AllowAll, nil)
		for _, c := range []struct {
			what   string
			req    *longrunningpb.ListOperationsRequest
			code   codes.Code
			reason string
			part   string
		}{
			{"empty name", &longrunningpb.ListOperationsRequest{}, codes.InvalidArgument, "INVALID_ARGUMENT", `"operations"`},
			{"dots", &longrunningpb.ListOperationsRequest{Name: "projects/.."}, codes.InvalidArgument, "INVALID_ARGUMENT", `".."`},
			{"a star", &longrunningpb.ListOperationsRequest{Name: "projects/*"}, codes.InvalidArgument, "INVALID_ARGUMENT", "write - for any"},
			{"slash at the end", &longrunningpb.ListOperationsRequest{Name: "projects/p1/"}, codes.InvalidArgument, "INVALID_ARGUMENT", "empty segment"},
			{"negative page size", &longrunningpb.ListOperationsRequest{Name: "operations", PageSize: -1}, codes.InvalidArgument, "INVALID_ARGUMENT", "-1"},
			{"filter", &longrunningpb.ListOperationsRequest{Name: "operations", Filter: "done = maybe"}, codes.InvalidArgument, "INVALID_FILTER", "true or false"},
			{"filter that is none", &longrunningpb.ListOperationsRequest{Name: "operations", Filter: "done AND ("}, codes.InvalidArgument, "INVALID_FILTER", "byte"},
			{"metadata that no method has", &longrunningpb.ListOperationsRequest{Name: "operations", Filter: "metadata.nope = 1"}, codes.InvalidArgument, "INVALID_FILTER", "metadata.nope"},
			{"a million parentheses", &longrunningpb.ListOperationsRequest{Name: "operations", Filter: strings.Repeat("(", 1_000_000)}, codes.InvalidArgument, "INVALID_FILTER", "4096"},
			{"partial success", &longrunningpb.ListOperationsRequest{Name: "operations", ReturnPartialSuccess: true}, codes.Unimplemented, "UNSUPPORTED", "return_partial_success"},
		} {
			_, err := s.ListOperations(t.Context(), c.req)
			wantRefusal(t, c.what, err, c.code, c.reason, c.part)
		}
	})
}

// TestList: the iterator yields all pages, can select, and can be left early
// and used again.
func TestList(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), untilCancelled, nil, nil)
		done := p.fill("projects/p1", 1201)
		running := p.start("x", &lro.StartOptions{Parent: "projects/p1"})
		for _, c := range []struct {
			what string
			opts *lro.ListOptions
			want []string
		}{
			{"all", nil, append([]string{running}, done...)},
			{"all, options without a choice", &lro.ListOptions{}, append([]string{running}, done...)},
			{"done", &lro.ListOptions{Done: new(true)}, done},
			{"not done", &lro.ListOptions{Done: new(false)}, []string{running}},
		} {
			seq := p.List(t.Context(), "projects/p1", c.opts)
			for _, err := range seq {
				if err != nil {
					t.Fatal(err)
				}
				break // and again from the start
			}
			for range 2 {
				var got []string
				for op, err := range seq {
					if err != nil {
						t.Fatalf("%s: %v", c.what, err)
					}
					got = append(got, op.GetName())
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("%s: the list yields %d operations; want these %d, newest first", c.what, len(got), len(c.want))
				}
			}
		}
	})
}

// listFails is a store that lists nothing.
type listFails struct{ *memstore.Store }

func (listFails) List(context.Context, *store.Query) ([]*store.Record, error) { return nil, errStore }

// TestListEndsAfterError: one error is yielded, last.
func TestListEndsAfterError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		corrupt := memstore.New()
		for _, id := range []string{"1", "2"} {
			rec := &store.Record{Name: "operations/" + id, ID: id, State: store.External, Metadata: []byte("\xff not an Any")}
			if _, err := corrupt.Create(t.Context(), rec); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []struct {
			what   string
			st     store.Store
			parent string
			code   codes.Code
			reason string
		}{
			{"a malformed parent", memstore.New(), "projects//p1", codes.InvalidArgument, "INVALID_ARGUMENT"},
			{"a store that fails", listFails{memstore.New()}, "", codes.Unavailable, "STORE_UNAVAILABLE"},
			{"a record that cannot be read", corrupt, "", codes.DataLoss, "INTERNAL"},
		} {
			p := setupIdle(t, c.st, nil, nil, nil)
			var errs []error
			for op, err := range p.List(t.Context(), c.parent, nil) {
				if op != nil {
					t.Errorf("%s: List yielded %v", c.what, op)
				}
				errs = append(errs, err)
			}
			if len(errs) != 1 {
				t.Errorf("%s: List yielded %d errors; want one, and then the end", c.what, len(errs))
			}
			wantRefusal(t, c.what, errors.Join(errs[:1]...), c.code, c.reason)
		}
	})
}
