package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/lro/rest"
)

// newHTTP makes the server of HTTP/JSON. Its timeouts are for clients that
// dawdle: a request is a few lines and its answer is quick. Waits outlast them.
func newHTTP(operations *lro.Server) *http.Server {
	return &http.Server{
		Handler:           rest.NewHandler(operations, nil),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
}

// serveHTTP serves until stopHTTP is called; that is no error.
func serveHTTP(h *http.Server, listener net.Listener) error {
	if err := h.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// stopHTTP lets the requests under way end. The drain has answered those that
// waited, so what is left after two seconds dawdles, and is cut.
func stopHTTP(ctx context.Context, h *http.Server) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if h.Shutdown(ctx) != nil {
		_ = h.Close()
	}
}
