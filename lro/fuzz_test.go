package lro_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// served is a server with three operations of projects/p1 and two of projects/p2,
// whose Authorizer lets callers into projects/p1 only.
func served(f *testing.F) (s *lro.Server, m *lro.Manager, own, others []string) {
	f.Helper()
	m, err := lro.New(memstore.New(), nil)
	if err != nil {
		f.Fatal(err)
	}
	create := func(parent string, n int) (names []string) {
		for range n {
			op, err := m.Create(f.Context(), &lro.CreateOptions{Parent: parent})
			if err != nil {
				f.Fatal(err)
			}
			names = append(names, op.GetName())
		}
		return names
	}
	own, others = create("projects/p1", 3), create("projects/p2", 2)
	return lro.NewServer(m, func(_ context.Context, access lro.Access) error {
		if access.Parent != "projects/p1" && !strings.HasPrefix(access.Parent, "projects/p1/") {
			return status.Error(codes.PermissionDenied, "not yours")
		}
		return nil
	}, nil), m, own, others
}

// wantOrdinary checks that an error has text that a client can be sent, and blames
// the client.
func wantOrdinary(t *testing.T, call string, err error) {
	t.Helper()
	st := status.Convert(err)
	switch st.Code() {
	case codes.OK, codes.NotFound, codes.InvalidArgument, codes.PermissionDenied, codes.FailedPrecondition:
	default:
		t.Errorf("%s answers %v; want an error that is the client's", call, err)
	}
	if !utf8.ValidString(st.Message()) || len(st.Message()) > 8<<10 {
		t.Errorf("%s answers a message of %d bytes, valid UTF-8 %v; want valid and short", call, len(st.Message()), utf8.ValidString(st.Message()))
	}
	if _, err := proto.Marshal(st.Proto()); err != nil {
		t.Errorf("%s answers what cannot be sent: %v", call, err)
	}
}

// FuzzName: no text in place of a name reaches an operation but its own name, and
// none of another tenant's.
func FuzzName(f *testing.F) {
	s, m, own, others := served(f)
	for _, name := range []string{own[0], others[0], "", "operations/x", "projects/p1/operations/", "projects/p1/../p2/operations/x", "projects/-/operations/x", "projects/p1%2Foperations", "\xff", "projects/p1/operations/\x00"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		op, err := s.GetOperation(t.Context(), &longrunningpb.GetOperationRequest{Name: name})
		wantOrdinary(t, "GetOperation", err)
		if err == nil && op.GetName() != name {
			t.Errorf("GetOperation(%q) answers %s", name, op.GetName())
		}
		if err == nil {
			if !slices.Contains(own, name) {
				t.Errorf("GetOperation(%q) answers what is not the caller's", name)
			}
			return // the operations stay for the next name
		}
		_, err = s.CancelOperation(t.Context(), &longrunningpb.CancelOperationRequest{Name: name})
		wantOrdinary(t, "CancelOperation", err)
		_, err = s.DeleteOperation(t.Context(), &longrunningpb.DeleteOperationRequest{Name: name})
		wantOrdinary(t, "DeleteOperation", err)
		_, err = s.WaitOperation(t.Context(), &longrunningpb.WaitOperationRequest{Name: name})
		wantOrdinary(t, "WaitOperation", err)
		listed, err := s.ListOperations(t.Context(), &longrunningpb.ListOperationsRequest{Name: name})
		wantOrdinary(t, "ListOperations", err)
		for _, op := range listed.GetOperations() {
			if !slices.Contains(own, op.GetName()) {
				t.Errorf("ListOperations(%q) lists %s, which is not the caller's", name, op.GetName())
			}
		}
		for _, other := range others {
			if op, err := m.Get(t.Context(), other); err != nil || op.GetDone() {
				t.Errorf("after calls of %q another tenant's operation is %v, %v; want it untouched", name, op, err)
			}
		}
	})
}

// FuzzPageToken: no text is a token but those that the list gave out, for nothing
// but the list that gave them.
func FuzzPageToken(f *testing.F) {
	s, _, own, _ := served(f)
	list := func(ctx context.Context, filter, token string) (*longrunningpb.ListOperationsResponse, error) {
		return s.ListOperations(ctx, &longrunningpb.ListOperationsRequest{Name: "projects/p1", Filter: filter, PageSize: 1, PageToken: token})
	}
	first, err := list(f.Context(), "", "")
	if err != nil {
		f.Fatal(err)
	}
	given := first.GetNextPageToken()
	for _, token := range []string{given, given + "\n", given + "=", given[1:], given[:len(given)-1], own[2], "1", "Mg", "\xff"} {
		f.Add("", token)
		f.Add("NOT done", token)
	}
	f.Fuzz(func(t *testing.T, filter, token string) {
		got, err := list(t.Context(), filter, token)
		wantOrdinary(t, "ListOperations", err)
		switch {
		case err != nil || token == "":
		case token != given || filter != "":
			t.Errorf("the list with the filter %q goes on by the token %q, which it did not give", filter, token)
		case len(got.GetOperations()) != 1 || got.GetOperations()[0].GetName() != own[1]:
			t.Errorf("the second page has %v; want %s", got.GetOperations(), own[1])
		}
	})
}
