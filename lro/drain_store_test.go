package lro_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// TestDrainNamesLostEnds: what a store that is gone could not take is named, in
// time, and runs again.
func TestDrainNamesLostEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared := memstore.New()
		l := newLink(shared)
		deaf := make(chan struct{})
		p := setup(t, l, func(ctx context.Context, _ *printTask, req *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			switch req.GetText() {
			case "quick":
				time.Sleep(10 * time.Second)
			case "until told":
				<-ctx.Done()
				return nil, ctx.Err()
			case "deaf":
				<-deaf
			}
			return &testpb.PrintResponse{Text: "lost"}, nil
		}, nil, nil)
		before := p.start("before", nil)
		p.end(before)
		names := map[string]string{}
		for _, text := range []string{"quick", "until told", "deaf"} {
			names[text] = p.start(text, nil)
		}
		time.Sleep(5 * time.Second)
		l.kill()
		err := drain(t, p)
		if err == nil {
			t.Fatal("Run answered nil; want an error that names the ends that were lost")
		}
		ignored, lost, found := strings.Cut(err.Error(), "; ")
		if !found || !strings.Contains(ignored, names["deaf"]+" (not handed back)") {
			t.Errorf("Run answered %v; want it to say that the handler of %s is deaf and was not handed back", err, names["deaf"])
		}
		for text, name := range names {
			if !strings.Contains(lost, name) {
				t.Errorf("Run answered %v; want it to name %s (%s), whose end was not stored", err, name, text)
			}
		}
		if strings.Contains(err.Error(), before) || !strings.Contains(err.Error(), errStore.Error()) {
			t.Errorf("Run answered %v; want it to say why, and nothing of %s, which had ended before", err, before)
		}

		heir := setup(t, shared, echo, nil, nil)
		began := time.Now()
		for text, name := range names {
			if got := responseOf[*testpb.PrintResponse](t, heir.end(name)); got.GetText() != text {
				t.Errorf("operation %s ended with %q; want the result of another attempt", name, got.GetText())
			}
		}
		if took := time.Since(began); took > 25*time.Second {
			t.Errorf("what was not handed back ended after %v; want about LeaseTTL, 15s, and a heartbeat", took)
		}
		close(deaf)
	})
}

// TestDrainOutlastsAnOutage: ends that the store takes late, but before the
// bound, are not lost.
func TestDrainOutlastsAnOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLink(memstore.New())
		p := setup(t, l, func(context.Context, *printTask, *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			time.Sleep(10 * time.Second)
			return &testpb.PrintResponse{Text: "late"}, nil
		}, nil, nil)
		name := p.start("", nil)
		l.kill()
		time.AfterFunc(18*time.Second, l.revive)
		if err := drain(t, p); err != nil {
			t.Errorf("Run answered %v; want nil, the store was back in time", err)
		}
		op, err := p.Get(t.Context(), name)
		if err != nil || op.GetResponse() == nil {
			t.Errorf("after the drain the operation is %v, %v; want its result", op, err)
		}
	})
}

// TestDrainTriesToTheLast: ends that have failed for long are tried often enough
// that the store has taken them all if it is back two seconds before the bound.
func TestDrainTriesToTheLast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLink(memstore.New())
		p := setup(t, l, func(context.Context, *printTask, *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			time.Sleep(10 * time.Second)
			return &testpb.PrintResponse{Text: "late"}, nil
		}, nil, nil)
		for range 50 {
			p.start("", nil)
		}
		l.kill()
		const resignTimeout = 2 * time.Second
		time.AfterFunc(drainBound-resignTimeout-2*time.Second, l.revive)
		if err := drain(t, p); err != nil {
			t.Errorf("Run answered %v; want nil, the store was back in time", err)
		}
	})
}

// TestDrainOfNothing: a store that is gone hardly holds up a Manager that runs
// nothing.
func TestDrainOfNothing(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*link){"gone": (*link).kill, "hung": (*link).pause} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := newLink(memstore.New())
				p := setup(t, l, echo, &lro.Options{DrainTimeout: time.Hour}, nil)
				p.end(p.start("", nil))
				time.Sleep(time.Minute)
				fail(l)
				time.Sleep(time.Minute)
				began := time.Now()
				if err := p.stop(); err != nil {
					t.Errorf("Run answered %v; want nil, nothing was lost", err)
				}
				if took := time.Since(began); took > 40*time.Second {
					t.Errorf("the drain took %v; want no longer than one call that hangs, 30s, and some seconds", took)
				}
			})
		})
	}
}
