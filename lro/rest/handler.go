package rest

import (
	"cmp"
	"crypto/rand"
	"net/http"
	"strconv"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// Options configure a handler. The zero value of every field means its default.
type Options struct {
	// Domain is the domain of the ErrorInfo in errors that the handler itself
	// makes (AIP-193). Default "longrunning", as in lro.Options.
	Domain string
	// CrossOrigin decides which POST and DELETE requests of browsers are refused.
	// A deny handler that it has is not used: the answer is PERMISSION_DENIED.
	// Default: all that come from another origin.
	CrossOrigin *http.CrossOriginProtection
	// Resolver finds the types of metadata, responses and details, such as
	// [google.golang.org/protobuf/types/dynamicpb.Types], for a program that serves
	// operations of methods that it does not link. Default
	// [protoregistry.GlobalTypes]: those linked.
	Resolver Resolver
}

// NewHandler makes a handler that serves s, such as an *lro.Server, over
// HTTP/JSON. It may be called concurrently, as far as s may. It panics if s is
// nil. Nil opts means the defaults.
func NewHandler(s longrunningpb.OperationsServer, opts *Options) http.Handler {
	if s == nil {
		panic("rest: NewHandler needs a server: pass what lro.NewServer answers")
	}
	h := &handler{server: s, routes: routes()}
	if opts != nil {
		h.opts = *opts
	}
	h.opts.Domain = cmp.Or(h.opts.Domain, "longrunning")
	h.opts.CrossOrigin = cmp.Or(h.opts.CrossOrigin, http.NewCrossOriginProtection())
	if h.opts.Resolver == nil {
		h.opts.Resolver = protoregistry.GlobalTypes
	}
	h.openAPI = openAPI(h.routes)
	h.json = writer{types: h.opts.Resolver, mark: rand.Text()}
	return h
}

type handler struct {
	server  longrunningpb.OperationsServer
	opts    Options
	routes  []*route
	openAPI []byte
	json    writer
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	json := h.json
	json.numbers = wantsNumbers(r.URL.RawQuery)
	body, err := h.serve(w, r, &json)
	code := http.StatusOK
	if err != nil {
		code, body = json.envelope(err)
	}
	if body == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	header.Set("Content-Type", "application/json; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(code)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // a client that has gone is nobody to tell
	}
}

// serve answers the body of the response; nil if there is none to be.
func (h *handler) serve(w http.ResponseWriter, r *http.Request, json *writer) ([]byte, error) {
	entered := time.Now()
	path, name := match(r.URL.EscapedPath())
	rt := h.find(path, r.Method)
	if rt == nil {
		return h.uncalled(w, r, path)
	}
	in := rt.in.New()
	if err := h.bind(w, r, rt, name, in); err != nil {
		return nil, err
	}
	ctx := r.Context()
	if rt.waits {
		var stop func()
		ctx, stop = outlast(ctx, w, entered)
		defer stop()
	}
	var stream stream
	out, err := rt.call(grpc.NewContextWithServerTransportStream(ctx, &stream), h.server, in.Interface())
	if err != nil {
		return nil, err
	}
	if s := stream.retryAfter(); s != "" {
		w.Header().Set("Retry-After", s)
	}
	body, err := json.marshal(out)
	if err != nil {
		return nil, h.unwritable()
	}
	return body, nil
}

// uncalled answers what is no call of the server.
func (h *handler) uncalled(w http.ResponseWriter, r *http.Request, path string) ([]byte, error) {
	switch {
	case path == "":
		return nil, h.noRoute(r)
	case path == openAPIPath && isRead(r.Method):
		return h.openAPI, nil
	}
	allow := h.allowed(path)
	w.Header().Set("Allow", allow)
	if r.Method == http.MethodOptions {
		return nil, nil
	}
	return nil, h.wrongMethod(r, allow)
}

// bind makes the request of the RPC out of that of HTTP.
func (h *handler) bind(w http.ResponseWriter, r *http.Request, rt *route, name string, in protoreflect.Message) error {
	if err := h.opts.CrossOrigin.Check(r); err != nil {
		return h.crossOrigin(err)
	}
	if rt.named() {
		in.Set(in.Descriptor().Fields().ByName("name"), protoreflect.ValueOfString(name))
	}
	b := &binding{h: h, route: rt, in: in}
	if err := b.query(r.URL.RawQuery); err != nil {
		return err
	}
	return b.body(w, r)
}

func isRead(method string) bool { return method == http.MethodGet || method == http.MethodHead }
