// Package rest serves google.longrunning.Operations over HTTP/JSON.
//
//	h := rest.NewHandler(lro.NewServer(m, authorizer, nil), nil)
//	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
//		WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute}
//
// # Routes
//
//	GET    /v1/operations                 ListOperations of the default parent
//	GET    /v1/{parent}/operations        ListOperations of a parent
//	GET    /v1/{name}                     GetOperation; name is {parent}/operations/{id}, or operations/{id}
//	DELETE /v1/{name}                     DeleteOperation
//	POST   /v1/{name}:cancel              CancelOperation
//	POST   /v1/{name}:wait                WaitOperation; the body may be {"timeout": "1.500s"}
//	GET    /?name={name}&timeout=1.500s   WaitOperation, as Google's REST clients send it
//	GET    /openapi.json                  these routes, as an OpenAPI document
//
// HEAD is GET without a body, and OPTIONS answers which methods a path has. In a
// path, %2F stands for a slash of the name and %3A for a colon: a :cancel or :wait
// that is not escaped is the verb. Nothing is redirected and no path is cleaned,
// so the server judges the name that the client wrote.
//
// Query parameters are the fields of the request, as pageSize or page_size.
// Google's system parameters, such as alt, key, prettyPrint and all that begin
// with $, are ignored, except that an alt or $alt of json;enum-encoding=int gets
// the numbers of enums, and one that asks for something else than JSON is an
// error. So is any other parameter, or one that stands twice.
//
// Google's clients put the name of a list straight behind /v1/. Over HTTP they
// are to be given operations, or {parent}/operations.
//
// # Answers
//
// Messages are in protobuf's JSON. An Any that cannot be written fails nothing:
// it alone is shown by its @type and the base64 of its bytes as value. Such are
// those whose type this program does not know, that hold no such message, that are
// more than 32 deep in other Anys, or whose JSON is nested so deep, about 10,000,
// that readers of JSON refuse it. A client cannot tell this form from a
// message: Google's REST client for Go, if it links the type, reads it as an empty
// message and says nothing. So link the types of all metadata and responses into
// this program, or give them to [Options].Resolver.
//
// An error is in Google's envelope (AIP-193), under the HTTP code of its
// google.rpc.Code:
//
//	{"error": {"code": 404, "message": "…", "status": "NOT_FOUND", "details": […]}}
//
// Three errors of HTTP's own have an HTTP code of their own beside the nearest
// status: 405 (UNIMPLEMENTED), 413 and 415 (INVALID_ARGUMENT). Where the server
// recommends a poll interval, Retry-After says it in whole seconds, rounded up.
// Answers are for their caller only, so none may be stored by a cache.
//
// # What surrounds it
//
// The handler stands at the root of a host, or under any prefix with
// [net/http.StripPrefix]. A [net/http.ServeMux] in front of it redirects paths
// that it would clean; pass the handler to the http.Server itself where that
// matters.
//
// The Authorizer of the server looks at the context of the request: middleware
// around the handler verifies who calls and puts that into the context, as
// interceptors do over gRPC. Only the syntax of a request is judged before it, which
// tells nothing about operations. CORS headers, compression and rate limits are
// middleware too.
//
// A wait ends when its client hangs up, and outlasts the WriteTimeout of the
// http.Server, so set that, ReadTimeout and the others as short as all other
// requests allow. Middleware that wraps the http.ResponseWriter should have an
// Unwrap method ([net/http.ResponseController]). Without it waits are cut to half
// of WriteTimeout, so that what ran before, if it took less than the other half,
// does not make their answers come too late.
package rest
