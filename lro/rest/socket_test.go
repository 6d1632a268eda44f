package rest_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/lro/rest"
)

// The life of an operation over a real socket, in HTTP/1.1 and HTTP/2.
func TestSocket(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("http2 %t", http2), func(t *testing.T) {
			t.Parallel()
			s := setup(t, lro.AllowAll, nil)
			srv := httptest.NewUnstartedServer(s)
			srv.EnableHTTP2 = http2
			srv.StartTLS()
			defer srv.Close()
			client := srv.Client()
			defer client.CloseIdleConnections()

			name := s.start("projects/a b") // it executes, so Run runs
			path := srv.URL + "/v1/" + url.PathEscape(name)
			if got := fetch(t, client, "GET", path, http.NoBody); got.GetName() != name || got.GetDone() {
				t.Errorf("Get: got %v, want %s, not done", got, name)
			}
			if got := names(t, client, srv.URL+"/v1/projects/a%20b/operations"); len(got) != 1 || got[0] != name {
				t.Errorf("List: got %q, want %q", got, name)
			}
			ended := make(chan *longrunningpb.Operation, 1)
			go func() { ended <- fetch(t, client, "POST", path+":wait", strings.NewReader(`{"timeout":"60s"}`)) }()
			do(t, client, "POST", path+":cancel", http.StatusOK)
			if got := <-ended; !got.GetDone() || got.GetError().GetCode() != 1 {
				t.Errorf("Wait: got %v, want it done and cancelled, code 1", got)
			}
			if got := fetch(t, client, "GET", srv.URL+"/?name="+url.QueryEscape(name), http.NoBody); !got.GetDone() {
				t.Errorf("Wait by query: got %v, want it done", got)
			}
			do(t, client, "HEAD", path, http.StatusOK)
			do(t, client, "DELETE", path, http.StatusOK)
			do(t, client, "GET", path, http.StatusNotFound)
		})
	}
}

func do(t *testing.T, client *http.Client, method, target string, want int) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, target, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != want {
		t.Errorf("%s %s: got %d %s (%v), want %d", method, target, resp.StatusCode, b, err, want)
	}
	return b
}

func names(t *testing.T, client *http.Client, target string) []string {
	t.Helper()
	list := new(longrunningpb.ListOperationsResponse)
	if err := protojson.Unmarshal(do(t, client, "GET", target, http.StatusOK), list); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, op := range list.GetOperations() {
		names = append(names, op.GetName())
	}
	return names
}

// Pages go on with the token, which is safe in a URL.
func TestPages(t *testing.T) {
	t.Parallel()
	bubble(t, lro.AllowAll, nil, func(t *testing.T, s *service) {
		want := make(map[string]bool)
		for range 5 {
			want[s.done("projects/p1", "x")] = true
		}
		for token, pages := "", 0; ; pages++ {
			a := call(t, s, "GET", "/v1/projects/p1/operations?pageSize=2&pageToken="+token, "")
			list := new(longrunningpb.ListOperationsResponse)
			if err := protojson.Unmarshal(a.Body.Bytes(), list); err != nil || a.Code != http.StatusOK {
				t.Fatalf("page %d: got %d %s (%v), want a list", pages, a.Code, a.Body, err)
			}
			for _, op := range list.GetOperations() {
				delete(want, op.GetName())
			}
			if token = list.GetNextPageToken(); token == "" {
				break
			}
			if token != url.QueryEscape(token) {
				t.Errorf("page token %q: want one that is safe in a URL (AIP-158)", token)
			}
		}
		if len(want) > 0 {
			t.Errorf("the pages lack %v", want)
		}
	})
}

// What no client of Go sends reaches the server as it is: nothing is redirected.
func TestRawPath(t *testing.T) {
	t.Parallel()
	rec := new(recorder)
	srv := httptest.NewServer(rest.NewHandler(rec, nil))
	defer srv.Close()
	for path, want := range map[string]string{
		"/v1/a/../b/./operations//x":  "a/../b/./operations//x",
		"/v1/a%2f%2E%2e/operations/x": "a/../operations/x",
		"/v1/operations/%":            "", // refused by net/http
	} {
		var d net.Dialer
		conn, err := d.DialContext(t.Context(), "tcp", strings.TrimPrefix(srv.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		_, _ = resp.Body.Close(), conn.Close()
		if want == "" {
			if resp.StatusCode != http.StatusBadRequest {
				t.Errorf("%s: got %d %s, want 400", path, resp.StatusCode, b)
			}
			continue
		}
		req, _ := rec.got.(*longrunningpb.GetOperationRequest)
		if resp.StatusCode != http.StatusOK || req.GetName() != want || !json.Valid(b) {
			t.Errorf("%s: got %d %s, and the server saw %q, want 200 and %q", path, resp.StatusCode, b, req.GetName(), want)
		}
	}
}
