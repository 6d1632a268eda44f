package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"syscall"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// web answers where the server serves HTTP/JSON, from its second line.
func (p *process) web(t *testing.T) string {
	t.Helper()
	line, err := p.stdout.ReadString('\n')
	must(t, err)
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "serving HTTP/JSON on ")
	if !ok {
		t.Fatalf("second line: got %q, want the address of HTTP/JSON", line)
	}
	return "http://" + addr
}

// ask sends a request over HTTP/JSON and reads the answer into msg.
func ask(t *testing.T, method, target string, msg proto.Message) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, target, http.NoBody)
	must(t, err)
	if err := read(r, msg); err != nil {
		t.Errorf("%s %s: %v", method, target, err)
	}
}

func read(r *http.Request, msg proto.Message) error {
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("got %d %s, want 200", resp.StatusCode, body)
	}
	return protojson.Unmarshal(body, msg)
}

// The operations of a gRPC method are served over HTTP/JSON too.
func TestHTTP(t *testing.T) {
	t.Parallel()
	p := setup(t, "-http", "localhost:0")
	web := p.web(t)
	snapshot := p.start(t, 1_000, 0)
	_, err := snapshot.Wait(t.Context())
	must(t, err)
	op := new(longrunningpb.Operation)
	ask(t, http.MethodGet, web+"/v1/"+snapshot.Name(), op)
	if !proto.Equal(op, snapshot.Operation()) {
		t.Errorf("over HTTP/JSON: got %v, want what gRPC answers: %v", op, snapshot.Operation())
	}
	list := new(longrunningpb.ListOperationsResponse)
	parent, _, _ := strings.Cut(snapshot.Name(), "/operations/")
	ask(t, http.MethodGet, web+"/v1/"+parent+"/operations", list)
	if len(list.GetOperations()) == 0 {
		t.Errorf("list over HTTP/JSON: got none, want the snapshot's operation")
	}
}

// hold begins to wait for an operation. It returns once the server's handler has
// the request and asks for its body, which the test writes later.
func hold(t *testing.T, web, name string) (body *io.PipeWriter, answered <-chan error) {
	t.Helper()
	reader, body := io.Pipe()
	begun, answers := make(chan struct{}), make(chan error, 1)
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: func() { close(begun) }})
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, web+"/v1/"+name+":wait", reader)
	must(t, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Expect", "100-continue")
	go func() {
		op := new(longrunningpb.Operation)
		err := read(r, op)
		if err == nil && op.GetName() != name {
			err = fmt.Errorf("got the operation %v, want %s", op, name)
		}
		answers <- err
	}()
	select {
	case <-begun:
	case err := <-answers:
		t.Fatalf("got an answer, or error %v, before the body was sent", err)
	}
	return body, answers
}

func send(t *testing.T, body *io.PipeWriter) {
	t.Helper()
	_, err := io.WriteString(body, `{"timeout": "60s"}`)
	must(t, err)
	must(t, body.Close())
}

// SIGTERM drains HTTP/JSON as it does gRPC: a wait that is parked is answered, and
// so is what is still under way when all else has stopped.
func TestHTTPDrain(t *testing.T) {
	t.Parallel()
	p := setup(t, "-http", "localhost:0")
	web := p.web(t)
	name := p.start(t, 1_000, 1_000).Name()
	parked, parkedAnswer := hold(t, web, name)
	send(t, parked)
	slow, slowAnswer := hold(t, web, name)

	must(t, p.cmd.Process.Signal(syscall.SIGTERM))
	if err := <-parkedAnswer; err != nil {
		t.Errorf("the parked wait: %v", err)
	}
	for state := p.GetState(); state == connectivity.Ready; state = p.GetState() {
		p.WaitForStateChange(t.Context(), state)
	}
	for refused := false; !refused; { // gRPC has stopped; now HTTP does
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(web, "http://"))
		if refused = err != nil; !refused {
			must(t, conn.Close())
		}
	}
	send(t, slow)
	if err := <-slowAnswer; err != nil {
		t.Errorf("the wait whose body came late: %v", err)
	}
	if err := <-p.ended; err != nil {
		t.Errorf("exit: got %v, want code 0; standard error: %s", err, p.stderr)
	}
}
