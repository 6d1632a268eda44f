package rest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/longrunning-go/longrunning/lro/rest"
)

// The requests that reach a server.
func get(name string) proto.Message { return &longrunningpb.GetOperationRequest{Name: name} }

func list(name string) proto.Message { return &longrunningpb.ListOperationsRequest{Name: name} }

func remove(name string) proto.Message { return &longrunningpb.DeleteOperationRequest{Name: name} }

func cancel(name string) proto.Message { return &longrunningpb.CancelOperationRequest{Name: name} }

func wait(name string) proto.Message { return &longrunningpb.WaitOperationRequest{Name: name} }

func waitFor(name string, d time.Duration) proto.Message {
	return &longrunningpb.WaitOperationRequest{Name: name, Timeout: durationpb.New(d)}
}

// What the server sees is what the client wrote, and each path has one meaning.
func TestRoutes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		method, target string
		want           proto.Message
	}{
		{"GET", "/v1/operations/x", get("operations/x")},
		{"HEAD", "/v1/operations/x", get("operations/x")},
		{"GET", "/v1/projects/p1/operations/x", get("projects/p1/operations/x")},
		{"DELETE", "/v1/projects/p1/operations/x", remove("projects/p1/operations/x")},
		{"POST", "/v1/projects/p1/operations/x:cancel", cancel("projects/p1/operations/x")},
		{"POST", "/v1/operations/x:wait", wait("operations/x")},
		{"GET", "/v1/operations", list("operations")},
		{"HEAD", "/v1/operations", list("operations")},
		{"GET", "/v1/projects/p1/operations", list("projects/p1")},
		{"GET", "/?name=operations%2Fx&timeout=1.500s", waitFor("operations/x", 1500*time.Millisecond)},
		{"GET", "/?name=operations/x", wait("operations/x")},
		{"GET", "/", wait("")},

		// Escapes: of the whole name, of a segment, of what needs none.
		{"GET", "/v1/operations%2Fx", get("operations/x")},
		{"GET", "/v1/projects%2Fp1%2foperations%2Fx", get("projects/p1/operations/x")},
		{"POST", "/v1/projects%2Fp1%2Foperations%2Fx:cancel", cancel("projects/p1/operations/x")},
		{"GET", "/v1/projects%2Fp1/operations", list("projects/p1")},
		{"GET", "/v1/%6Fperations", list("operations")},
		{"GET", "/v1/p/a%20b+c/operations/d%20e", get("p/a b+c/operations/d e")},
		{"GET", "/v1/operations/a%252Fb", get("operations/a%2Fb")},
		{"GET", "/v1/operations/%ff%00", get("operations/\xff\x00")},
		{"GET", "/v1/operations/x%3Acancel", get("operations/x:cancel")},
		{"POST", "/v1/operations/x%3Acancel:wait", wait("operations/x:cancel")},
		{"GET", "/v1/operations/x:other", get("operations/x:other")},
		{"POST", "/v1/operations/a:b:cancel", cancel("operations/a:b")},

		// What looks like both a list and an operation, or like neither.
		{"GET", "/v1/operations/operations", get("operations/operations")},
		{"GET", "/v1/p/operations/operations", get("p/operations/operations")},
		{"GET", "/v1/p%2Foperations/operations", list("p/operations")},
		{"GET", "/v1/p%2Foperations", get("p/operations")},
		{"GET", "/v1/operations/", get("operations/")},
		{"GET", "/v1//operations", list("")},
		{"GET", "/v1/", get("")},
		{"GET", "/v1/p//operations//x", get("p//operations//x")},
		{"GET", "/v1/projects/p1", get("projects/p1")},
		{"GET", "/v1/-/operations", list("-")},
		{"GET", "/v1/p/../q/./operations/x", get("p/../q/./operations/x")},
		{"GET", "/v1/p/%2e%2e/operations/x", get("p/../operations/x")},
		{"DELETE", "/v1/p/..%2Fq/operations/x", remove("p/../q/operations/x")},
		{"GET", "/v1/../operations", list("..")},
		{"POST", "/v1/:cancel", cancel("")},
	} {
		t.Run(tt.method+" "+tt.target, func(t *testing.T) {
			t.Parallel()
			s := new(recorder)
			a := call(t, rest.NewHandler(s, nil), tt.method, tt.target, "")
			if a.Code != http.StatusOK || !proto.Equal(s.got, tt.want) {
				t.Errorf("got %d and the request %T{%v}, want 200 and %T{%v}", a.Code, s.got, s.got, tt.want, tt.want)
			}
		})
	}
}

