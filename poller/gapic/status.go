package gapic

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"cloud.google.com/go/auth"
	gax "github.com/googleapis/gax-go/v2"
	"github.com/googleapis/gax-go/v2/apierror"
	"golang.org/x/oauth2"
	"google.golang.org/api/googleapi"
	"google.golang.org/genproto/googleapis/rpc/code"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// A statusError is an error of Google's REST client with the status that the
// same failure has over gRPC.
type statusError struct {
	status *status.Status
	err    error // Google's
}

func newStatusError(c codes.Code, message string, err error) *statusError {
	return &statusError{status: status.New(c, message), err: err}
}

func (e *statusError) Error() string              { return e.status.Err().Error() }
func (e *statusError) GRPCStatus() *status.Status { return e.status }
func (e *statusError) Unwrap() error              { return e.err }

// withStatus gives an error of the REST client its status. Those over gRPC have
// theirs, and are answered as they are.
func withStatus(err error) error {
	if err == nil {
		return nil
	}
	if failed, ok := errors.AsType[*googleapi.Error](err); ok {
		return &statusError{status: answered(failed), err: err}
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	c, message := unanswered(err)
	return newStatusError(c, message, err)
}

// unanswered answers the status of a call that brought no answer to read.
func unanswered(err error) (c codes.Code, message string) {
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return status.FromContextError(err).Code(), err.Error()
	case errors.Is(err, proto.Error):
		return codes.Internal, fmt.Sprintf("decoding the server's answer: %v; if a type is not found, import the Go package that has it: over REST this takes the types of the metadata, the response and the error's details", err)
	case errors.Is(err, gax.PathExpressionError):
		return codes.InvalidArgument, err.Error()
	case refused(err):
		return codes.Unauthenticated, err.Error()
	case untrusted:
		return codes.Unknown, err.Error() // as gax has it, this does not pass by itself
	default:
		return codes.Unavailable, err.Error() // the network
	}
}

// refused reports whether there was no token for the request, and asking again
// will bring none. The libraries that fetch tokens disagree about which answers
// pass by themselves; here these are all of the server's own failures, and those
// that tell to come again.
func refused(err error) bool {
	var answer *http.Response
	if e, ok := errors.AsType[*auth.Error](err); ok {
		answer = e.Response
	} else if e, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		answer = e.Response
	}
	return answer != nil && answer.StatusCode < http.StatusInternalServerError &&
		answer.StatusCode != http.StatusRequestTimeout && answer.StatusCode != http.StatusTooManyRequests
}

// answered reads an answer that is an error. The envelope of AIP-193 has the
// whole status, of which Google's client keeps no more than what the HTTP status
// says of the code, and the message.
func answered(failed *googleapi.Error) *status.Status {
	var envelope struct {
		Error struct {
			Status  string
			Details []json.RawMessage
		}
	}
	_ = json.Unmarshal([]byte(failed.Body), &envelope) // what is none is empty
	s := &spb.Status{
		Code:    code.Code_value[envelope.Error.Status],
		Message: cmp.Or(failed.Message, strings.TrimSpace(fmt.Sprintf("HTTP status %d %s", failed.Code, http.StatusText(failed.Code)))),
	}
	if s.GetCode() == int32(codes.OK) {
		s.Code = int32(codeOf(failed))
	}
	lenient := protojson.UnmarshalOptions{DiscardUnknown: true} // as Google's client is
	for _, d := range envelope.Error.Details {
		detail := &anypb.Any{}
		if lenient.Unmarshal(d, detail) == nil { // its type is linked
			s.Details = append(s.Details, detail)
		}
	}
	return status.FromProto(s)
}

// codeOf answers the code of an HTTP status alone. What stands between client
// and server says these four, and gRPC takes all of them for UNAVAILABLE.
func codeOf(failed *googleapi.Error) codes.Code {
	switch failed.Code {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return codes.Unavailable
	}
	if api, ok := apierror.FromError(failed); ok && api.GRPCStatus().Code() != codes.OK {
		return api.GRPCStatus().Code()
	}
	return codes.Unknown
}

// unwaited turns what a WaitOperation over REST was answered into UNIMPLEMENTED,
// unless it is one of the failures that a poller bears with anyway. The method
// has no HTTP rule: Google's client sends GET /?name=…, for which most servers
// have no route, and a NOT_FOUND cannot tell the route from the operation.
// GetOperation can.
func unwaited(err error) error {
	failed, ok := errors.AsType[*statusError](err)
	if !ok {
		return err
	}
	switch failed.status.Code() {
	case codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted, codes.Canceled:
		return failed
	default:
		return newStatusError(codes.Unimplemented, "no WaitOperation over REST: "+failed.status.Message(), failed.err)
	}
}
