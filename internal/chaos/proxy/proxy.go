// Package proxy stands between one process and Postgres, and breaks what passes
// at the worst moment: a TCP proxy that understands as much of Postgres's wire
// protocol (version 3, without TLS, which it declines) as it takes to tell a
// commit that wrote something from all others.
//
// Strikes are armed by methods, and several may be in force at once. One that
// lasts for a length begins with the call and replaces an earlier one of its
// kind, so that a length of 0 ends it.
package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// A Proxy forwards connections. Its methods may be called at any time by any
// goroutine.
type Proxy struct {
	to       string // host:port of Postgres
	listener net.Listener
	stop     context.CancelFunc
	running  sync.WaitGroup

	mu     sync.Mutex // guards what follows; nothing waits while holding it
	conns  map[*conn]struct{}
	closed bool
	armed  bool          // CutAfterCommit
	delay  time.Duration // until delayed
	struck Counts

	delayed, refused, deaf time.Time // when Delay, Refuse and LoseNotifications are over
}

// Counts say how often strikes hit something, where their methods cannot answer it.
type Counts struct {
	AfterCommit   int // connections cut between a commit and its acknowledgement
	Delayed       int // chunks held by Delay, either way
	Refused       int // connections closed by Refuse
	Notifications int // messages lost by LoseNotifications
}

// Listen starts a proxy on a free port of 127.0.0.1 that forwards to addr, the
// host:port of Postgres. It runs until Close: the end of ctx does not end it.
func Listen(ctx context.Context, addr string) (*Proxy, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("proxy: listening on a free port: %w", err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	p := &Proxy{to: addr, listener: listener, stop: stop, conns: make(map[*conn]struct{})}
	p.running.Go(func() { p.accept(ctx) })
	return p, nil
}

// Addr answers the host:port on which the proxy listens, also after Close.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Close closes the listener and all connections, held ones too, and returns when
// no goroutine of the proxy is left. Later calls do nothing and answer nil.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.stop()
	err := p.listener.Close()
	p.Cut()
	p.running.Wait()
	if err != nil && !errors.Is(err, net.ErrClosed) { // by another call
		return fmt.Errorf("proxy: closing the listener: %w", err)
	}
	return nil
}

// Cut breaks every connection, with an RST to both sides, and answers how many.
func (p *Proxy) Cut() int {
	n := 0
	for _, c := range p.all() {
		if c.end(true) {
			n++
		}
	}
	return n
}

// CutAfterCommit arms the proxy, once: the next commit that wrote something (see
// the type session) is performed by the server, and its connection is cut before
// the client learns of it. What the server said before is delivered.
func (p *Proxy) CutAfterCommit() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed = true
}

// Delay holds, for length from now, every chunk that arrives, from either side and
// on new connections too, for d before it goes on. Order is kept, and each side
// of a connection holds one chunk at a time: what is larger goes on in pieces of
// 64 KiB at most, d apart.
func (p *Proxy) Delay(d, length time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay, p.delayed = d, time.Now().Add(length)
}

// HalfOpen makes black holes of the connections there are: nothing that either
// side says arrives any more, not even that it hung up, until length is over and
// they are cut. It answers how many, without those that were black holes already
// and go on as such. New connections work.
func (p *Proxy) HalfOpen(length time.Duration) int {
	n, until := 0, time.Now().Add(length)
	for _, c := range p.all() {
		if c.swallow(until) {
			n++
		}
	}
	return n
}

// Refuse closes new connections at once, for length. Those there are go on.
func (p *Proxy) Refuse(length time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refused = time.Now().Add(length)
}

// LoseNotifications drops what the server has to say of NOTIFY, for length.
func (p *Proxy) LoseNotifications(length time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deaf = time.Now().Add(length)
}

// Struck answers what strikes have hit so far.
func (p *Proxy) Struck() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.struck
}

func (p *Proxy) all() []*conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]*conn, 0, len(p.conns))
	for c := range p.conns {
		all = append(all, c)
	}
	return all
}

// accept takes connections until the listener is closed.
func (p *Proxy) accept(ctx context.Context) {
	for {
		client, err := p.listener.Accept()
		switch {
		case err == nil:
			p.running.Go(func() { p.serve(ctx, client.(*net.TCPConn)) })
		case errors.Is(err, net.ErrClosed):
			return
		default: // out of file descriptors, say: it may pass
			select {
			case <-time.After(10 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}
}

// serve forwards one connection until it ends.
func (p *Proxy) serve(ctx context.Context, client *net.TCPConn) {
	var dialer net.Dialer
	if p.refuses() {
		reset(client)
		return
	}
	server, err := dialer.DialContext(ctx, "tcp", p.to)
	if err != nil {
		reset(client)
		return
	}
	c := newConn(p, client, server.(*net.TCPConn))
	if !p.add(c) {
		c.end(true)
		return
	}
	p.running.Go(c.up)
	c.down()
}

func (p *Proxy) add(c *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.conns[c] = struct{}{}
	}
	return !p.closed
}

func (p *Proxy) remove(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

// The following tell whether a strike hits now, and count it if so.

func (p *Proxy) refuses() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return hits(time.Now().Before(p.refused), &p.struck.Refused)
}

// holds answers for how long a chunk is held.
func (p *Proxy) holds() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if hits(p.delay > 0 && time.Now().Before(p.delayed), &p.struck.Delayed) {
		return p.delay
	}
	return 0
}

func (p *Proxy) losesNotification() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return hits(time.Now().Before(p.deaf), &p.struck.Notifications)
}

func (p *Proxy) losesCommit() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	hit := hits(p.armed, &p.struck.AfterCommit)
	p.armed = false
	return hit
}

func hits(hit bool, count *int) bool {
	if hit {
		*count++
	}
	return hit
}
