package gapic_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/auth"
	"github.com/googleapis/gax-go/v2/apierror"
	"golang.org/x/oauth2"
	"google.golang.org/api/googleapi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/longrunning-go/longrunning/poller"
	"github.com/longrunning-go/longrunning/poller/gapic"
	"github.com/longrunning-go/longrunning/poller/pollertest"
)

const html = "<!DOCTYPE html><title>Error</title>"

// What Google's REST client makes of an answer says the code of the HTTP status
// at most.
func TestRESTErrorsHaveTheStatusOfTheEnvelope(t *testing.T) {
	t.Parallel()
	for what, tt := range map[string]struct {
		http    int
		body    string
		code    codes.Code
		message string
		details int
	}{
		"no such operation":     {404, `{"error":{"code":404,"message":"gone","status":"NOT_FOUND"}}`, codes.NotFound, "gone", 0},
		"details":               {404, `{"error":{"code":404,"message":"gone","status":"NOT_FOUND","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"GONE"},{"@type":"type.googleapis.com/google.rpc.RequestInfo","requestId":"7"}]}}`, codes.NotFound, "gone", 2},
		"a newer detail":        {404, `{"error":{"code":404,"message":"gone","status":"NOT_FOUND","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"GONE","newer":1}]}}`, codes.NotFound, "gone", 1},
		"details not linked":    {404, `{"error":{"code":404,"message":"gone","status":"NOT_FOUND","details":[{"@type":"type.googleapis.com/acme.NotLinked","a":1},{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"GONE"}]}}`, codes.NotFound, "gone", 1},
		"not the HTTP status's": {409, `{"error":{"code":409,"message":"there","status":"ALREADY_EXISTS"}}`, codes.AlreadyExists, "there", 0},
		"precondition":          {400, `{"error":{"code":400,"message":"not now","status":"FAILED_PRECONDITION"}}`, codes.FailedPrecondition, "not now", 0},
		"cancelled":             {499, `{"error":{"code":499,"message":"left","status":"CANCELLED"}}`, codes.Canceled, "left", 0},
		"quota":                 {429, `{"error":{"code":429,"message":"slow down","status":"RESOURCE_EXHAUSTED"}}`, codes.ResourceExhausted, "slow down", 0},
		"unavailable":           {503, `{"error":{"code":503,"message":"restarting","status":"UNAVAILABLE"}}`, codes.Unavailable, "restarting", 0},
		"deadline":              {504, `{"error":{"code":504,"message":"late","status":"DEADLINE_EXCEEDED"}}`, codes.DeadlineExceeded, "late", 0},
		"a strange name":        {403, `{"error":{"code":403,"message":"no","status":"FORBIDDEN"}}`, codes.PermissionDenied, "no", 0},
		"an error that is OK":   {500, `{"error":{"code":500,"message":"no","status":"OK"}}`, codes.Internal, "no", 0},
		"an error that is 200":  {500, `{"error":{"code":200,"message":"no"}}`, codes.Unknown, "no", 0},
		"an old envelope":       {429, `{"error":{"code":429,"message":"slow down","errors":[{"reason":"rateLimitExceeded"}]}}`, codes.Unavailable, "slow down", 0},

		"bare 401": {401, html, codes.Unauthenticated, "HTTP status 401 Unauthorized", 0},
		"bare 403": {403, html, codes.PermissionDenied, "HTTP status 403 Forbidden", 0},
		"bare 404": {404, html, codes.NotFound, "HTTP status 404 Not Found", 0},
		"bare 429": {429, "", codes.Unavailable, "HTTP status 429 Too Many Requests", 0},
		"bare 500": {500, html, codes.Internal, "HTTP status 500 Internal Server Error", 0},
		"bare 502": {502, html, codes.Unavailable, "HTTP status 502 Bad Gateway", 0},
		"bare 503": {503, html, codes.Unavailable, "HTTP status 503 Service Unavailable", 0},
		"bare 504": {504, html, codes.Unavailable, "HTTP status 504 Gateway Timeout", 0},
		"bare 599": {599, html, codes.Internal, "HTTP status 599", 0},
		"bare 304": {304, "", codes.Unknown, "HTTP status 304 Not Modified", 0},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				_, err := gapic.New(answer(t, tt.http, tt.body)).GetOperation(t.Context(), get(name))
				wantCode(t, err, tt.code)
				if got := status.Convert(err); got.Message() != tt.message || len(got.Details()) != tt.details {
					t.Errorf("got message %q and details %v, want %q and %d of them", got.Message(), got.Details(), tt.message, tt.details)
				}
				_, isAPI := errors.AsType[*apierror.APIError](err)
				raw, isRaw := errors.AsType[*googleapi.Error](err)
				if !isAPI || !isRaw || raw.Body != tt.body {
					t.Errorf("got error %#v, want Google's errors in it, with the body %s", err, tt.body)
				}
			})
		})
	}
}

