package main

import (
	"context"
	"errors"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/poller"
	"github.com/longrunning-go/longrunning/store/memstore"
)

func TestRun(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := run(t.Context(), log.New(&out, "", 0)); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "ordered\ncompleted: path=/volumes/v1\n"; got != want {
		t.Errorf("output: got %q, want %q", got, want)
	}
}

// setup answers a webhook and a function that starts an operation and follows
// it. Call it inside a bubble.
func setup(t *testing.T, order func(context.Context, string) error) (post func(operation, notice string) int, start func() *poller.Poller[*pb.Volume]) {
	t.Helper()
	m, err := lro.New(memstore.New(), &lro.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	v := newVolumes(m, order)
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- m.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Errorf("Run: got error %v, want none", err)
		}
	})
	hook := webhook(m, v)
	post = func(operation, notice string) int {
		w := httptest.NewRecorder()
		hook.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhook/"+operation, strings.NewReader(notice)))
		return w.Code
	}
	start = func() *poller.Poller[*pb.Volume] {
		op, err := v.Start(t.Context(), &pb.CreateVolumeRequest{}, &lro.StartOptions{Parent: "projects/p1"})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		return poller.New[*pb.Volume](m.LocalClient(), op, nil)
	}
	return post, start
}

func TestWebhook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		post, start := setup(t, func(context.Context, string) error { return nil })
		good, bad := start(), start()
		for _, c := range []struct {
			what, operation, notice string
			want                    int
		}{
			{"no JSON", good.Name(), "path", http.StatusBadRequest},
			{"a name of nothing", "projects/p1/operations/none", `{"path":"/v1"}`, http.StatusNotFound},
			{"a malformed name", "none", `{"path":"/v1"}`, http.StatusBadRequest},
			{"the result", good.Name(), `{"path":"/v1"}`, http.StatusNoContent},
			{"the result again", good.Name(), `{"path":"/v1"}`, http.StatusNoContent},
			{"another result", good.Name(), `{"path":"/v2"}`, http.StatusConflict},
			{"an error", bad.Name(), `{"error":"no space"}`, http.StatusNoContent},
			{"the error again", bad.Name(), `{"error":"no space"}`, http.StatusNoContent},
		} {
			if got := post(c.operation, c.notice); got != c.want {
				t.Errorf("%s: got %d, want %d", c.what, got, c.want)
			}
		}
		if vol, err := good.Wait(t.Context()); err != nil || vol.GetPath() != "/v1" {
			t.Errorf("the completed operation: got %v, %v, want /v1", vol, err)
		}
		if _, err := bad.Wait(t.Context()); status.Code(err) != codes.ResourceExhausted {
			t.Errorf("the failed operation: got %v, want RESOURCE_EXHAUSTED", err)
		}
	})
}

// An order that could not be placed is placed again.
func TestOrderIsRetried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ordered := make(chan string, 10)
		post, start := setup(t, func(_ context.Context, operation string) error {
			ordered <- operation
			if len(ordered) == 1 {
				return errors.New("the other system is not there")
			}
			return nil
		})
		p := start()
		first, second := <-ordered, <-ordered
		if first != p.Name() || second != p.Name() {
			t.Errorf("ordered: got %s and %s, want %s twice", first, second, p.Name())
		}
		if got := post(p.Name(), `{"path":"/v1"}`); got != http.StatusNoContent {
			t.Errorf("webhook: got %d, want %d", got, http.StatusNoContent)
		}
		if _, err := p.Wait(t.Context()); err != nil {
			t.Errorf("the completed operation: got error %v, want none", err)
		}
	})
}
