package rest_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/proto"

	"github.com/longrunning-go/longrunning/lro/rest"
)

// Query parameters are the fields of the request, by either of their names.
func TestQuery(t *testing.T) {
	t.Parallel()
	page := &longrunningpb.ListOperationsRequest{
		Name: "projects/p1", Filter: "done = true", PageSize: 7, PageToken: "a/b+c=", ReturnPartialSuccess: true,
	}
	for _, tt := range []struct {
		target string
		want   proto.Message
	}{
		{"/v1/projects/p1/operations?filter=done+%3D+true&pageSize=7&pageToken=a%2Fb%2Bc%3D&returnPartialSuccess=true", page},
		{"/v1/projects/p1/operations?filter=done%20=%20true&page_size=7&page_token=a/b%2Bc=&return_partial_success=true", page},
		{"/v1/operations?pageSize=-1", &longrunningpb.ListOperationsRequest{Name: "operations", PageSize: -1}},
		{"/v1/operations?", list("operations")},
		{"/v1/operations?&&", list("operations")},
		{"/v1/operations?returnPartialSuccess=false", list("operations")},
		{"/?timeout=0s&name=operations/x", waitFor("operations/x", 0)},
		{"/?timeout=-1s&name=operations/x", waitFor("operations/x", -time.Second)},
		{"/?timeout=0.25s&name=a%20b", waitFor("a b", 250*time.Millisecond)},

		// What Google's REST clients add is ignored, as they write it and as others do.
		{"/v1/operations/x?%24alt=json%3Benum-encoding%3Dint", get("operations/x")},
		{"/v1/operations/x?$alt=json;enum-encoding=int", get("operations/x")},
		{"/v1/operations/x?$.xgafv=2&$prettyPrint", get("operations/x")},
		{"/v1/operations/x?alt=json&prettyPrint=false", get("operations/x")}, // google-api-go-client
		{"/v1/operations?alt=json&pageSize=0", list("operations")},           // gcloud, google-api-python-client
		{"/v1/operations/x?key=k&fields=name&quotaUser=q&userIp=::1&callback=f", get("operations/x")},
		{"/?name=operations/x&access_token=a&oauth_token=o&uploadType=u&upload_protocol=p", wait("operations/x")},
		{"/?name=operations%2Fx&$alt=json;enum-encoding=int&timeout=1s", waitFor("operations/x", time.Second)},
	} {
		s := new(recorder)
		a := call(t, rest.NewHandler(s, nil), "GET", tt.target, "")
		if a.Code != http.StatusOK || !proto.Equal(s.got, tt.want) {
			t.Errorf("%s: got %d and the request %v, want 200 and %v; body %s", tt.target, a.Code, s.got, tt.want, a.Body)
		}
	}
}

