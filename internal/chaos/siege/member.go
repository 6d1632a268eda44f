//go:build linux

package siege

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/longrunning-go/longrunning/internal/chaos/proxy"
	"github.com/longrunning-go/longrunning/internal/chaos/worker"
	"github.com/longrunning-go/longrunning/internal/oracle"
	"github.com/longrunning-go/longrunning/internal/testpb"
)

// A place is where one worker runs after the other; each has its way to the store.
type place struct {
	name    string
	store   string
	px      *proxy.Proxy // nil without one
	methods []string
}

// A member is one worker process, from its start to its death.
type member struct {
	place
	siege *siege
	name  string
	cmd   *exec.Cmd
	in    io.WriteCloser
	gone  chan struct{} // closed when the process has ended and all it told was read

	mu      sync.Mutex
	conn    *grpc.ClientConn // nil before it is ready
	running map[attempt]struct{}
	counts  map[string]int // events by kind
	stopped bool           // by SIGSTOP
	calm    time.Time      // from when on nothing disturbs it
	drained string
	leaks   string
}

// spawn starts a worker in a place.
func (s *siege) spawn(ctx context.Context, p place, number int) (*member, error) {
	m := &member{
		place: p, siege: s, name: fmt.Sprintf("%s.%d", p.name, number), gone: make(chan struct{}),
		running: make(map[attempt]struct{}), counts: make(map[string]int),
	}
	config, err := json.Marshal(worker.Config{Name: m.name, Store: p.store, LeaseTTL: s.scenario.TTL, Capacity: s.scenario.Capacity, Methods: p.methods})
	if err != nil {
		return nil, err
	}
	logged, err := os.Create(filepath.Join(s.logs, m.name+".log"))
	if err != nil {
		return nil, err
	}
	m.cmd = exec.CommandContext(context.WithoutCancel(ctx), s.binary, "worker", string(config))
	m.cmd.Stderr = logged
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true} // it never outlives us
	if m.in, err = m.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := m.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := m.cmd.Start(); err != nil {
		return nil, err
	}
	go m.listen(out, logged)
	return m, nil
}

// listen takes the events of the process until it has ended.
func (m *member) listen(out io.Reader, logged io.Closer) {
	defer close(m.gone)
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e worker.Event
		if json.Unmarshal(lines.Bytes(), &e) == nil { // the last line may be torn
			m.hear(e)
		}
	}
	_ = m.cmd.Wait() // cmd.ProcessState says it all
	_ = logged.Close()
	if state := m.cmd.ProcessState; state.Exited() && (!state.Success() || !m.siege.isClosing()) {
		m.siege.blame(Crashed, m.name, "the process ended with "+state.String())
	}
	m.siege.journal.died(m.held())
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.conn != nil {
		_ = m.conn.Close()
	}
}

// hear takes one event. The locks of member, siege and journal are never held
// together.
func (m *member) hear(e worker.Event) {
	a := attempt{e.Name, e.Epoch}
	m.note(e, a)
	switch e.Kind {
	case worker.Began:
		m.siege.journal.began(a, m)
		m.siege.oracle.Ran(a.name, a.epoch, m.name)
	case worker.Returned:
		m.siege.journal.returned(a)
	case worker.Saved:
		m.siege.oracle.Saved(e.Name, worker.Stamped(e.Text))
	case worker.Tries:
		m.siege.journal.tries(a)
	case worker.Trespassed:
		m.siege.blame(oracle.Fenced, a.name, fmt.Sprintf("%s let go of attempt %d, which another worker ran", m.name, a.epoch))
	case worker.Owns:
		m.siege.journal.owns(e.Text, m)
	case worker.Struck:
		m.siege.mined(e.Text)
	case worker.Failed:
		if strings.Contains(e.Text, "is full") {
			m.siege.add(refusedForRoom)
		}
	}
}

// note keeps what an event says of the member itself.
func (m *member) note(e worker.Event, a attempt) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts[e.Kind]++
	switch e.Kind {
	case worker.Ready:
		m.conn, _ = grpc.NewClient(e.Text, grpc.WithTransportCredentials(insecure.NewCredentials())) // an address cannot be malformed here
	case worker.Began:
		m.running[a] = struct{}{}
	case worker.Returned:
		delete(m.running, a)
	case worker.Drained:
		m.drained = e.Text
	case worker.Leaks:
		m.leaks = e.Text
	}
}

func (m *member) command(c worker.Command) {
	if line, err := json.Marshal(c); err == nil {
		_, _ = m.in.Write(append(line, '\n')) // a process that is gone needs no command
	}
}

func (m *member) signal(s syscall.Signal) { _ = m.cmd.Process.Signal(s) }

func (m *member) count(kind string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.counts[kind]
}

// held answers what it runs.
func (m *member) held() map[attempt]struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	held := make(map[attempt]struct{}, len(m.running))
	for a := range m.running {
		held[a] = struct{}{}
	}
	return held
}

func (m *member) isGone() bool {
	select {
	case <-m.gone:
		return true
	default:
		return false
	}
}

// client answers the connection to it, nil if it does not serve.
func (m *member) client() *grpc.ClientConn {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.isGone() {
		return nil
	}
	return m.conn
}

// calmSince reports whether nothing has disturbed it since then.
func (m *member) calmSince(since time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calm.Before(since) && !m.stopped
}

func (m *member) disturb(until time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if until.After(m.calm) {
		m.calm = until
	}
}

// call calls one of the RPCs of package worker.
func call(ctx context.Context, conn *grpc.ClientConn, method string, req *testpb.PrintRequest) (*longrunningpb.Operation, error) {
	op := new(longrunningpb.Operation)
	return op, conn.Invoke(ctx, method, req, op)
}
