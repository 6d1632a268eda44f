package lro_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	"github.com/longrunning-go/longrunning/internal/oracle"
	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
)

// A replica is one process: a Manager that lives until it is drained or killed.
type replica struct {
	*lro.Manager
	world   *world
	label   string
	wire    *wire
	methods map[string]*printMethod

	calls context.Context //nolint:containedctx // of clients; ends when the replica is killed
	hang  context.CancelFunc
	drain context.CancelFunc // of Run
	left  atomic.Int64       // when drain was called; 0 before
	ended chan struct{}      // closed when Run has returned
	err   error              // what Run answered
}

// The methods; "" is an operation of no method.
const (
	methodPrint = testpb.Library_Print_FullMethodName
	methodRare  = "/simulation.Press/Rare" // some replicas do not know it
	methodPost  = "/simulation.Press/Post" // external
)

func (w *world) newReplica(label string, knowsRare bool) *replica {
	r := &replica{world: w, label: label, wire: newWire(w, label), methods: make(map[string]*printMethod), ended: make(chan struct{})}
	p := w.plan
	var err error
	r.Manager, err = lro.New(r.wire, &lro.Options{
		Capacity: p.capacity, LeaseTTL: p.lease, DrainTimeout: p.drain, ReportInterval: p.reports, Logger: w.logger(label),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	opts := lro.MethodOptions{
		Name: methodPrint, AnyResponse: true,
		Timeout: p.timeout, MaxAttempts: p.attempts, CancelGrace: p.grace, Retention: p.retention,
	}
	r.methods[methodPrint] = lro.Handle(r.Manager, r.handle, &opts)
	if knowsRare {
		opts.Name, opts.Concurrency = methodRare, 2
		r.methods[methodRare] = lro.Handle(r.Manager, r.handle, &opts)
	}
	opts.Name, opts.Concurrency, opts.External = methodPost, 0, true
	r.methods[methodPost] = lro.Declare[*testpb.PrintRequest, *testpb.PrintResponse, *testpb.PrintMetadata](r.Manager, &opts)

	var run context.Context
	run, r.drain = context.WithCancel(context.WithoutCancel(w.t.Context()))
	r.calls, r.hang = context.WithCancel(context.WithoutCancel(w.t.Context()))
	go func() {
		defer close(r.ended)
		r.err = r.Run(run)
		r.checkDrain()
	}()
	return r
}

// kill ends the replica without a trace. Its goroutines end by themselves, and
// nobody hears of them.
func (r *replica) kill() {
	r.world.logf("%s: killed", r.label)
	r.wire.kill()
	r.hang()
	r.leave()
}

// checkDrain says whether Run has returned as soon as it promises to, whatever the
// store does. A paused process is late as a whole.
func (r *replica) checkDrain() {
	took := time.Since(time.Unix(0, r.left.Load()))
	if most := r.world.plan.drain + 10*time.Second + 100*time.Millisecond; took > most && !r.wire.wasPaused() {
		r.world.errorf("%s: Run returned %v after its context had ended; want at most %v", r.label, took, most)
	}
}

// leave begins a drain.
func (r *replica) leave() {
	r.left.CompareAndSwap(0, time.Now().UnixNano())
	r.drain()
}

// ask makes a client's call, and reports whether its answer arrives.
func (r *replica) ask(patience time.Duration, call func(context.Context) error) (error, bool) {
	ctx, stop := context.WithTimeout(r.calls, patience)
	defer stop()
	err := call(ctx)
	return err, r.wire.awake()
}

// tell tells the oracle, unless the replica is killed: then nobody has seen it.
func (r *replica) tell(f func(*oracle.Oracle)) {
	if r.wire.awake() {
		f(r.world.oracle)
	}
}

// start starts an operation of its method.
func (r *replica) start(ctx context.Context, s *starting) (*longrunningpb.Operation, error) {
	metadata := oracle.Stamp{Seq: 1, By: s.label}.Metadata()
	if s.method == "" {
		return r.Create(ctx, &lro.CreateOptions{Parent: s.parent, RequestID: s.label, Metadata: metadata, Timeout: r.world.plan.timeout})
	}
	opts := &lro.StartOptions{Parent: s.parent, Metadata: metadata}
	if s.repeats {
		opts.RequestID = s.label
	}
	req := &testpb.PrintRequest{Parent: s.parent, Text: s.label}
	if s.done {
		return r.methods[s.method].StartDone(ctx, req, oracle.Stamp{By: s.label}.Response(), opts)
	}
	return r.methods[s.method].Start(ctx, req, opts)
}

// logger writes to the test's log when one seed alone is looked at.
func (w *world) logger(label string) *slog.Logger {
	if !w.verbose {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(testWriter{w, label}, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
}

type testWriter struct {
	w     *world
	label string
}

func (t testWriter) Write(line []byte) (int, error) {
	t.w.logf("%s: %s", t.label, line[:len(line)-1])
	return len(line), nil
}
