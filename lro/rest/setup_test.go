package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	codepb "google.golang.org/genproto/googleapis/rpc/code"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/lro/rest"
	"github.com/longrunning-go/longrunning/store/memstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type printMethod = lro.Method[*testpb.PrintRequest, *testpb.PrintResponse, *testpb.PrintMetadata]

// A service is a Manager that runs, with a Print method that lasts until it is
// cancelled, and its operations over HTTP.
type service struct {
	*lro.Manager
	http.Handler
	t       *testing.T
	print   *printMethod
	started chan struct{} // receives once for each attempt
}

// setup makes a service that drains when the test ends. In a bubble it runs when
// setup returns.
func setup(t *testing.T, auth lro.Authorizer, method *lro.MethodOptions) *service {
	t.Helper()
	m, err := lro.New(memstore.New(), &lro.Options{Logger: slog.New(slog.DiscardHandler), DrainTimeout: 1})
	if err != nil {
		t.Fatal(err)
	}
	s := &service{Manager: m, t: t, started: make(chan struct{}, 100)}
	s.print = lro.Handle(m, func(ctx context.Context, _ *lro.Task[*testpb.PrintMetadata], _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
		s.started <- struct{}{}
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}, method)
	s.Handler = rest.NewHandler(lro.NewServer(m, auth, nil), nil)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return s
}

// bubble is setup in a bubble of fake time.
func bubble(t *testing.T, auth lro.Authorizer, method *lro.MethodOptions, f func(*testing.T, *service)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := setup(t, auth, method)
		synctest.Wait()
		f(t, s)
	})
}

// start starts an operation of Print and answers its name once it executes.
func (s *service) start(parent string) string {
	s.t.Helper()
	op, err := s.print.Start(s.t.Context(), &testpb.PrintRequest{Text: "x"}, &lro.StartOptions{Parent: parent})
	if err != nil {
		s.t.Fatal(err)
	}
	<-s.started
	return op.GetName()
}

// done makes an operation that is done.
func (s *service) done(parent, text string) string {
	s.t.Helper()
	op, err := s.Create(s.t.Context(), &lro.CreateOptions{Parent: parent})
	if err == nil {
		err = s.Complete(s.t.Context(), op.GetName(), &testpb.PrintResponse{Text: text})
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return op.GetName()
}

// An answer is what came back, the body also as JSON.
type answer struct {
	*httptest.ResponseRecorder
	body map[string]any
}

// call sends a request to h and checks what is true of every answer.
func call(t *testing.T, h http.Handler, method, target, body string, headers ...string) *answer {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for pair := range slices.Chunk(headers, 2) {
		r.Header.Set(pair[0], pair[1])
	}
	return serve(t, h, r)
}

func serve(t *testing.T, h http.Handler, r *http.Request) *answer {
	t.Helper()
	a := &answer{ResponseRecorder: httptest.NewRecorder()}
	h.ServeHTTP(a, r)
	what := r.Method + " " + r.URL.String()
	for key, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"} {
		if got := a.Header().Get(key); got != want {
			t.Errorf("%s: header %s: got %q, want %q on every answer", what, key, got, want)
		}
	}
	if a.Code >= 300 && a.Code < 400 {
		t.Errorf("%s: got a redirect (%d) to %q; want none", what, a.Code, a.Header().Get("Location"))
	}
	if a.Code == http.StatusNoContent || r.Method == http.MethodHead {
		if a.Body.Len() > 0 {
			t.Errorf("%s: got the body %s, want none", what, a.Body)
		}
		return a
	}
	if got := a.Header().Get("Content-Type"); got != "application/json; charset=utf-8" {
		t.Errorf("%s: content type: got %q, want JSON", what, got)
	}
	if err := json.Unmarshal(a.Body.Bytes(), &a.body); err != nil {
		t.Fatalf("%s: got %d with the body %q, want JSON: %v", what, a.Code, a.Body, err)
	}
	if a.Code != http.StatusOK {
		a.checkEnvelope(t, what)
	}
	return a
}

// checkEnvelope: an error is in Google's envelope, with a google.rpc.Code's
// name, and has no two details of a type (AIP-193).
func (a *answer) checkEnvelope(t *testing.T, what string) {
	t.Helper()
	e, _ := a.body["error"].(map[string]any)
	name, _ := e["status"].(string)
	if code, ok := codepb.Code_value[name]; !ok || code == 0 {
		t.Errorf("%s: status: got %q, want the name of a google.rpc.Code; body %s", what, name, a.Body)
	}
	if e["code"] != float64(a.Code) {
		t.Errorf("%s: code in the envelope: got %v, want that of HTTP, %d", what, e["code"], a.Code)
	}
	if text, _ := e["message"].(string); text == "" {
		t.Errorf("%s: message: got none, want one; body %s", what, a.Body)
	}
	list, _ := e["details"].([]any)
	seen := map[any]bool{}
	for _, d := range list {
		d, _ := d.(map[string]any)
		if kind := d["@type"]; seen[kind] {
			t.Errorf("%s: details: got two of the type %v, want one at most; body %s", what, kind, a.Body)
		}
		seen[d["@type"]] = true
	}
}

// status is the name of the google.rpc.Code in an error.
func (a *answer) status() string {
	e, _ := a.body["error"].(map[string]any)
	s, _ := e["status"].(string)
	return s
}

// detail finds a detail of an error by its type.
func (a *answer) detail(name string) map[string]any {
	e, _ := a.body["error"].(map[string]any)
	list, _ := e["details"].([]any)
	for _, d := range list {
		if d, ok := d.(map[string]any); ok && d["@type"] == "type.googleapis.com/"+name {
			return d
		}
	}
	return nil
}

// want checks the code and status of an error, its reason, and the field of its
// BadRequest; "" is none.
func (a *answer) want(t *testing.T, what string, code int, status, reason, field string) {
	t.Helper()
	if a.Code != code || a.status() != status {
		t.Errorf("%s: got %d %s, want %d %s; body %s", what, a.Code, a.status(), code, status, a.Body)
		return
	}
	if info := a.detail("google.rpc.ErrorInfo"); info["reason"] != reason || info["domain"] != "longrunning" {
		t.Errorf("%s: ErrorInfo: got %v, want reason %s and domain longrunning", what, info, reason)
	}
	if got := a.field(); got != field {
		t.Errorf("%s: BadRequest: got the field %q, want %q; body %s", what, got, field, a.Body)
	}
}

func (a *answer) field() string {
	list, _ := a.detail("google.rpc.BadRequest")["fieldViolations"].([]any)
	if len(list) != 1 {
		return ""
	}
	v, _ := list[0].(map[string]any)
	field, _ := v["field"].(string)
	return field
}

// compact is the body without the white space that protojson varies.
func (a *answer) compact() string {
	var b bytes.Buffer
	_ = json.Compact(&b, a.Body.Bytes())
	return b.String()
}
