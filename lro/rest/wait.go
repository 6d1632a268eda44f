package rest

import (
	"context"
	"net/http"
	"time"
)

// outlast lets a wait, which entered the handler then, go on for longer than the
// http.Server's WriteTimeout, which is meant for clients that dawdle: at its end
// HTTP/1 cuts the answer off, and HTTP/2 the stream. The returned function gives
// the answer, from then on, the time that it has anywhere else. Where the
// connection's deadline is out of reach, the wait is cut to half of WriteTimeout
// instead: the other half is for middleware, which ran before the handler while
// the deadline ran already, and for the answer.
//
// ReadTimeout needs no such care: it ends with the body of the request.
func outlast(ctx context.Context, w http.ResponseWriter, entered time.Time) (context.Context, func()) {
	srv, ok := ctx.Value(http.ServerContextKey).(*http.Server)
	if !ok || srv.WriteTimeout <= 0 {
		return ctx, func() {}
	}
	rc := http.NewResponseController(w)
	if rc.SetWriteDeadline(time.Time{}) != nil {
		return context.WithDeadline(ctx, entered.Add(srv.WriteTimeout/2))
	}
	return ctx, func() { _ = rc.SetWriteDeadline(time.Now().Add(srv.WriteTimeout)) }
}