// Whatever keeps a call from being answered, over the network or on the way to
// it, passes by itself or does not.
func TestRESTErrorsWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	refused := &http.Response{StatusCode: http.StatusBadRequest}
	gateway := &http.Response{StatusCode: http.StatusBadGateway}
	quota := &http.Response{StatusCode: http.StatusTooManyRequests}
	for what, tt := range map[string]struct {
		err  error
		want codes.Code
	}{
		"connection refused":   {syscall.ECONNREFUSED, codes.Unavailable},
		"cut off":              {io.ErrUnexpectedEOF, codes.Unavailable},
		"deadline":             {context.DeadlineExceeded, codes.DeadlineExceeded},
		"cancelled":            {context.Canceled, codes.Canceled},
		"certificate":          {&tls.CertificateVerificationError{Err: errors.New("unknown authority")}, codes.Unknown},
		"no token":             {&auth.Error{Response: refused}, codes.Unauthenticated},
		"no token, by oauth2":  {&oauth2.RetrieveError{Response: refused}, codes.Unauthenticated},
		"no token for now":     {&auth.Error{Response: &http.Response{StatusCode: http.StatusServiceUnavailable}}, codes.Unavailable},
		"the same, by oauth2":  {&oauth2.RetrieveError{Response: gateway}, codes.Unavailable},
		"no gateway to tokens": {&auth.Error{Response: gateway}, codes.Unavailable},
		"tokens, but slowly":   {&auth.Error{Response: quota}, codes.Unavailable},
		"slowly, by oauth2":    {&oauth2.RetrieveError{Response: quota}, codes.Unavailable},
		"no server for tokens": {&oauth2.RetrieveError{}, codes.Unavailable},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			c := gapic.New(restClient(t, &gapic.Transport{Base: roundTrip(func(*http.Request) (*http.Response, error) { return nil, tt.err })}))
			_, err := c.GetOperation(t.Context(), get(name))
			wantCode(t, err, tt.want)
			if !errors.Is(err, tt.err) {
				t.Errorf("got error %v, want %v in it", err, tt.err)
			}
		})
	}
}

func TestRESTAnswerThatIsCutOffIsTransient(t *testing.T) {
	t.Parallel()
	body := roundTrip(func(req *http.Request) (*http.Response, error) {
		cut := io.MultiReader(strings.NewReader(`{"name":`), failingReader{})
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(cut), Request: req}, nil
	})
	_, err := gapic.New(restClient(t, body)).GetOperation(t.Context(), get(name))
	wantCode(t, err, codes.Unavailable)
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, syscall.ECONNRESET }

func TestRESTNameThatIsNoPath(t *testing.T) {
	t.Parallel()
	_, err := gapic.New(restClient(t, nil)).GetOperation(t.Context(), get(".."))
	wantCode(t, err, codes.InvalidArgument)
}

// Google's REST client decodes an Any only if its type is linked.
func TestRESTAnswerThatCannotBeDecoded(t *testing.T) {
	t.Parallel()
	for what, body := range map[string]string{
		"metadata not linked": `{"name":"operations/7","metadata":{"@type":"type.googleapis.com/acme.NotLinked"}}`,
		"another page":        html,
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				_, err := resume(answer(t, http.StatusOK, body), name, nil).Wait(t.Context())
				wantCode(t, err, codes.Internal)
				if !strings.Contains(err.Error(), "import the Go package") {
					t.Errorf("got error %v, want it to say what to do", err)
				}
			})
		})
	}
}

