package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/longrunning-go/longrunning/bench/measure"
	"github.com/longrunning-go/longrunning/lro/rest"
)

// REST measures how many done operations can be got over HTTP/JSON: against a
// handler that marshals one.
func REST(ctx context.Context, r *measure.Run) {
	if err := overREST(ctx, r); err != nil {
		r.Fail("REST: get", measure.Bound{}, err)
	}
}

func overREST(ctx context.Context, r *measure.Run) (err error) {
	const callers = 16
	s, err := newService(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	subject, err := serveHTTP(ctx, rest.NewHandler(s.server, nil), callers)
	if err != nil {
		return err
	}
	defer subject.close()
	base, err := serveHTTP(ctx, &bareHandler{s.first}, callers)
	if err != nil {
		return err
	}
	defer base.close()
	twin, err := serveHTTP(ctx, &bareHandler{s.first}, callers)
	if err != nil {
		return err
	}
	defer twin.close()
	if err := sameHTTP(ctx, subject, base, s.first.GetName()); err != nil {
		return err
	}
	one := func(get func(context.Context, string) error) measure.Contender {
		return gets(measure.Shared, callers, 1_000, s.names[:1], get)
	}
	r.Compare(ctx, &measure.Comparison{
		What: fmt.Sprintf("REST, callers: %d, get one: lro, bare handler", callers), Unit: "gets", Bound: measure.AtLeast(0.9), Time: r.Time(8 * time.Second),
		Subject: one(subject.get), Base: one(base.get), Twin: one(twin.get),
	})
	return nil
}

// A bareHandler marshals the same operation whatever is asked.
type bareHandler struct{ operation *longrunningpb.Operation }

func (b *bareHandler) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	body, err := protojson.Marshal(b.operation)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Type", "application/json; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body) // whoever gets the operation meets the error
}

// An httpPeer is a server and a client with connections to it that are kept.
type httpPeer struct {
	server *http.Server
	client *http.Client
	url    string
}

func serveHTTP(ctx context.Context, h http.Handler, conns int) (*httpPeer, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "localhost:0")
	if err != nil {
		return nil, err
	}
	p := &httpPeer{
		server: &http.Server{
			Handler: around(h), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
			WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
		},
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: conns}},
		url:    "http://" + listener.Addr().String() + "/v1/",
	}
	go func() { _ = p.server.Serve(listener) }() // until close; whoever gets an operation meets its error
	return p, nil
}

func (p *httpPeer) close() {
	p.client.CloseIdleConnections()
	_ = p.server.Close() // of nothing that is under way
}

func (p *httpPeer) get(ctx context.Context, name string) error {
	_, _, err := p.fetch(ctx, name)
	return err
}

// fetch answers the header and the body of an operation.
func (p *httpPeer) fetch(ctx context.Context, name string) (http.Header, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+name, nil)
	if err != nil {
		return nil, nil, err
	}
	resp, err := p.client.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("wire: operation %s must be answered with 200, found %s: %s", name, resp.Status, body)
	}
	return resp.Header, body, err
}

// sameHTTP answers an error unless both answer an operation with the same header
// and bytes.
func sameHTTP(ctx context.Context, lro, bare *httpPeer, name string) error {
	var answers [2]string
	for i, p := range []*httpPeer{lro, bare} {
		header, body, err := p.fetch(ctx, name)
		if err != nil {
			return err
		}
		header.Del("Date")
		answers[i] = fmt.Sprintf("%v\n%s", header, body)
	}
	return same(answers[0], answers[1])
}
