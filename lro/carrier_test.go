package lro_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store/memstore"
)

type callerKey struct{}

// TestCarrier: what Inject takes from Start's context reaches the handler's by
// way of Extract, in another process too.
func TestCarrier(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := memstore.New()
		opts := func(capacity int) *lro.Options {
			return &lro.Options{
				Capacity: capacity,
				Inject: func(ctx context.Context) map[string]string {
					caller, _ := ctx.Value(callerKey{}).(string)
					return map[string]string{"caller": caller}
				},
				Extract: func(ctx context.Context, carrier map[string]string) context.Context {
					return context.WithValue(ctx, callerKey{}, "extracted "+carrier["caller"])
				},
			}
		}
		handler := func(ctx context.Context, _ *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			caller, _ := ctx.Value(callerKey{}).(string)
			return &testpb.PrintResponse{Text: caller}, nil
		}
		front := setup(t, st, handler, opts(-1), nil)
		setup(t, st, handler, opts(1), nil)
		op, err := front.print.Start(context.WithValue(t.Context(), callerKey{}, "ada"), &testpb.PrintRequest{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if res := responseOf[*testpb.PrintResponse](t, front.end(op.GetName())); res.GetText() != "extracted ada" {
			t.Errorf("the handler's context says %q; want what Inject and Extract carried", res.GetText())
		}
	})
}

// TestCarrierOpenTelemetry: by default the trace of Start continues in the handler.
func TestCarrierOpenTelemetry(t *testing.T) { //nolint:paralleltest // it sets the propagator of the process
	otel.SetTextMapPropagator(propagation.TraceContext{})
	t.Cleanup(func() { otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator()) })
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), func(ctx context.Context, _ *printTask, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			sc := trace.SpanContextFromContext(ctx)
			return &testpb.PrintResponse{Text: fmt.Sprint(sc.TraceID(), sc.SpanID(), sc.IsSampled(), sc.IsRemote())}, nil
		}, nil, nil)
		sc := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1, 2, 3}, SpanID: trace.SpanID{4, 5}, TraceFlags: trace.FlagsSampled})
		op, err := p.print.Start(trace.ContextWithSpanContext(t.Context(), sc), &testpb.PrintRequest{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprint(sc.TraceID(), sc.SpanID(), true, true)
		if res := responseOf[*testpb.PrintResponse](t, p.end(op.GetName())); res.GetText() != want {
			t.Errorf("the handler's span context is %q; want that of Start: %q", res.GetText(), want)
		}
	})
}

// TestIntercept: it runs around every attempt, on what it hands on and answers.
func TestIntercept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var seen []lro.TaskInfo
		p := setup(t, memstore.New(), func(ctx context.Context, task *printTask, req *testpb.PrintRequest) (*testpb.PrintResponse, error) {
			if task.Attempt() == 1 {
				return nil, lro.Retry(errors.New("paper jam"), time.Second)
			}
			value, _ := ctx.Value(callerKey{}).(string)
			return &testpb.PrintResponse{Text: req.GetText() + value}, nil
		}, &lro.Options{Intercept: func(ctx context.Context, info lro.TaskInfo, next func(context.Context) error) error {
			mu.Lock()
			seen = append(seen, info)
			mu.Unlock()
			return next(context.WithValue(ctx, callerKey{}, " intercepted"))
		}}, nil)
		name := p.start("dune", nil)
		if res := responseOf[*testpb.PrintResponse](t, p.end(name)); res.GetText() != "dune intercepted" {
			t.Errorf("the handler answered %q; want it to have the interceptor's context", res.GetText())
		}
		want := []lro.TaskInfo{{name, testpb.Library_Print_FullMethodName, 1}, {name, testpb.Library_Print_FullMethodName, 2}}
		if fmt.Sprint(seen) != fmt.Sprint(want) {
			t.Errorf("Intercept saw %v; want every attempt: %v", seen, want)
		}
	})
}

// TestInterceptResult: what Intercept returns counts as the handler's error.
func TestInterceptResult(t *testing.T) {
	t.Parallel()
	type intercept = func(context.Context, lro.TaskInfo, func(context.Context) error) error
	refused := status.Error(codes.ResourceExhausted, "quota")
	for _, c := range []struct {
		name      string
		intercept intercept
		handler   printFunc
		want      codes.Code
	}{
		{"an error in place of a response", func(ctx context.Context, _ lro.TaskInfo, next func(context.Context) error) error {
			return errors.Join(next(ctx), refused)
		}, echo, codes.ResourceExhausted},
		{"an error without a call", func(context.Context, lro.TaskInfo, func(context.Context) error) error { return refused }, echo, codes.ResourceExhausted},
		{"nothing without a call", func(context.Context, lro.TaskInfo, func(context.Context) error) error { return nil }, echo, codes.Internal},
		{"nothing in place of an error", func(ctx context.Context, _ lro.TaskInfo, next func(context.Context) error) error {
			_ = next(ctx)
			return nil
		}, failing(refused), codes.Internal},
		{"a second call", func(ctx context.Context, _ lro.TaskInfo, next func(context.Context) error) error {
			_ = next(ctx)
			return next(ctx)
		}, echo, codes.OK},
		{"a panic", func(context.Context, lro.TaskInfo, func(context.Context) error) error { panic("intercepted") }, echo, codes.Internal},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := setup(t, memstore.New(), c.handler, &lro.Options{Intercept: c.intercept}, nil)
				op := p.end(p.start("x", nil))
				if got := codes.Code(op.GetError().GetCode()); got != c.want || (op.GetResponse() != nil) != (c.want == codes.OK) {
					t.Errorf("the operation ended as %v; want code %v", op, c.want)
				}
			})
		})
	}
}