// What is wrong with a query is INVALID_ARGUMENT, with the parameter's name.
func TestBadQuery(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ method, target, field, text string }{
		{"GET", "/v1/operations?page_size=x", "page_size", "whole number"},
		{"GET", "/v1/operations?pageSize=1.5", "page_size", "whole number"},
		{"GET", "/v1/operations?pageSize=2147483648", "page_size", "32 bits"},
		{"GET", "/v1/operations?pageSize=", "page_size", "whole number"},
		{"GET", "/v1/operations?pageSize=1&page_size=1", "page_size", "twice"},
		{"GET", "/v1/operations?returnPartialSuccess=yes", "return_partial_success", "true or false"},
		{"GET", "/v1/operations?name=projects/p1", "name", "unknown query parameter"},
		{"GET", "/v1/operations?pagesize=1", "pagesize", "filter, pageSize, pageToken, returnPartialSuccess"},
		{"GET", "/v1/operations?filter=%zz", "filter", "not escaped"},
		{"GET", "/v1/operations?%zz=1", "%zz", "not escaped"},
		{"GET", "/?timeout=bananas", "timeout", "1.500s"},
		{"GET", "/?timeout=1", "timeout", "1.500s"},
		{"GET", "/?timeout=1m", "timeout", "1.500s"},
		{"GET", "/?timeout=1e3s", "timeout", "1.500s"},
		{"GET", "/?timeout=", "timeout", "1.500s"},
		{"GET", "/?timeout=%22", "timeout", "1.500s"},
		{"GET", "/?timeout=999999999999999s", "timeout", "1.500s"},
		{"GET", "/?name=operations/a&name=operations/b", "name", "twice"},
		{"GET", "/?Name=operations/a", "Name", "name, timeout"},
		{"GET", "/v1/operations/x?alt=proto", "alt", "must be json"},
		{"GET", "/v1/operations?$alt=media", "$alt", "must be json"},
		{"POST", "/v1/operations/x:wait?alt=", "alt", "must be json"},
		{"GET", "/v1/operations/x?alt=json;enum-encoding=string", "alt", "json;enum-encoding=int"},
		{"GET", "/v1/operations/x?prettyprint=false", "prettyprint", "GetOperation has none here"},
		{"GET", "/v1/operations/x?xgafv=2", "xgafv", "unknown query parameter"},
		{"GET", "/v1/operations/x?name=operations/y", "name", "unknown query parameter"},
		{"DELETE", "/v1/operations/x?force=true", "force", `DeleteOperation has none here"`},
		{"POST", "/v1/operations/x:wait?timeout=1s", "timeout", `into the body`},
		{"GET", "/v1/operations/x?" + strings.Repeat("a", 10_000), strings.Repeat("a", 128) + "…", "unknown"},
		{"GET", "/v1/operations/x?%ff", "\ufffd", "unknown"},
	} {
		s := new(recorder)
		a := call(t, rest.NewHandler(s, nil), tt.method, tt.target, "")
		a.want(t, tt.target, http.StatusBadRequest, "INVALID_ARGUMENT", "INVALID_ARGUMENT", tt.field)
		if !strings.Contains(a.Body.String(), tt.text) {
			t.Errorf("%s: got %s, want a message with %q: it says what to do", tt.target, a.Body, tt.text)
		}
		if s.got != nil {
			t.Errorf("%s: the server saw %v, want nothing", tt.target, s.got)
		}
	}
}

// A body is a JSON object, or nothing. Google's client repeats the name in it.
func TestBody(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		target, body string
		want         proto.Message
	}{
		{"/v1/operations/x:cancel", "", cancel("operations/x")},
		{"/v1/operations/x:cancel", "{}", cancel("operations/x")},
		{"/v1/operations/x:cancel", " {\n} ", cancel("operations/x")},
		{"/v1/a%252Fb/operations/x:cancel", `{"name": "a%2Fb/operations/x"}`, cancel("a%2Fb/operations/x")},
		{"/v1/operations/x:wait", `{"timeout":"1.500s"}`, waitFor("operations/x", 1500*time.Millisecond)},
		{"/v1/operations/x:wait", `{"timeout":"0s","name":"operations/x"}`, waitFor("operations/x", 0)},
		{"/v1/operations/x:wait", `{"timeout":null,"name":null}`, wait("operations/x")},
		{"/v1/operations/x:wait", `{"name":""}`, wait("operations/x")},
		{"/v1/operations/x:wait?$alt=json", `{}`, wait("operations/x")},
		{"/v1/operations/x:cancel?alt=json&prettyPrint=false", `{}`, cancel("operations/x")},
	} {
		s := new(recorder)
		a := call(t, rest.NewHandler(s, nil), "POST", tt.target, tt.body)
		if a.Code != http.StatusOK || !proto.Equal(s.got, tt.want) {
			t.Errorf("%s %s: got %d and the request %v, want 200 and %v; body %s", tt.target, tt.body, a.Code, s.got, tt.want, a.Body)
		}
	}
}

