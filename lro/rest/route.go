package rest

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// The paths, as OpenAPI writes them. A name may have any number of segments.
const (
	rootPath    = "/"
	openAPIPath = "/openapi.json"
	listPath    = "/v1/operations"
	parentPath  = "/v1/{name}/operations"
	namePath    = "/v1/{name}"
	cancelPath  = "/v1/{name}:cancel"
	waitPath    = "/v1/{name}:wait"
)

// A route is one method of HTTP on one path, and the RPC behind it.
type route struct {
	method, path string
	rpc          string // of google.longrunning.Operations
	id           string // of the OpenAPI operation
	waits        bool   // the answer may take long
	in, out      protoreflect.MessageType
	call         func(context.Context, longrunningpb.OperationsServer, proto.Message) (proto.Message, error)
}

// named reports whether the name stands in the path.
func (rt *route) named() bool { return rt.path != rootPath }

// hasBody reports whether the fields stand in the body; otherwise in the query.
func (rt *route) hasBody() bool { return rt.method == http.MethodPost }

// takes reports whether a field may stand in the query.
func (rt *route) takes(field protoreflect.FieldDescriptor) bool {
	return !rt.hasBody() && (!rt.named() || field.Name() != "name")
}

// query answers the fields that may stand in the query.
func (rt *route) query() iter.Seq[protoreflect.FieldDescriptor] {
	return func(yield func(protoreflect.FieldDescriptor) bool) {
		fields := rt.in.Descriptor().Fields()
		for i := range fields.Len() {
			if f := fields.Get(i); rt.takes(f) && !yield(f) {
				return
			}
		}
	}
}

// routes is all there is, apart from the OpenAPI document.
func routes() []*route {
	type server = longrunningpb.OperationsServer
	list := to("ListOperations", server.ListOperations)
	get := to("GetOperation", server.GetOperation)
	remove := to("DeleteOperation", server.DeleteOperation)
	cancel := to("CancelOperation", server.CancelOperation)
	wait := to("WaitOperation", server.WaitOperation)
	wait.waits = true
	return []*route{
		list.at(http.MethodGet, listPath, "ListOperations"),
		list.at(http.MethodGet, parentPath, "ListOperationsOfParent"),
		get.at(http.MethodGet, namePath, "GetOperation"),
		remove.at(http.MethodDelete, namePath, "DeleteOperation"),
		cancel.at(http.MethodPost, cancelPath, "CancelOperation"),
		wait.at(http.MethodPost, waitPath, "WaitOperation"),
		wait.at(http.MethodGet, rootPath, "WaitOperationByQuery"),
	}
}

func to[In, Out proto.Message](rpc string, call func(longrunningpb.OperationsServer, context.Context, In) (Out, error)) route {
	var in In
	var out Out
	return route{
		rpc: rpc, in: in.ProtoReflect().Type(), out: out.ProtoReflect().Type(),
		call: func(ctx context.Context, s longrunningpb.OperationsServer, req proto.Message) (proto.Message, error) {
			return call(s, ctx, req.(In)) // made from rt.in
		},
	}
}

func (rt route) at(method, path, id string) *route {
	rt.method, rt.path, rt.id = method, path, id
	return &rt
}

// find answers the route; nil if there is none. HEAD goes where GET does.
func (h *handler) find(path, method string) *route {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	for _, rt := range h.routes {
		if rt.path == path && rt.method == method {
			return rt
		}
	}
	return nil
}

// allowed answers the methods of a path, as Allow has them.
func (h *handler) allowed(path string) string {
	var methods []string
	for _, rt := range h.routes {
		if rt.path == path {
			methods = append(methods, rt.method)
		}
	}
	if path == openAPIPath {
		methods = append(methods, http.MethodGet)
	}
	if slices.Contains(methods, http.MethodGet) {
		methods = append(methods, http.MethodHead)
	}
	return strings.Join(append(methods, http.MethodOptions), ", ")
}

// match answers which of the paths an escaped path is, "" if none, and the name
// in it. Names are not judged here: what names no operation goes to GetOperation,
// whose server says what is wrong with it, after it has asked who may know.
//
// An escaped slash or colon is part of the name and separates nothing, so what
// decides is the path as it was sent.
func match(escaped string) (path, name string) {
	switch escaped {
	case "", "/": // "" below a prefix without a slash at its end
		return rootPath, ""
	case openAPIPath:
		return openAPIPath, ""
	}
	rest, ok := strings.CutPrefix(escaped, "/v1/")
	if !ok {
		return "", ""
	}
	if name, ok := strings.CutSuffix(rest, ":cancel"); ok {
		return cancelPath, unescape(name)
	}
	if name, ok := strings.CutSuffix(rest, ":wait"); ok {
		return waitPath, unescape(name)
	}
	slash := strings.LastIndexByte(rest, '/')
	before := rest[:max(slash, 0)]
	switch {
	// operations/operations is an operation, by its id.
	case !isCollection(rest[slash+1:]) || isCollection(before[strings.LastIndexByte(before, '/')+1:]):
		return namePath, unescape(rest)
	case slash < 0:
		return listPath, "operations"
	default:
		return parentPath, unescape(before)
	}
}

func isCollection(segment string) bool { return unescape(segment) == "operations" }

// unescape is url.PathUnescape, which fails for no part of URL.EscapedPath that
// was cut at a slash or a colon.
func unescape(s string) string {
	if u, err := url.PathUnescape(s); err == nil {
		return u
	}
	return s
}
