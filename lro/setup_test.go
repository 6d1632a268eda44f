package lro_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/memstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The types of the method that most tests use.
type (
	printTask   = lro.Task[*testpb.PrintMetadata]
	printFunc   = func(context.Context, *printTask, *testpb.PrintRequest) (*testpb.PrintResponse, error)
	printMethod = lro.Method[*testpb.PrintRequest, *testpb.PrintResponse, *testpb.PrintMetadata]
)

// A process is a Manager that runs, as one of a fleet on one store would.
type process struct {
	*lro.Manager
	t     *testing.T
	store store.Store
	print *printMethod
	stop  func() error // drains; answers what Run answered
}

// setup makes a Manager on st and runs it until stop or the end of the test.
// Several calls with one store are a fleet. register may add methods; a nil fn
// leaves Print undeclared.
func setup(t *testing.T, st store.Store, fn printFunc, opts *lro.Options, method *lro.MethodOptions, register ...func(*lro.Manager)) *process {
	t.Helper()
	p := setupIdle(t, st, fn, opts, method, register...)
	p.run()
	return p
}

// setupIdle is setup without Run.
func setupIdle(t *testing.T, st store.Store, fn printFunc, opts *lro.Options, method *lro.MethodOptions, register ...func(*lro.Manager)) *process {
	t.Helper()
	var o lro.Options
	if opts != nil {
		o = *opts
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	m, err := lro.New(st, &o)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{Manager: m, t: t, store: st, stop: func() error { return nil }}
	if fn != nil {
		p.print = lro.Handle(m, fn, method)
	}
	for _, r := range register {
		r(m)
	}
	return p
}

// run starts Run, and returns once it is registered with the store.
func (p *process) run() {
	ctx, cancel := context.WithCancel(context.WithoutCancel(p.t.Context()))
	ended := make(chan struct{})
	var err error
	go func() {
		defer close(ended)
		err = p.Run(ctx)
	}()
	p.stop = func() error {
		cancel()
		<-ended
		return err
	}
	p.t.Cleanup(func() { _ = p.stop() })
	synctest.Wait()
}

// start starts a Print operation and answers its name.
func (p *process) start(text string, opts *lro.StartOptions) string {
	p.t.Helper()
	op, err := p.print.Start(p.t.Context(), &testpb.PrintRequest{Text: text}, opts)
	if err != nil {
		p.t.Fatalf("Start: %v", err)
	}
	return op.GetName()
}

// end waits until the operation is done and answers it.
func (p *process) end(name string) *longrunningpb.Operation {
	p.t.Helper()
	op, err := p.Wait(p.t.Context(), name)
	if err != nil {
		p.t.Fatalf("Wait(%s): %v", name, err)
	}
	if !op.GetDone() {
		p.t.Fatalf("Wait(%s) answered an operation that is not done: %v", name, op)
	}
	return op
}

// dial serves the Manager over gRPC on an in-memory connection.
func (p *process) dial(auth lro.Authorizer, opts *lro.ServerOptions) *grpc.ClientConn {
	p.t.Helper()
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer()
	longrunningpb.RegisterOperationsServer(server, lro.NewServer(p.Manager, auth, opts))
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:///bufconn",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		_ = conn.Close()
		server.Stop()
		if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) { // stopped before it served
			p.t.Errorf("Serve: %v", err)
		}
	})
	return conn
}

// responseOf unwraps the response of a done operation.
func responseOf[T proto.Message](t *testing.T, op *longrunningpb.Operation) T {
	t.Helper()
	msg, err := op.GetResponse().UnmarshalNew()
	if err != nil {
		t.Fatalf("operation %s has no readable response: %v; it is %v", op.GetName(), err, op)
	}
	res, ok := msg.(T)
	if !ok {
		t.Fatalf("operation %s answered a %T", op.GetName(), msg)
	}
	return res
}

// echo answers the request's text.
func echo(_ context.Context, _ *printTask, req *testpb.PrintRequest) (*testpb.PrintResponse, error) {
	return &testpb.PrintResponse{Text: req.GetText()}, nil
}

// untilCancelled waits for its context and answers the cause.
func untilCancelled(ctx context.Context, _ *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
	<-ctx.Done()
	return nil, context.Cause(ctx)
}

var errStore = errors.New("the store is out of order")

// A flaky store wraps a memory store. Each hook, if set, is called in place of
// the method and may call the real one, fail, fail afterwards, or block.
type flaky struct {
	*memstore.Store
	mu        sync.Mutex
	create    func(context.Context, *store.Record) (*store.Record, error)
	update    func(context.Context, *store.Record) (*store.Record, error)
	claim     func(context.Context, *store.Claim) ([]*store.Record, error)
	heartbeat func(context.Context, string, time.Duration) ([]string, error)
	get       func(context.Context, ...string) ([]*store.Record, error)
	mute      bool // no hints
}

func newFlaky() *flaky { return &flaky{Store: memstore.New()} }

// set changes hooks while Managers run.
func (f *flaky) set(change func(*flaky)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

func hook[F any](f *flaky, pick func(*flaky) F) F {
	f.mu.Lock()
	defer f.mu.Unlock()
	return pick(f)
}

func (f *flaky) Create(ctx context.Context, rec *store.Record) (*store.Record, error) {
	if h := hook(f, func(f *flaky) func(context.Context, *store.Record) (*store.Record, error) { return f.create }); h != nil {
		return h(ctx, rec)
	}
	return f.Store.Create(ctx, rec)
}

func (f *flaky) Update(ctx context.Context, rec *store.Record) (*store.Record, error) {
	if h := hook(f, func(f *flaky) func(context.Context, *store.Record) (*store.Record, error) { return f.update }); h != nil {
		return h(ctx, rec)
	}
	return f.Store.Update(ctx, rec)
}

func (f *flaky) Claim(ctx context.Context, c *store.Claim) ([]*store.Record, error) {
	if h := hook(f, func(f *flaky) func(context.Context, *store.Claim) ([]*store.Record, error) { return f.claim }); h != nil {
		return h(ctx, c)
	}
	return f.Store.Claim(ctx, c)
}

func (f *flaky) Heartbeat(ctx context.Context, owner string, ttl time.Duration) ([]string, error) {
	if h := hook(f, func(f *flaky) func(context.Context, string, time.Duration) ([]string, error) { return f.heartbeat }); h != nil {
		return h(ctx, owner, ttl)
	}
	return f.Store.Heartbeat(ctx, owner, ttl)
}

func (f *flaky) Get(ctx context.Context, names ...string) ([]*store.Record, error) {
	if h := hook(f, func(f *flaky) func(context.Context, ...string) ([]*store.Record, error) { return f.get }); h != nil {
		return h(ctx, names...)
	}
	return f.Store.Get(ctx, names...)
}

func (f *flaky) Notify(ctx context.Context, fn func(store.Hint)) error {
	if hook(f, func(f *flaky) bool { return f.mute }) {
		<-ctx.Done()
		return nil
	}
	return f.Store.Notify(ctx, fn)
}
