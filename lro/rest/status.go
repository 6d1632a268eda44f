package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	codepb "google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
)

// The reasons in the ErrorInfo of errors that the handler makes (AIP-193).
// Those that package lro has too mean the same there.
const (
	reasonInvalid  = "INVALID_ARGUMENT"
	reasonTooLarge = "PAYLOAD_TOO_LARGE"
	reasonInternal = "INTERNAL"
	reasonOrigin   = "CROSS_ORIGIN_REQUEST"
	reasonType     = "UNSUPPORTED_MEDIA_TYPE"
	reasonMethod   = "METHOD_NOT_ALLOWED"
	reasonRoute    = "ROUTE_NOT_FOUND"
)

// A failure is an error that the handler makes. http is its HTTP code where that
// of its google.rpc.Code would say less.
type failure struct {
	status *status.Status
	http   int
}

func (f *failure) Error() string              { return "rest: " + f.status.Message() }
func (f *failure) GRPCStatus() *status.Status { return f.status }

func (h *handler) fail(code codes.Code, reason, text string, details ...protoadapt.MessageV1) *failure {
	st := status.New(code, text)
	info := &errdetails.ErrorInfo{Reason: reason, Domain: h.opts.Domain}
	if detailed, err := st.WithDetails(append([]protoadapt.MessageV1{info}, details...)...); err == nil {
		st = detailed
	}
	return &failure{status: st}
}

// invalid is INVALID_ARGUMENT, with the field at fault, if it is one, as a
// BadRequest.
func (h *handler) invalid(field, format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	return h.fail(codes.InvalidArgument, reasonInvalid, text, &errdetails.BadRequest{
		FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: short(field), Description: text}},
	})
}

func (h *handler) noRoute(r *http.Request) error {
	return h.fail(codes.NotFound, reasonRoute,
		fmt.Sprintf("there is nothing at %s: operations are at /v1/{name}, and /openapi.json lists all routes", quote(r.URL.Path)))
}

func (h *handler) wrongMethod(r *http.Request, allow string) error {
	f := h.fail(codes.Unimplemented, reasonMethod, fmt.Sprintf("the method is %s; here it must be one of %s", quote(r.Method), allow))
	f.http = http.StatusMethodNotAllowed
	return f
}

func (h *handler) crossOrigin(err error) error {
	return h.fail(codes.PermissionDenied, reasonOrigin, fmt.Sprintf("this page may change nothing here: %v", err))
}

func (h *handler) tooLarge() error {
	f := h.fail(codes.InvalidArgument, reasonTooLarge, fmt.Sprintf("the body is too large; at most %d bytes are allowed", maxBody))
	f.http = http.StatusRequestEntityTooLarge
	return f
}

func (h *handler) notJSON(found string) error {
	f := h.fail(codes.InvalidArgument, reasonType, fmt.Sprintf("the content type is %s; it must be application/json", quote(found)))
	f.http = http.StatusUnsupportedMediaType
	return f
}

func (h *handler) unwritable() error {
	return h.fail(codes.Internal, reasonInternal, "the answer cannot be written as JSON")
}

// envelope answers an error as Google's servers do (AIP-193).
func (w *writer) envelope(err error) (httpCode int, body []byte) {
	st, ok := status.FromError(err)
	if !ok {
		st = status.FromContextError(err)
	}
	code, name := int32(st.Code()), codepb.Code_name[int32(st.Code())]
	if code == 0 || name == "" {
		code, name = int32(codepb.Code_UNKNOWN), codepb.Code_UNKNOWN.String()
	}
	httpCode = httpCodeOf(codepb.Code(code))
	if f, ok := errors.AsType[*failure](err); ok && f.http != 0 {
		httpCode = f.http
	}
	body, err = json.Marshal(struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Status  string `json:"status"`
	}{httpCode, st.Message(), name})
	if err != nil {
		body = []byte("{}") // not of strings and numbers
	}
	var details [][]byte
	for _, a := range st.Proto().GetDetails() {
		if b, err := w.marshal(a); err == nil { // a client can do without it, and not without the error
			details = append(details, b)
		}
	}
	return httpCode, slices.Concat([]byte(`{"error":`), withArray(body, "details", details), []byte("}"))
}

// httpCodeOf is the mapping that google/rpc/code.proto documents.
func httpCodeOf(code codepb.Code) int {
	switch code {
	case codepb.Code_OK:
		return http.StatusOK
	case codepb.Code_CANCELLED:
		return 499 // client closed request; net/http has no name for it
	case codepb.Code_INVALID_ARGUMENT, codepb.Code_FAILED_PRECONDITION, codepb.Code_OUT_OF_RANGE:
		return http.StatusBadRequest
	case codepb.Code_UNAUTHENTICATED:
		return http.StatusUnauthorized
	case codepb.Code_PERMISSION_DENIED:
		return http.StatusForbidden
	case codepb.Code_NOT_FOUND:
		return http.StatusNotFound
	case codepb.Code_ALREADY_EXISTS, codepb.Code_ABORTED:
		return http.StatusConflict
	case codepb.Code_RESOURCE_EXHAUSTED:
		return http.StatusTooManyRequests
	case codepb.Code_UNIMPLEMENTED:
		return http.StatusNotImplemented
	case codepb.Code_UNAVAILABLE:
		return http.StatusServiceUnavailable
	case codepb.Code_DEADLINE_EXCEEDED:
		return http.StatusGatewayTimeout
	default: // UNKNOWN, INTERNAL, DATA_LOSS
		return http.StatusInternalServerError
	}
}

// maxQuoted bounds what is repeated of a request in an error, in bytes.
const maxQuoted = 128

func quote(s string) string { return fmt.Sprintf("%q", short(s)) }

func short(s string) string {
	s = strings.ToValidUTF8(s, string(utf8.RuneError))
	if len(s) <= maxQuoted {
		return s
	}
	cut := maxQuoted
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