func TestNoRoute(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"/v1", "/v2/operations", "//v1/operations", "/v1%2Foperations", "/V1/operations", "/openapi.json/", "/x"} {
		s := new(recorder)
		for _, method := range []string{"GET", "POST", "OPTIONS"} {
			call(t, rest.NewHandler(s, nil), method, target, "").
				want(t, method+" "+target, http.StatusNotFound, "NOT_FOUND", "ROUTE_NOT_FOUND", "")
		}
		if s.got != nil {
			t.Errorf("%s: the server saw %v, want nothing", target, s.got)
		}
	}
}

// A path answers OPTIONS and a method that it has not with those that it has
// (RFC 9110, 10.2.1 and 15.5.6).
func TestMethods(t *testing.T) {
	t.Parallel()
	for target, allow := range map[string]string{
		"/":                        "GET, HEAD, OPTIONS",
		"":                         "GET, HEAD, OPTIONS",
		"/v1/operations":           "GET, HEAD, OPTIONS",
		"/v1/p/operations":         "GET, HEAD, OPTIONS",
		"/v1/operations/x":         "GET, DELETE, HEAD, OPTIONS",
		"/v1/operations/x:cancel":  "POST, OPTIONS",
		"/v1/p/operations/x:wait":  "POST, OPTIONS",
		"/openapi.json":            "GET, HEAD, OPTIONS",
		"/v1/operations/x:unknown": "GET, DELETE, HEAD, OPTIONS",
	} {
		for _, method := range []string{"OPTIONS", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "get", "BREW"} {
			s := new(recorder)
			r, err := http.NewRequestWithContext(t.Context(), method, target, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			r.URL.Host = ""
			a := serve(t, rest.NewHandler(s, nil), r)
			what := method + " " + target
			switch {
			case method == "OPTIONS":
				if a.Code != http.StatusNoContent {
					t.Errorf("%s: got %d, want 204", what, a.Code)
				}
			case strings.Contains(", "+allow+",", ", "+method+","):
				if a.Code != http.StatusOK {
					t.Errorf("%s: got %d, want 200: Allow names it", what, a.Code)
				}
				continue
			default:
				if a.Code != http.StatusMethodNotAllowed {
					t.Errorf("%s: got %d, want 405", what, a.Code)
				}
				if method != "HEAD" {
					a.want(t, what, http.StatusMethodNotAllowed, "UNIMPLEMENTED", "METHOD_NOT_ALLOWED", "")
				}
			}
			if got := a.Header().Get("Allow"); got != allow {
				t.Errorf("%s: Allow: got %q, want %q", what, got, allow)
			}
			if s.got != nil {
				t.Errorf("%s: the server saw %v, want nothing", what, s.got)
			}
		}
	}
}

// The handler stands below any prefix, with or without a slash at its end.
func TestStripPrefix(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]proto.Message{
		"/api/v1/p%2Fq/operations/x%20y": get("p/q/operations/x y"),
		"/api/v1/operations":             list("operations"),
		"/api?name=operations%2Fx":       wait("operations/x"),
		"/api/?name=operations%2Fx":      wait("operations/x"),
	} {
		s := new(recorder)
		a := call(t, http.StripPrefix("/api", rest.NewHandler(s, nil)), "GET", target, "")
		if a.Code != http.StatusOK || !proto.Equal(s.got, want) {
			t.Errorf("%s: got %d and the request %v, want 200 and %v", target, a.Code, s.got, want)
		}
	}
}

func TestNewHandlerNil(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("NewHandler(nil): got no panic; want one, with what to pass")
		}
	}()
	rest.NewHandler(nil, nil)
}