// Servers of Google have no route for what its client sends to GET /, and no
// answer there may be taken for a word about the operation.
func TestRESTWaitFallsBackToGet(t *testing.T) {
	t.Parallel()
	for what, tt := range map[string]struct {
		http int
		body string
	}{
		"not found":             {404, html},
		"not found, enveloped":  {404, `{"error":{"code":404,"message":"Method not found.","status":"NOT_FOUND"}}`},
		"not allowed":           {405, ""},
		"501, enveloped":        {501, `{"error":{"code":501,"message":"no","status":"UNIMPLEMENTED"}}`},
		"forbidden":             {403, html},
		"broken":                {500, html},
		"a page":                {200, html},
		"healthy":               {200, `{"status":"ok"}`},
		"nothing":               {200, ``},
		"an Any not linked":     {200, `{"name":"operations/7","metadata":{"@type":"type.googleapis.com/acme.NotLinked"}}`},
		"an empty object":       {200, `{}`},
		"something with a name": {200, `{"name":"node-1","version":{"number":"8"}}`},
		"moved to another page": {302, ""},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var paths []string
				rt := serveHTTP(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					paths = append(paths, r.URL.Path)
					switch {
					case r.URL.Path == "/" && tt.http == 302:
						http.Redirect(w, r, "/welcome", tt.http)
					case r.URL.Path == "/":
						w.WriteHeader(tt.http)
						_, _ = io.WriteString(w, tt.body)
					case r.URL.Path == "/welcome":
						_, _ = io.WriteString(w, html)
					case len(paths) < 4:
						_, _ = io.WriteString(w, `{"name":"operations/7"}`)
					default:
						_, _ = io.WriteString(w, `{"name":"operations/7","done":true,"response":{"@type":"type.googleapis.com/lro.test.v1.PrintResponse","text":"printed","pages":"3"}}`)
					}
				}))
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				res, err := resume(restClient(t, &gapic.Transport{Base: rt}), name, nil).Wait(ctx)
				wantResponse(t, res, err)
				if n := len(slices.DeleteFunc(paths, func(p string) bool { return p != "/" })); n != 1 {
					t.Errorf("WaitOperation was called %d times, want that it is given up at once", n)
				}
			})
		})
	}
}

// A service may name the project by its number where the caller gave its id.
func TestWaitTakesAnotherNameOfTheSameOperation(t *testing.T) {
	t.Parallel()
	over(t, func(t *testing.T, connect connect) {
		op := succeeded()
		op.Name = "projects/12345/operations/7"
		script := &pollertest.Client{Polls: []pollertest.Step{{Operation: op}}}
		began := time.Now()
		res, err := resume(connect(t, scripted{Client: script}), "projects/p1/operations/7", nil).Wait(t.Context())
		wantResponse(t, res, err)
		wantStarts(t, script.Calls(), began, "WaitOperation", 0)
	})
}

// These are about the server at the moment, not about the method.
func TestRESTWaitKeepsWhatPasses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		http int
		body string
		code codes.Code
	}{
		{503, html, codes.Unavailable},
		{504, `{"error":{"code":504,"message":"late","status":"DEADLINE_EXCEEDED"}}`, codes.DeadlineExceeded},
		{429, `{"error":{"code":429,"message":"no room to wait","status":"RESOURCE_EXHAUSTED"}}`, codes.ResourceExhausted},
		{499, `{"error":{"code":499,"message":"left","status":"CANCELLED"}}`, codes.Canceled},
	} {
		t.Run(tt.code.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				_, err := gapic.New(answer(t, tt.http, tt.body)).WaitOperation(t.Context(), wait(name))
				wantCode(t, err, tt.code)
			})
		})
	}
}

// The budget of the poller is what ends this, and not the first failure.
func TestRESTNetworkThatFailsIsTransient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		rt := roundTrip(func(*http.Request) (*http.Response, error) {
			calls++
			return nil, syscall.ECONNREFUSED
		})
		began := time.Now()
		_, err := resume(restClient(t, rt), name, &poller.Options{MaxRetries: 3, BackoffJitter: -1}).Wait(t.Context())
		wantCode(t, err, codes.Unavailable)
		if took := time.Since(began); calls != 4 || took != 4750*time.Millisecond {
			t.Errorf("got %d calls in %v, want 4 in 4.75s", calls, took)
		}
	})
}
