package gapic_test

import (
	"io"
	"maps"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	longrunning "cloud.google.com/go/longrunning/autogen"
	"golang.org/x/oauth2"
	"google.golang.org/api/option"
	htransport "google.golang.org/api/transport/http"

	"github.com/longrunning-go/longrunning/poller"
	"github.com/longrunning-go/longrunning/poller/gapic"
)

// retries is a server that says when to come again, and is done then.
func retries(t *testing.T, code int, header http.Header) (rt http.RoundTripper, calls *[]time.Time) {
	t.Helper()
	calls = new([]time.Time)
	return serveHTTP(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		*calls = append(*calls, time.Now())
		if len(*calls) > 1 {
			_, _ = io.WriteString(w, `{"name":"operations/7","done":true,"response":{"@type":"type.googleapis.com/lro.test.v1.PrintResponse","text":"printed","pages":"3"}}`)
			return
		}
		maps.Copy(w.Header(), header)
		w.WriteHeader(code)
		_, _ = io.WriteString(w, `{"name":"operations/7"}`)
	})), calls
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for what, tt := range map[string]struct {
		retryAfter, date string
		want             time.Duration
	}{
		"seconds":                  {"40", "", 40 * time.Second},
		"longer than any":          {"2147483647", "", 10 * time.Minute},
		"none":                     {"", "", time.Second},
		"zero":                     {"0", "", time.Second},
		"negative":                 {"-40", "", time.Second},
		"a fraction":               {"40.5", "", time.Second},
		"too many digits":          {"40000000000", "", time.Second},
		"no number":                {"soon", "", time.Second},
		"date":                     {"Sat, 01 Jan 2000 00:00:50 GMT", "", 50 * time.Second},
		"date, and another clock":  {"Fri, 24 Jul 2026 12:00:30 GMT", "Fri, 24 Jul 2026 12:00:00 GMT", 30 * time.Second},
		"date, and none to parse":  {"Sat, 01 Jan 2000 00:00:50 GMT", "today", 50 * time.Second},
		"date that has passed":     {"Fri, 31 Dec 1999 00:00:00 GMT", "", time.Second},
		"date that does not parse": {"Sat, 01 Foo 2000 00:00:50 GMT", "", time.Second},
	} {
		for code, suffix := range map[int]string{http.StatusOK: "", http.StatusServiceUnavailable: " of a failure"} {
			t.Run(what+suffix, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					rt, calls := retries(t, code, http.Header{"Retry-After": {tt.retryAfter}, "Date": {tt.date}})
					res, err := resume(restClient(t, &gapic.Transport{Base: rt}), name, &poller.Options{LongPoll: -1, BackoffJitter: -1}).Wait(t.Context())
					wantResponse(t, res, err)
					if got := (*calls)[1].Sub((*calls)[0]); got != tt.want {
						t.Errorf("Retry-After %q with Date %q: got an interval of %v, want %v", tt.retryAfter, tt.date, got, tt.want)
					}
				})
			})
		}
	}
}

// Only answers need a Transport.
func TestRetryAfterWithoutATransport(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]time.Duration{http.StatusOK: time.Second, http.StatusServiceUnavailable: 40 * time.Second} {
		t.Run(http.StatusText(code), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				rt, calls := retries(t, code, http.Header{"Retry-After": {"40"}})
				res, err := resume(restClient(t, rt), name, &poller.Options{LongPoll: -1, BackoffJitter: -1}).Wait(t.Context())
				wantResponse(t, res, err)
				if got := (*calls)[1].Sub((*calls)[0]); got != want {
					t.Errorf("got an interval of %v, want %v", got, want)
				}
			})
		})
	}
}

// The Transport stands in front of what authenticates, or behind it.
func TestTransportKeepsAuthentication(t *testing.T) {
	t.Parallel()
	token := option.WithTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "secret"}))
	for what, wrap := range map[string]func(http.RoundTripper) (http.RoundTripper, error){
		"in front": func(base http.RoundTripper) (http.RoundTripper, error) {
			rt, err := htransport.NewTransport(t.Context(), base, token)
			return &gapic.Transport{Base: rt}, err
		},
		"behind": func(base http.RoundTripper) (http.RoundTripper, error) {
			return htransport.NewTransport(t.Context(), &gapic.Transport{Base: base}, token)
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				base, calls := retries(t, http.StatusOK, http.Header{"Retry-After": {"40"}})
				rt, err := wrap(roundTrip(func(req *http.Request) (*http.Response, error) {
					if got := req.Header.Get("Authorization"); got != "Bearer secret" {
						t.Errorf("got Authorization %q, want the token", got)
					}
					return base.RoundTrip(req)
				}))
				must(t, err)
				res, err := resume(restClient(t, rt), name, &poller.Options{LongPoll: -1}).Wait(t.Context())
				wantResponse(t, res, err)
				if got := (*calls)[1].Sub((*calls)[0]); got != 40*time.Second {
					t.Errorf("got an interval of %v, want 40s", got)
				}
			})
		})
	}
}

// Requests that are not a Client's pass as they are, and no Base is the default.
func TestTransportWithoutBase(t *testing.T) {
	t.Parallel()
	c, err := longrunning.NewOperationsRESTClient(t.Context(), option.WithEndpoint("nothing://here"), option.WithHTTPClient(&http.Client{Transport: &gapic.Transport{}}))
	must(t, err)
	if _, err = c.GetOperation(t.Context(), get(name)); err == nil {
		t.Error("got no error from http.DefaultTransport for a scheme that it does not know, want one")
	}
}
