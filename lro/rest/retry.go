package rest

import (
	"strconv"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
)

// A stream keeps the trailer of one call. Its server sends the recommended poll
// interval there.
type stream struct{ trailer metadata.MD }

func (*stream) Method() string               { return "" }
func (*stream) SetHeader(metadata.MD) error  { return nil }
func (*stream) SendHeader(metadata.MD) error { return nil }

func (s *stream) SetTrailer(md metadata.MD) error {
	s.trailer = metadata.Join(s.trailer, md)
	return nil
}

// retryAfter answers the interval as Retry-After has it: in whole seconds, of
// which no part is lost. "" if there is none.
func (s *stream) retryAfter() string {
	for _, b := range s.trailer.Get("google.rpc.retryinfo-bin") {
		var info errdetails.RetryInfo
		if err := proto.Unmarshal([]byte(b), &info); err != nil || !info.GetRetryDelay().IsValid() {
			continue
		}
		if d := info.GetRetryDelay().AsDuration(); d > 0 {
			return strconv.FormatInt(int64((d-1)/time.Second)+1, 10)
		}
	}
	return ""
}
