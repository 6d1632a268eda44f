package lro

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
)

// Options configure a Manager. The zero value of every field means its default.
type Options struct {
	// Capacity is how many handlers run at once. Default 100; negative: this
	// Manager serves and starts operations but runs none.
	Capacity int
	// LeaseTTL is how long this Manager counts as alive after a heartbeat, and so
	// about how long its operations wait for another owner when it dies.
	// Heartbeats leave three times as often. Default 15 s, at least 1 s.
	LeaseTTL time.Duration
	// DrainTimeout is how long handlers may go on after Run's context has ended,
	// before they are cancelled and handed back. Run returns at most 10 s later: give
	// the process as much time to end. Default 20 s.
	DrainTimeout time.Duration
	// ReportInterval is the least time between two writes of an operation's
	// reports. Default 1 s.
	ReportInterval time.Duration
	// MaxPayload bounds a request, a metadata message, a checkpoint and a
	// response, each in bytes of its serialized Any. Default 1 MiB.
	MaxPayload int
	// Domain is the domain of the ErrorInfo in errors (AIP-193): the name of the
	// service. Default "longrunning".
	Domain string
	// Logger gets what is not for clients. It hears when the store begins to fail,
	// every 30 s while it does, and when it answers again; each call that failed is
	// told at debug level only. Default slog.Default().
	Logger *slog.Logger
	// Intercept runs around every attempt, on the handler's goroutine; next runs
	// the handler and answers its error. What Intercept returns counts as the
	// handler's error. Default: next alone.
	Intercept func(ctx context.Context, t TaskInfo, next func(context.Context) error) error
	// Inject, called by Start, answers what is to reach the handler's context:
	// trace context, principal. It is stored with the operation. Default: what
	// the global OpenTelemetry propagator injects.
	Inject func(context.Context) map[string]string
	// Extract puts what Inject answered into the context of a handler. Default:
	// the global OpenTelemetry propagator.
	Extract func(context.Context, map[string]string) context.Context
}

// TaskInfo tells an interceptor which attempt it runs around.
type TaskInfo struct {
	Name    string // of the operation
	Method  string // full RPC name
	Attempt int64  // as [Task.Attempt]
}

func (o *Options) resolve() (Options, error) {
	var r Options
	if o != nil {
		r = *o
	}
	r.Capacity = cmp.Or(r.Capacity, 100)
	r.LeaseTTL = cmp.Or(r.LeaseTTL, 15*time.Second)
	r.DrainTimeout = cmp.Or(r.DrainTimeout, 20*time.Second)
	r.ReportInterval = cmp.Or(r.ReportInterval, time.Second)
	r.MaxPayload = cmp.Or(r.MaxPayload, 1<<20)
	r.Domain = cmp.Or(r.Domain, "longrunning")
	r.Logger = cmp.Or(r.Logger, slog.Default())
	if r.Intercept == nil {
		r.Intercept = func(ctx context.Context, _ TaskInfo, next func(context.Context) error) error { return next(ctx) }
	}
	if r.Inject == nil {
		r.Inject = func(ctx context.Context) map[string]string {
			carrier := make(propagation.MapCarrier)
			otel.GetTextMapPropagator().Inject(ctx, carrier)
			return carrier
		}
	}
	if r.Extract == nil {
		r.Extract = func(ctx context.Context, carrier map[string]string) context.Context {
			return otel.GetTextMapPropagator().Extract(ctx, propagation.MapCarrier(carrier))
		}
	}
	switch {
	case r.LeaseTTL < time.Second:
		return r, fmt.Errorf("lro: Options.LeaseTTL is %v; it must be at least 1s", r.LeaseTTL)
	case r.DrainTimeout < 0:
		return r, fmt.Errorf("lro: Options.DrainTimeout is %v; it must not be negative", r.DrainTimeout)
	case r.ReportInterval < 0:
		return r, fmt.Errorf("lro: Options.ReportInterval is %v; it must not be negative", r.ReportInterval)
	case r.MaxPayload < 0:
		return r, fmt.Errorf("lro: Options.MaxPayload is %d; it must not be negative", r.MaxPayload)
	}
	return r, nil
}
