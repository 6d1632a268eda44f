package lro_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// callers binds page tokens to the name in the context.
func callers(ctx context.Context) string {
	caller, _ := ctx.Value(callerKey{}).(string)
	return caller
}

// TestListToken: a token is opaque, and goes on with one list of one caller, on
// any Manager of the store.
func TestListToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := memstore.New()
		p := setup(t, st, echo, nil, nil)
		want := p.fill("projects/p1", 4)
		p.fill("projects/p2", 4)
		sibling := setup(t, st, echo, nil, nil)
		stranger := setup(t, memstore.New(), echo, nil, nil)
		opts := &lro.ServerOptions{Caller: callers}
		s := lro.NewServer(p.Manager, lro.AllowAll, opts)
		ada := context.WithValue(t.Context(), callerKey{}, "ada")
		req := &longrunningpb.ListOperationsRequest{Name: "projects/p1", PageSize: 2}
		resp, err := s.ListOperations(ada, req)
		if err != nil {
			t.Fatal(err)
		}
		req.PageToken = resp.GetNextPageToken()
		lastID := want[1][strings.LastIndex(want[1], "/")+1:]
		if strings.Contains(req.GetPageToken(), lastID) || strings.ContainsAny(req.GetPageToken(), "+/=") {
			t.Errorf("the token is %q; want it opaque and URL-safe", req.GetPageToken())
		}
		for what, s := range map[string]*lro.Server{"the same": s, "another Manager's": lro.NewServer(sibling.Manager, lro.AllowAll, opts)} {
			resp, err := s.ListOperations(ada, req)
			if err != nil || !slices.Equal(namesOf(resp.GetOperations()), want[2:]) {
				t.Errorf("%s server answered %v, %v; want the rest of the list", what, resp, err)
			}
		}
		refused := func(what string, s *lro.Server, ctx context.Context, req *longrunningpb.ListOperationsRequest) {
			t.Helper()
			_, err := s.ListOperations(ctx, req)
			wantRefusal(t, what, err, codes.InvalidArgument, "INVALID_PAGE_TOKEN", "page token", "start again without one")
		}
		refused("another caller", s, context.WithValue(t.Context(), callerKey{}, "bob"), req)
		refused("no caller", s, t.Context(), req)
		refused("another store", lro.NewServer(stranger.Manager, lro.AllowAll, opts), ada, req)
		other := proto.CloneOf(req)
		other.Name = "projects/p2"
		refused("another parent", s, ada, other)
		other.Name = "operations"
		refused("the default parent", s, ada, other)
	})
}

// TestListTokenScope: parent and caller are kept apart, however they are cut.
func TestListTokenScope(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), echo, nil, nil)
		p.fill("ab", 3)
		p.fill("a", 3)
		s := lro.NewServer(p.Manager, lro.AllowAll, &lro.ServerOptions{Caller: callers})
		resp, err := s.ListOperations(context.WithValue(t.Context(), callerKey{}, "c"), &longrunningpb.ListOperationsRequest{Name: "ab", PageSize: 1})
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.ListOperations(context.WithValue(t.Context(), callerKey{}, "bc"),
			&longrunningpb.ListOperationsRequest{Name: "a", PageToken: resp.GetNextPageToken()})
		wantRefusal(t, `parent "a" of caller "bc" with the token for parent "ab" of caller "c"`, err, codes.InvalidArgument, "INVALID_PAGE_TOKEN")
	})
}

// tampered answers the token with each byte changed, cut, doubled and with a
// byte more.
func tampered(token string) []string {
	all := []string{"x", "!", "AAAA", token + "A", token + "=", token + "\n", "\r" + token, token + token, token[1:], token[:len(token)-1]}
	for i := range len(token) {
		for _, c := range []byte("AZaz09-_\n \x00\xff") {
			if token[i] != c {
				all = append(all, token[:i]+string([]byte{c})+token[i+1:])
			}
		}
		all = append(all, token[:i]+"\n"+token[i:])
	}
	// The last byte has bits that a careless decoder drops.
	for c := byte('A'); c <= 'z'; c++ {
		if last := len(token) - 1; token[last] != c {
			all = append(all, token[:last]+string([]byte{c}))
		}
	}
	return all
}

// TestListTokenTampered: a token that was touched anywhere is refused.
func TestListTokenTampered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), echo, nil, nil)
		p.fill("", 3)
		s := lro.NewServer(p.Manager, lro.AllowAll, nil)
		req := &longrunningpb.ListOperationsRequest{Name: "operations", PageSize: 1}
		resp, err := s.ListOperations(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		token := resp.GetNextPageToken()
		if token == "" {
			t.Fatal("the first of three pages has no token")
		}
		accepted := 0
		for _, req.PageToken = range tampered(token) {
			resp, err := s.ListOperations(t.Context(), req)
			if err == nil {
				if accepted++; accepted < 4 {
					t.Errorf("token %q was taken, and answered %v; want only %q to be", req.GetPageToken(), resp, token)
				}
				continue
			}
			wantRefusal(t, fmt.Sprintf("token %q", req.GetPageToken()), err, codes.InvalidArgument, "INVALID_PAGE_TOKEN")
		}
		if accepted > 0 {
			t.Errorf("%d tampered tokens were taken; want none", accepted)
		}
	})
}
