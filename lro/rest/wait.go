package rest

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// outlast lets a wait go on for longer than the http.Server's timeouts. They
// are meant for clients that dawdle: WriteTimeout would cut the answer off, and
// ReadTimeout, which also bounds net/http's look-out for a client that hangs up,
// would end the context. The returned function gives the answer, from then on,
// the time that it has anywhere else. Where the connection's deadlines are out of
// reach, the wait is cut instead, and the server answers shortly before.
func outlast(ctx context.Context, w http.ResponseWriter) (context.Context, func()) {
	srv, ok := ctx.Value(http.ServerContextKey).(*http.Server)
	if !ok || srv.ReadTimeout <= 0 && srv.WriteTimeout <= 0 {
		return ctx, func() {}
	}
	rc := http.NewResponseController(w)
	if errors.Join(rc.SetReadDeadline(time.Time{}), rc.SetWriteDeadline(time.Time{})) == nil {
		return ctx, func() {
			if srv.WriteTimeout > 0 {
				_ = rc.SetWriteDeadline(time.Now().Add(srv.WriteTimeout))
			}
		}
	}
	shorter := srv.WriteTimeout
	if shorter <= 0 || srv.ReadTimeout > 0 && srv.ReadTimeout < shorter {
		shorter = srv.ReadTimeout
	}
	return context.WithTimeout(ctx, shorter)
}
