package rest_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/lro/rest"
)

// Wait answers when the operation is done, and the latest state when its time
// has run out.
func TestWait(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ method, target, body string }{
		{"POST", "/v1/%s:wait", `{"timeout":"1.500s"}`},
		{"GET", "/?name=%s&timeout=1.500s", ""},
	} {
		t.Run(tt.method, func(t *testing.T) {
			t.Parallel()
			bubble(t, lro.AllowAll, nil, func(t *testing.T, s *service) {
				name := s.start("projects/p1")
				target := fmt.Sprintf(tt.target, name)
				start := time.Now()
				a := call(t, s, tt.method, target, tt.body)
				if got := time.Since(start); a.Code != http.StatusOK || a.body["done"] != nil || got != 1500*time.Millisecond {
					t.Errorf("a wait that runs out: got %d %s after %v, want the latest state after 1.5 s", a.Code, a.Body, got)
				}
				time.AfterFunc(time.Second, func() { _ = s.Cancel(context.WithoutCancel(t.Context()), name) })
				start = time.Now()
				a = call(t, s, tt.method, target, tt.body)
				if got := time.Since(start); a.body["done"] != true || got != time.Second {
					t.Errorf("a wait for what ends after 1 s: got %d %s after %v, want it done then", a.Code, a.Body, got)
				}
			})
		})
	}
}

// The recommended interval is in Retry-After, in whole seconds, rounded up, on
// Get and Wait, while the operation is not done.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for interval, want := range map[time.Duration]string{
		0: "", time.Millisecond: "1", time.Second: "1", 1001 * time.Millisecond: "2", 7 * time.Second: "7",
	} {
		t.Run(interval.String(), func(t *testing.T) {
			t.Parallel()
			bubble(t, lro.AllowAll, &lro.MethodOptions{PollInterval: interval}, func(t *testing.T, s *service) {
				name, done := s.start(""), s.done("", "x")
				for target, want := range map[string]string{
					"GET /v1/" + name: want, "HEAD /v1/" + name: want, "POST /v1/" + name + ":wait": want,
					"GET /?timeout=0s&name=" + name: want,
					"GET /v1/" + done:               "", "GET /v1/operations": "", "GET /v1/operations/none": "", "DELETE /v1/" + done: "",
				} {
					method, path := split(target)
					if got := call(t, s, method, path, "").Header().Get("Retry-After"); got != want {
						t.Errorf("%s: Retry-After: got %q, want %q for an interval of %v", target, got, want, interval)
					}
				}
			})
		})
	}
}

// A trailing server sends several trailers, as its interceptors may.
type trailing struct {
	recorder
	intervals []time.Duration
}

func (s *trailing) GetOperation(ctx context.Context, _ *longrunningpb.GetOperationRequest) (*longrunningpb.Operation, error) {
	for _, d := range s.intervals {
		b, err := proto.Marshal(&errdetails.RetryInfo{RetryDelay: durationpb.New(d)})
		if err != nil {
			return nil, err
		}
		if err := grpc.SetTrailer(ctx, metadata.Pairs("google.rpc.retryinfo-bin", string(b))); err != nil {
			return nil, err
		}
	}
	return s.op, grpc.SetTrailer(ctx, metadata.Pairs("x-other", "1"))
}

// A trailer adds to those before it. An interval that says nothing is passed over.
func TestTrailers(t *testing.T) {
	t.Parallel()
	for _, intervals := range [][]time.Duration{{7 * time.Second}, {-time.Second, 7 * time.Second}, {0, 7 * time.Second}} {
		a := call(t, rest.NewHandler(&trailing{intervals: intervals}, nil), "GET", "/v1/operations/x", "")
		if got := a.Header().Get("Retry-After"); got != "7" {
			t.Errorf("the trailers %v and another: Retry-After: got %q, want 7", intervals, got)
		}
	}
}