func TestBadBody(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ method, target, body, field, text string }{
		{"POST", "/v1/operations/x:wait", `{"timeout":"bananas"}`, "", `bananas`},
		{"POST", "/v1/operations/x:wait", `{"timeout":"bananas"}`, "", `1.500s`},
		{"POST", "/v1/operations/x:wait", `{"timeout":5}`, "", `token 5`},
		{"POST", "/v1/operations/x:wait", `{"timeout":{"seconds":5}}`, "", "token {"},
		{"POST", "/v1/operations/x:wait", `{"timeout":"1s","timeout":"2s"}`, "", `duplicate field`},
		{"POST", "/v1/operations/x:wait", `{"name":"operations/x","name":"operations/x"}`, "", `duplicate field`},
		{"POST", "/v1/operations/x:wait", `{"time_out":"5s"}`, "", `time_out`},
		{"POST", "/v1/operations/x:wait", `{"Timeout":"5s"}`, "", "unknown field"},
		{"POST", "/v1/operations/x:cancel", `{"timeout":"5s"}`, "", "CancelOperationRequest"},
		{"POST", "/v1/operations/x:cancel", `{"name":"operations/y"}`, "name", "leave it out"},
		{"POST", "/v1/operations/x:cancel", `{`, "", "unexpected EOF"},
		{"POST", "/v1/operations/x:cancel", `{} {}`, "", "(line 1:4)"},
		{"POST", "/v1/operations/x:cancel", `[]`, "", "token ["},
		{"POST", "/v1/operations/x:cancel", `null`, "", "token null"},
		{"POST", "/v1/operations/x:cancel", `"x"`, "", "must be"},
		{"POST", "/v1/operations/x:cancel", " ", "", "must be"},
		{"POST", "/v1/operations/x:cancel", "{\"name\":\"\xff\"}", "", "UTF-8"},
		{"POST", "/v1/operations/x:cancel", strings.Repeat("[", 10_000), "", "token ["},
		{"POST", "/v1/operations/x:cancel", `{"` + strings.Repeat("a", 10_000) + `":1}`, "", "unknown field"},
		{"DELETE", "/v1/operations/x", `{}`, "", "takes no body"},
		{"GET", "/v1/operations/x", `{}`, "", "takes no body"},
	} {
		s := new(recorder)
		a := call(t, rest.NewHandler(s, nil), tt.method, tt.target, tt.body)
		a.want(t, tt.target+" "+tt.body, http.StatusBadRequest, "INVALID_ARGUMENT", "INVALID_ARGUMENT", tt.field)
		if !strings.Contains(a.Body.String(), tt.text) {
			t.Errorf("%s %s: got %s, want a message with %q: it says what to do", tt.target, tt.body, a.Body, tt.text)
		}
		if a.Body.Len() > 2048 {
			t.Errorf("%s: got %d bytes, want an error that repeats only a little of the body", tt.target, a.Body.Len())
		}
		if s.got != nil {
			t.Errorf("%s %s: the server saw %v, want nothing", tt.target, tt.body, s.got)
		}
	}
}

// A body may have 16 KiB, whether its length is announced or not.
func TestLargeBody(t *testing.T) {
	t.Parallel()
	for _, size := range []int{16 << 10, 16<<10 + 1, 1 << 20} {
		for _, length := range []int64{-1, int64(size)} {
			s := new(recorder)
			what := fmt.Sprintf("a body of %d bytes, length %d", size, length)
			body := "{" + strings.Repeat(" ", size-2) + "}"
			r, err := http.NewRequestWithContext(t.Context(), "POST", "/v1/operations/x:cancel", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.ContentLength = length
			r.Header.Set("Content-Type", "application/json")
			a := serve(t, rest.NewHandler(s, nil), r)
			if size <= 16<<10 {
				if a.Code != http.StatusOK || s.got == nil {
					t.Errorf("%s: got %d %s, want 200", what, a.Code, a.Body)
				}
				continue
			}
			a.want(t, what, http.StatusRequestEntityTooLarge, "INVALID_ARGUMENT", "PAYLOAD_TOO_LARGE", "")
			if s.got != nil {
				t.Errorf("%s: the server saw %v, want nothing", what, s.got)
			}
		}
	}
}

// A body of unknown length may be empty; one that breaks off is an error.
func TestBodyOfUnknownLength(t *testing.T) {
	t.Parallel()
	for text, body := range map[string]io.Reader{"": iotest.HalfReader(strings.NewReader("")), "to its end": iotest.ErrReader(errors.New("secret"))} {
		s := new(recorder)
		r, err := http.NewRequestWithContext(t.Context(), "POST", "/v1/operations/x:cancel", body)
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = -1
		a := serve(t, rest.NewHandler(s, nil), r)
		if text == "" {
			if a.Code != http.StatusOK || !proto.Equal(s.got, cancel("operations/x")) {
				t.Errorf("an empty body: got %d and the request %v, want 200 and one for operations/x", a.Code, s.got)
			}
			continue
		}
		a.want(t, "a body that breaks off", http.StatusBadRequest, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "")
		if got := a.Body.String(); s.got != nil || !strings.Contains(got, text) || strings.Contains(got, "secret") {
			t.Errorf("a body that breaks off: got %s, and the server saw %v; want an error with %q, and nothing seen", got, s.got, text)
		}
	}
}
