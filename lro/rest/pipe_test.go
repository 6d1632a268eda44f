package rest_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"
)

// A pipe is a listener whose connections are in memory, so that a bubble of fake
// time holds an http.Server with its deadlines.
type pipe struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (p *pipe) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipe) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (*pipe) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

func (p *pipe) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// listen serves srv on a pipe until the end of the test and answers a client
// that speaks this version of HTTP.
func listen(t *testing.T, srv *http.Server, version int) (*pipe, *http.Client) {
	t.Helper()
	p := &pipe{conns: make(chan net.Conn), closed: make(chan struct{})}
	srv.Protocols = new(http.Protocols)
	srv.Protocols.SetHTTP1(version == 1)
	srv.Protocols.SetUnencryptedHTTP2(version == 2)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(p) }()
	transport := &http.Transport{DialContext: p.dial, Protocols: srv.Protocols}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = srv.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	return p, &http.Client{Transport: transport}
}