// A wait outlasts the timeouts of its http.Server, and where middleware keeps it
// from the connection's deadlines it is cut in time for an answer, whatever passed
// before it began.
func TestTimeouts(t *testing.T) {
	t.Parallel()
	type opaqueWriter struct{ http.ResponseWriter } // has no Unwrap
	for _, tt := range []struct {
		name        string
		read, write time.Duration
		hide        bool
		before      time.Duration // that middleware takes; a body comes after twice that
		least, most time.Duration
	}{
		{"both", 2 * time.Second, 3 * time.Second, false, 0, 30 * time.Second, 30 * time.Second},
		{"read", 2 * time.Second, 0, false, 0, 30 * time.Second, 30 * time.Second},
		{"neither", 0, 0, true, 0, 30 * time.Second, 30 * time.Second},
		{"both, out of reach", 2 * time.Second, 3 * time.Second, true, 0, time.Second, 1500 * time.Millisecond},
		{"both, out of reach, slow", 3 * time.Second, 3 * time.Second, true, time.Second, 2 * time.Second, 2500 * time.Millisecond},
		{"both, out of reach, as slow as may be", 3 * time.Second, 3 * time.Second, true, 1300 * time.Millisecond, 2 * time.Second, 2800 * time.Millisecond},
	} {
		for _, version := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s, HTTP/%d", tt.name, version), func(t *testing.T) {
				t.Parallel()
				bubble(t, lro.AllowAll, nil, func(t *testing.T, s *service) {
					h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if r.ProtoMajor != version {
							t.Errorf("got %s, want HTTP/%d: the test is not what it says", r.Proto, version)
						}
						if tt.hide {
							w = opaqueWriter{w}
						}
						time.Sleep(tt.before)
						s.ServeHTTP(w, r)
					})
					_, client := listen(t, &http.Server{Handler: h, ReadTimeout: tt.read, WriteTimeout: tt.write}, version)
					name := s.start("")
					for _, call := range []struct {
						method, target string
						body           func(time.Duration) io.Reader
					}{
						{"POST", "/v1/" + name + ":wait", func(d time.Duration) io.Reader { return &slowReader{strings.NewReader(`{"timeout":"30s"}`), d} }},
						{"GET", "/?timeout=30s&name=" + name, func(time.Duration) io.Reader { return http.NoBody }},
					} {
						start := time.Now()
						op := fetch(t, client, call.method, "http://pipe"+call.target, call.body(2*tt.before))
						if got := time.Since(start); op.GetDone() || got < tt.least || got > tt.most {
							t.Errorf("%s, a wait of 30 s: got %v after %v, want the latest state after %v to %v", call.method, op, got, tt.least, tt.most)
						}
					}
				})
			})
		}
	}
}

// A slowReader is a body that takes its time.
type slowReader struct {
	io.Reader
	wait time.Duration
}

func (r *slowReader) Read(p []byte) (int, error) {
	time.Sleep(r.wait)
	r.wait = 0
	return r.Reader.Read(p)
}

func fetch(t *testing.T, client *http.Client, method, target string, body io.Reader) *longrunningpb.Operation {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, target, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	op := new(longrunningpb.Operation)
	if err != nil || resp.StatusCode != http.StatusOK || protojson.Unmarshal(b, op) != nil {
		t.Fatalf("%s %s: got %d %q (%v), want an operation", method, target, resp.StatusCode, b, err)
	}
	return op
}

// After a wait the answer has WriteTimeout to be read, as any other has.
func TestTimeoutAfterWait(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		dawdle time.Duration
		read   bool
	}{{2 * time.Second, true}, {4 * time.Second, false}} {
		bubble(t, lro.AllowAll, nil, func(t *testing.T, s *service) {
			p, _ := listen(t, &http.Server{Handler: s, WriteTimeout: 3 * time.Second}, 1)
			conn, err := p.dial(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_, err = fmt.Fprintf(conn, "GET /?timeout=30s&name=%s HTTP/1.1\r\nHost: pipe\r\n\r\n", s.start(""))
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(30*time.Second + tt.dawdle)
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if (err == nil) != tt.read {
				t.Errorf("a client that reads %v after the wait: got error %v, want one: %t", tt.dawdle, err, !tt.read)
			}
			if err == nil {
				_ = resp.Body.Close()
			}
		})
	}
}

// A blocker is a server whose waits last until their context ends.
type blocker struct {
	longrunningpb.UnimplementedOperationsServer
	ended chan error
}

func (b *blocker) WaitOperation(ctx context.Context, _ *longrunningpb.WaitOperationRequest) (*longrunningpb.Operation, error) {
	<-ctx.Done()
	b.ended <- ctx.Err()
	return nil, ctx.Err()
}

// A client that hangs up ends its wait.
func TestHangUp(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ method, target, body string }{
		{"POST", "/v1/operations/x:wait", `{"timeout":"30s"}`},
		{"POST", "/v1/operations/x:wait", ""},
		{"GET", "/?name=operations/x", ""},
	} {
		for _, version := range []int{1, 2} {
			synctest.Test(t, func(t *testing.T) {
				b := &blocker{ended: make(chan error, 1)}
				_, client := listen(t, &http.Server{Handler: rest.NewHandler(b, nil), ReadTimeout: time.Second, WriteTimeout: time.Second}, version)
				ctx, hangUp := context.WithTimeout(t.Context(), time.Minute)
				defer hangUp()
				r, err := http.NewRequestWithContext(ctx, tt.method, "http://pipe"+tt.target, strings.NewReader(tt.body))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Content-Type", "application/json")
				start := time.Now()
				if resp, err := client.Do(r); err == nil {
					_ = resp.Body.Close()
					t.Errorf("%s %s: got an answer after %v, want none before the client hangs up", tt.method, tt.target, time.Since(start))
				}
				if err := <-b.ended; err == nil || time.Since(start) != time.Minute {
					t.Errorf("%s %s: the wait ended with %v after %v, want with its context when the client hung up, after 1 min",
						tt.method, tt.target, err, time.Since(start))
				}
			})
		}
	}
}
