package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/longrunning-go/longrunning/internal/pgtest"
	"github.com/longrunning-go/longrunning/poller"
)

func TestRun(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	for i := range 2 {
		var out strings.Builder
		must(t, run(t.Context(), url, "teapot", log.New(&out, "", 0)))
		want := fmt.Sprintf(`^ordered: operations/\S+ ships a teapot\nshipped: order %d, packed by attempt 1\n$`, i+1)
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("output: got %q, want %s", out.String(), want)
		}
	}
}

// An order and its operation: both or neither.
func TestOrder(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		item  string
		fault *fault
		want  bool
	}{
		"committed":             {"teapot", nil, true},
		"refused at the commit": {"unicorn", nil, false},
		"lost at the commit":    {"teapot", &fault{statement: "INSERT INTO orders", strike: lost}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := setup(t, pgtest.Database(t), c.fault)
			_, err := p.order(t.Context(), c.item)
			if (err == nil) != c.want {
				t.Errorf("order: got error %v, want success: %v", err, c.want)
			}
			var want int
			if c.want {
				want = 1
			}
			p.want(t, "after the order", want, "", 10)
			if got := len(p.operations(t)); got != want {
				t.Errorf("operations: got %d, want %d, as many as orders", got, want)
			}
		})
	}
}

// A shipment and the end of its operation: both or neither, and once.
func TestShip(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault  *fault
		parcel string
	}{
		"committed":          {nil, "order 1, packed by attempt 1"},
		"lost at the commit": {&fault{statement: "UPDATE stock", strike: lost}, "order 1, packed by attempt 2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := setup(t, pgtest.Database(t), c.fault)
			p.run(t)
			op, err := p.order(t.Context(), "teapot")
			must(t, err)
			p.ships(t, op.GetName(), c.parcel)
		})
	}
}

// An order that cannot be shipped fails, and leaves the stock alone.
func TestOutOfStock(t *testing.T) {
	t.Parallel()
	p := setup(t, pgtest.Database(t), nil)
	_, err := p.pool.Exec(t.Context(), `UPDATE stock SET on_hand = 0`)
	must(t, err)
	p.run(t)
	op, err := p.order(t.Context(), "teapot")
	must(t, err)
	_, err = poller.New[*wrapperspb.StringValue](p.m.LocalClient(), op, nil).Wait(t.Context())
	if status.Code(err) != codes.FailedPrecondition || !strings.Contains(err.Error(), "no teapot left") {
		t.Errorf("the operation: got %v, want FAILED_PRECONDITION that says why", err)
	}
	p.want(t, "when it has failed", 1, "", 0)
}

// A program that is killed between the work of the handler and its commit leaves
// neither of the two, and the next one makes both.
func TestKilled(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "ORDERS_KILLED="+url)
	if out, err := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != -1 {
		t.Fatalf("the first program: got %v, want that it is killed; its output: %s", err, out)
	}
	p := setup(t, url, nil)
	p.want(t, "after the kill", 1, "", 10)
	ops := p.operations(t)
	if len(ops) != 1 || ops[0].GetDone() {
		t.Fatalf("operations after the kill: got %v, want one that is not done", ops)
	}
	p.run(t)
	p.ships(t, ops[0].GetName(), "order 1, packed by attempt 2")
}

// killed is a shop that is killed when it has shipped and not committed.
func killed(ctx context.Context, url string) {
	p, err := open(ctx, url, &fault{statement: "UPDATE stock", strike: func(ctx context.Context) context.Context {
		self, err := os.FindProcess(os.Getpid())
		if err == nil {
			err = self.Kill()
		}
		log.Print("killed: ", err)
		select {} // until then
	}})
	if err != nil {
		log.Fatal(err)
	}
	go func() { _ = p.m.Run(ctx) }()
	if err := p.buy(ctx, p.m, "teapot", log.Default()); err != nil {
		log.Fatal(err)
	}
}

// ships waits for the end of the operation and checks that it came with the
// shipment, which was made once.
func (p *program) ships(t *testing.T, operation, parcel string) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	got, err := poller.Resume[*wrapperspb.StringValue](p.m.LocalClient(), operation, nil).Wait(ctx)
	must(t, err)
	if got.GetValue() != parcel {
		t.Errorf("the response: got %q, want %q", got.GetValue(), parcel)
	}
	p.want(t, "when it is shipped", 1, parcel, 9)
}
