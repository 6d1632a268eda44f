package proxy

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"time"
)

// chunkSize is how many bytes go on at once, at most. It is larger than peekSize,
// so that what is peeked at fits.
const chunkSize = 64 << 10

// A conn is one connection of the client and the one to the server that belongs
// to it. Each direction has a goroutine. The first that finds a side gone, or is
// struck, ends both.
type conn struct {
	proxy          *Proxy
	client, server *net.TCPConn
	session        session
	done           chan struct{} // closed at the end
	holed          chan struct{} // closed when it becomes a black hole

	mu    sync.Mutex // guards what follows
	over  bool       // done is closed
	until time.Time  // when the black hole is cut; zero if it is none
}

func newConn(p *Proxy, client, server *net.TCPConn) *conn {
	return &conn{
		proxy: p, client: client, server: server,
		session: newSession(p),
		done:    make(chan struct{}), holed: make(chan struct{}),
	}
}

// end ends the connection, by RST if it is to be a cut, else so that what was
// written still arrives. It reports whether it was this call that did.
func (c *conn) end(cut bool) bool {
	c.mu.Lock()
	if c.over {
		c.mu.Unlock()
		return false
	}
	c.over = true
	close(c.done)
	c.mu.Unlock()
	c.proxy.remove(c)
	for _, side := range []*net.TCPConn{c.client, c.server} {
		if cut {
			reset(side)
		} else {
			_ = side.Close()
		}
	}
	return true
}

// reset closes a connection so that the other side gets an RST.
func reset(side *net.TCPConn) {
	_ = side.SetLinger(0)
	_ = side.Close()
}

// swallow makes the connection a black hole and reports whether it was none. No
// write that begins after it succeeds, and those under way are broken off.
func (c *conn) swallow(until time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over || !c.until.IsZero() {
		return false
	}
	c.until = until
	close(c.holed)
	past := time.Unix(1, 0)
	_, _ = c.client.SetDeadline(past), c.server.SetDeadline(past)
	return true
}

// up forwards what the client says. Where the server takes no more of it, down
// still has the server's last words to deliver, and ends the connection.
func (c *conn) up() {
	buf := make([]byte, chunkSize)
	size, ok := c.greet(buf)
	if !ok {
		if c.through() {
			c.end(false)
		}
		return
	}
	from := frames{judge: c.session.clientSays, left: size}
	if c.pump(c.server, c.client, &from, buf, greeting) {
		c.end(false)
	}
}

// down forwards what the server says.
func (c *conn) down() {
	from := frames{judge: c.session.serverSays}
	c.pump(c.client, c.server, &from, make([]byte, chunkSize), 0)
	c.end(false)
}

// The client's first message has no type: its length and a code come first.
const (
	greeting   = 8
	sslRequest = 80877103
	gssRequest = 80877104
)

// greet reads the beginning of the client's first message into buf and answers
// the length of that message. A client that asks for encryption is told that
// there is none, and begins again.
func (c *conn) greet(buf []byte) (size int, ok bool) {
	for {
		if _, err := io.ReadFull(c.client, buf[:greeting]); err != nil {
			return 0, false
		}
		switch binary.BigEndian.Uint32(buf[4:]) {
		case sslRequest, gssRequest:
			if _, err := c.client.Write([]byte("N")); err != nil {
				return 0, false
			}
		default:
			return int(binary.BigEndian.Uint32(buf)), true
		}
	}
}

// pump forwards from one side to the other until it cannot, and reports whether
// the connection is to end with that: it is not if the other side takes no more.
// The first kept bytes of buf have been read already.
func (c *conn) pump(to, from *net.TCPConn, f *frames, buf []byte, kept int) bool {
	for {
		n, err := from.Read(buf[kept:])
		if n > 0 && !c.hold() || !c.through() {
			return true
		}
		out, rest, cut := f.next(buf[:kept+n])
		if _, err := to.Write(out); err != nil {
			return cut || !c.through()
		}
		if cut || err != nil {
			return true
		}
		kept = copy(buf, rest)
	}
}

// hold keeps a chunk for as long as there is a delay, and reports whether the
// connection is still there.
func (c *conn) hold() bool {
	d := c.proxy.holds()
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.holed:
	case <-c.done:
		return false
	}
	return true
}

// through reports whether what comes now may go on. In a black hole it returns
// when that has been cut.
func (c *conn) through() bool {
	select {
	case <-c.done:
		return false
	case <-c.holed:
	default:
		return true
	}
	c.mu.Lock()
	timer := time.NewTimer(time.Until(c.until))
	c.mu.Unlock()
	defer timer.Stop()
	select {
	case <-timer.C:
		c.end(true)
	case <-c.done:
	}
	return false
}
