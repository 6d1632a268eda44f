package lro_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// A gauge counts the handlers that run at once.
type gauge struct {
	mu        sync.Mutex
	running   int
	most, all int
}

// around is a handler that takes d, unless its context ends first.
func (g *gauge) around(d time.Duration) printFunc {
	return func(ctx context.Context, _ *printTask, req *testpb.PrintRequest) (*testpb.PrintResponse, error) {
		g.mu.Lock()
		g.running++
		g.all++
		g.most = max(g.most, g.running)
		g.mu.Unlock()
		defer func() {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.running--
		}()
		select {
		case <-time.After(d):
			return &testpb.PrintResponse{Text: req.GetText()}, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (g *gauge) now() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.running
}

// TestTimeoutAndRetention: a method's options bound its operations' lives.
func TestTimeoutAndRetention(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), untilCancelled, nil, &lro.MethodOptions{Timeout: 10 * time.Minute, Retention: time.Hour})
		began := time.Now()
		name := p.start("x", nil)
		op := p.end(name)
		wantFailure(t, op, codes.DeadlineExceeded, "OPERATION_TIMEOUT", "timeout")
		if took := time.Since(began); took != 10*time.Minute {
			t.Errorf("the operation ended after %v; want its timeout, 10m", took)
		}
		time.Sleep(time.Hour - time.Second)
		if got, err := p.Get(t.Context(), name); err != nil || !proto.Equal(got, op) {
			t.Errorf("within its retention Get answered %v, %v; want %v", got, err, op)
		}
		time.Sleep(10 * time.Second)
		_, err := p.Get(t.Context(), name)
		wantRefusal(t, "Get after the retention", err, codes.NotFound, "OPERATION_NOT_FOUND")
	})
}

// TestMethodDefaults: 24 h to end, 30 days to be kept, as the record has it.
func TestMethodDefaults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := memstore.New()
		p := setup(t, st, echo, nil, nil)
		created, err := p.Create(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Complete(t.Context(), created.GetName(), &testpb.Book{}); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{p.start("x", nil), created.GetName()} {
			p.end(name)
			recs, err := st.Get(t.Context(), name)
			if err != nil || len(recs) != 1 {
				t.Fatalf("the store has %v, %v", recs, err)
			}
			if got := recs[0].Deadline.Sub(recs[0].CreateTime); got != 24*time.Hour {
				t.Errorf("operation %s must end within %v; want 24h", name, got)
			}
			if got := recs[0].ExpireTime.Sub(recs[0].EndTime); got != 30*24*time.Hour {
				t.Errorf("operation %s is kept for %v; want 30 days", name, got)
			}
		}
	})
}

// TestLimits: Capacity bounds a Manager, Concurrency a method, and a slot that
// comes free is used at once.
func TestLimits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		capacity    int
		concurrency int
		most        int
	}{
		{"Capacity", 2, 0, 2},
		{"Concurrency", 10, 3, 3},
		{"Concurrency over Capacity", 2, 50, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var running gauge
				p := setup(t, memstore.New(), running.around(time.Minute), &lro.Options{Capacity: c.capacity}, &lro.MethodOptions{Concurrency: c.concurrency})
				began := time.Now()
				names := make([]string, 2*c.most)
				for i := range names {
					names[i] = p.start("x", nil)
				}
				synctest.Wait()
				if got := running.now(); got != c.most {
					t.Errorf("%d handlers run; want %d at once", got, c.most)
				}
				for _, name := range names {
					p.end(name)
				}
				if took := time.Since(began); running.most != c.most || running.all != 2*c.most || took != 2*time.Minute {
					t.Errorf("%d operations ran, %d at once, in %v; want %d, %d at once, in two rounds of a minute",
						running.all, running.most, took, 2*c.most, c.most)
				}
			})
		})
	}
}

// TestConcurrencyLeavesRoom: a method at its limit holds nobody else up.
func TestConcurrencyLeavesRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var running gauge
		var bind *lro.Method[*testpb.BindRequest, *testpb.BindResponse, *testpb.BindMetadata]
		p := setup(t, memstore.New(), running.around(time.Hour), &lro.Options{Capacity: 2}, &lro.MethodOptions{Concurrency: 1}, func(m *lro.Manager) {
			bind = lro.Handle(m, func(context.Context, *lro.Task[*testpb.BindMetadata], *testpb.BindRequest) (*testpb.BindResponse, error) {
				return &testpb.BindResponse{}, nil
			}, nil)
		})
		p.start("1", nil)
		p.start("2", nil)
		began := time.Now()
		op, err := bind.Start(t.Context(), &testpb.BindRequest{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		p.end(op.GetName())
		if took := time.Since(began); took > 0 {
			t.Errorf("Bind ended after %v; want at once: a slot is free", took)
		}
	})
}
