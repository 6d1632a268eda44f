package main

import (
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
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
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Errorf("%s %s: %v", method, target, err)
		return
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("%s %s: got %d %s (%v), want 200", method, target, resp.StatusCode, body, err)
		return
	}
	if err := protojson.Unmarshal(body, msg); err != nil {
		t.Errorf("%s %s: got %s: %v", method, target, body, err)
	}
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

// SIGTERM drains HTTP/JSON as it does gRPC: a wait that is parked is answered.
func TestHTTPDrain(t *testing.T) {
	t.Parallel()
	p := setup(t, "-http", "localhost:0")
	web := p.web(t)
	snapshot := p.start(t, 1_000, 1_000)
	waited := make(chan struct{})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, web+"/v1/"+snapshot.Name()+":wait", http.NoBody)
	must(t, err)
	go func() {
		defer close(waited)
		resp, err := http.DefaultClient.Do(r)
		if err != nil { // it came too late
			t.Logf("the parked wait: %v", err)
			return
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("the parked wait: got %d, want the latest state", resp.StatusCode)
		}
	}()
	must(t, p.cmd.Process.Signal(syscall.SIGTERM))
	<-waited
	if err := <-p.ended; err != nil {
		t.Errorf("exit: got %v, want code 0; standard error: %s", err, p.stderr)
	}
}
