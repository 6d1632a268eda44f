package rest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/proto"

	"github.com/longrunning-go/longrunning/lro/rest"
)

func typeName(msg proto.Message) string { return fmt.Sprintf("%T", msg) }

// check sends r and demands what holds of every request: no panic, no redirect,
// JSON, a code's name where it is an error, and never a fault of the server's.
func check(t *testing.T, r *http.Request) *recorder {
	t.Helper()
	s := new(recorder)
	a := serve(t, rest.NewHandler(s, nil), r)
	if a.Code >= 500 {
		t.Errorf("%s %s: got %d %s, want no 5xx for what a client sent", r.Method, r.URL, a.Code, a.Body)
	}
	if (a.Code == http.StatusOK && r.URL.EscapedPath() != "/openapi.json") != (s.got != nil) {
		t.Errorf("%s %s: got %d, and the server saw %v; want 200 exactly when it is called", r.Method, r.URL, a.Code, s.got)
	}
	return s
}

// FuzzPath: any method, path and query. The name that the server sees is the one
// that was escaped, whole, and it is found where it was written.
func FuzzPath(f *testing.F) {
	for _, path := range []string{
		"/", "", "/v1/operations", "/v1/operations/x", "/v1/p%2Fq/operations/x:cancel", "/v1/%2e%2e/operations", "/v1/a/../b/operations/%00",
		"//v1//", "/v1/operations/x%3Acancel:wait", "/openapi.json", "/v1/%ff", "*", "/v1/operations/operations",
	} {
		f.Add("GET", path, "name=operations%2Fx&timeout=1.500s")
		f.Add("POST", path, "$alt=json;enum-encoding=int")
		f.Add("DELETE", path, "%zz&=&;")
		f.Add("OPTIONS", path, "")
	}
	f.Fuzz(func(t *testing.T, method, path, query string) {
		if r, err := http.NewRequestWithContext(t.Context(), method, "http://x", http.NoBody); err == nil {
			r.URL.Path, r.URL.RawPath, r.URL.RawQuery = unescaped(path), path, query
			s := check(t, r)
			if got := nameOf(s.got); s.got != nil && r.URL.EscapedPath() != "/" && r.URL.EscapedPath() != "" && !strings.Contains(r.URL.Path, got) {
				t.Errorf("%s: the server saw the name %q, which is not in the path", r.URL.EscapedPath(), got)
			}
		}
		// The same text as a name, escaped as one segment.
		name := path + "/operations/" + query
		escaped := strings.ReplaceAll(url.PathEscape(name), ":", "%3A")
		for line, want := range map[string]proto.Message{
			"GET /v1/" + escaped:                      get(name),
			"DELETE /v1/" + escaped:                   remove(name),
			"POST /v1/" + escaped + ":cancel":         cancel(name),
			"POST /v1/" + escaped + ":wait":           wait(name),
			"GET /?name=" + url.QueryEscape(name):     wait(name),
			"GET /v1/" + escaped + "%2F../operations": list(name + "/.."),
		} {
			method, target := split(line)
			r, err := http.NewRequestWithContext(t.Context(), method, target, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			// Not by proto.Equal, which takes invalid UTF-8 for unequal to itself.
			if s := check(t, r); typeName(s.got) != typeName(want) || nameOf(s.got) != nameOf(want) {
				t.Errorf("%s %s: the server saw %T with the name %q, want %T with %q", method, target, s.got, nameOf(s.got), want, nameOf(want))
			}
		}
	})
}

// unescaped is how net/http reads a path; it refuses one that is not escaped.
func unescaped(path string) string {
	if u, err := url.PathUnescape(path); err == nil {
		return u
	}
	return path
}

func nameOf(msg proto.Message) string {
	named, ok := msg.(interface{ GetName() string })
	if !ok {
		return ""
	}
	return named.GetName()
}

// FuzzBody: any body, of any content type. What the server is called with is the
// name in the path and a timeout that a client could have sent over gRPC.
func FuzzBody(f *testing.F) {
	for _, body := range []string{
		"", "{}", `{"timeout":"1.500s"}`, `{"timeout":null,"name":"operations/x"}`, `{"name":"operations/y"}`, `[`, "null", `{"a":{"b":[1,2,{}]}}`,
		"\xff", `{"timeout":"1s","timeout":"2s"}`, strings.Repeat(" ", 20_000),
	} {
		f.Add("application/json", body)
		f.Add("text/plain", body)
	}
	f.Fuzz(func(t *testing.T, media, body string) {
		for _, target := range []string{"POST /v1/operations/x:wait", "POST /v1/operations/x:cancel", "DELETE /v1/operations/x"} {
			method, path := split(target)
			r, err := http.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", media)
			s := check(t, r)
			if s.got == nil {
				continue
			}
			if got := nameOf(s.got); got != "operations/x" {
				t.Errorf("%s %q: the server saw the name %q, want that of the path", target, body, got)
			}
			if w, ok := s.got.(*longrunningpb.WaitOperationRequest); ok && w.GetTimeout() != nil && !w.GetTimeout().IsValid() {
				t.Errorf("%s %q: the server saw the timeout %v, which is not valid", target, body, w.GetTimeout())
			}
		}
	})
}
