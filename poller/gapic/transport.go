package gapic

import (
	"errors"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"google.golang.org/api/googleapi"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

// A Transport lets a [Client] see Retry-After, by which a server recommends an
// interval over REST, and which Google's client keeps to itself unless the call
// failed. It may stand anywhere in the chain of RoundTrippers below the client:
// outermost, around one that authenticates, is simplest. Calls of others pass
// unchanged. It may be used by several goroutines at a time.
type Transport struct {
	// Base sends the requests. Default: [http.DefaultTransport].
	Base http.RoundTripper
}

// RoundTrip sends the request by Base.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	base := t.Base
	if base == nil {
		base = http.DefaultTransport
	}
	res, err := base.RoundTrip(req)
	if n, ok := req.Context().Value(noteKey{}).(*note); ok && err == nil {
		n.retryAfter.Store(int64(retryAfter(res.Header)))
	}
	return res, err
}

type noteKey struct{}

// A note travels in the context of a call to the Transport, and brings the
// interval back. It is atomic since RoundTrippers may use goroutines.
type note struct{ retryAfter atomic.Int64 }

// recommended answers the interval that the server recommends over REST; 0 is
// none. That of a failure is known without a Transport.
func recommended(n *note, err error) time.Duration {
	if failed, ok := errors.AsType[*googleapi.Error](err); ok {
		return retryAfter(failed.Header)
	}
	return time.Duration(n.retryAfter.Load())
}

// retryAfter reads the header, which is in whole seconds or a date (RFC 9110,
// section 10.2.3); 0 is what does not parse, or has passed. A date counts from
// the answer's own, since clocks differ.
func retryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	until, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return max(0, until.Sub(now))
}

// recommend puts the interval where a gRPC server would: into the trailer.
func recommend(opts []grpc.CallOption, d time.Duration) {
	b, err := proto.Marshal(&errdetails.RetryInfo{RetryDelay: durationpb.New(d)})
	if err != nil {
		return // a duration can be marshalled
	}
	for _, o := range opts {
		if t, ok := o.(grpc.TrailerCallOption); ok {
			*t.TrailerAddr = metadata.Pairs("google.rpc.retryinfo-bin", string(b))
		}
	}
}
