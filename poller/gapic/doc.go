// Package gapic lets a [poller.Poller] follow operations by Google's client,
// [longrunning.OperationsClient] of cloud.google.com/go/longrunning/autogen, over
// gRPC and over REST. Any operation of any Google service becomes a typed Poller
// by its name, and so do those of every other service that the client reaches:
//
//	const scope = "https://www.googleapis.com/auth/cloud-platform"
//	client, err := longrunning.NewOperationsClient(ctx,
//		option.WithEndpoint("speech.googleapis.com:443"), option.WithScopes(scope))
//	if err != nil {
//		return err
//	}
//	defer client.Close()
//	p := poller.Resume[*speechpb.LongRunningRecognizeResponse](gapic.New(client), name, nil)
//	resp, err := p.Wait(ctx)
//
// It is a module of its own, so that who polls with a plain
// longrunningpb.OperationsClient does not link Google's client.
//
// # Retries and deadlines
//
// Google's client repeats calls that fail with UNAVAILABLE by itself. Here it
// does not: one call of the poller is one call, so that Options.MaxRetries counts
// all failures, and the back-off and the recommended interval hold. The other
// CallOptions of Google's client apply, those for gRPC among them. Its default
// deadline of ten seconds does not count where the context has one, and a
// poller's always has one: Options.CallTimeout, on top of the minute for which a
// WaitOperation may be parked. An [http.Client] with a Timeout shorter than
// that costs a WaitOperation again and again: set Options.LongPoll below it.
//
// # REST
//
// Google's client asks GET /v1/{name}, and a poll fails with NOT_FOUND where a
// service has its operations elsewhere: under another version or, as Speech, at
// /v1/operations/{name}. Use gRPC with these.
//
// Errors bear the status of the envelope {"error": {...}} with its details, as
// far as their types are linked into the program. Without an envelope the HTTP
// status decides; 429, 502, 503 and 504, and a network that fails, are
// UNAVAILABLE. The types of an operation's metadata and response must be linked
// too, or Google's client cannot decode it, and polls fail with INTERNAL.
//
// WaitOperation has no HTTP rule in operations.proto. Google's client sends it to
// GET /?name=…, which the servers of this module answer (package lro/rest). Where
// the answer is no operation, or an error that does not pass by itself, it counts
// as UNIMPLEMENTED, and the poller goes on with GetOperation.
//
// A server recommends an interval over REST by Retry-After. After failures it is
// honoured as it is; to see it on answers, put a [Transport] around what
// Google's client sends requests by. With default credentials, where
// htransport is google.golang.org/api/transport/http:
//
//	httpClient, _, err := htransport.NewClient(ctx, option.WithScopes(scope))
//	if err != nil {
//		return err
//	}
//	httpClient.Transport = &gapic.Transport{Base: httpClient.Transport}
//	client, err := longrunning.NewOperationsRESTClient(ctx,
//		option.WithHTTPClient(httpClient), option.WithEndpoint("https://spanner.googleapis.com"))
//
// What concerns credentials, quota or certificates goes to NewClient there, since
// an option.WithHTTPClient replaces it. Over gRPC nothing is needed.
package gapic
