package lrotest_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	codepb "google.golang.org/genproto/googleapis/rpc/code"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/lro/lrotest"
	"github.com/longrunning-go/longrunning/lro/rest"
)

// overREST connects over HTTP/1.1 on a socket.
func overREST(t *testing.T, server *lro.Server, intercept ...grpc.UnaryServerInterceptor) longrunningpb.OperationsClient {
	t.Helper()
	if len(intercept) > 0 {
		t.Fatal("overREST: HTTP has no interceptors of gRPC")
	}
	s := httptest.NewServer(rest.NewHandler(server, nil))
	t.Cleanup(s.Close)
	return &restClient{base: s.URL, http: s.Client()}
}

// A restClient calls package rest. It is what the comment of Target.Client asks of
// a client over HTTP, so it may serve as a model for others.
type restClient struct {
	base string
	http *http.Client
}

var _ longrunningpb.OperationsClient = (*restClient)(nil)

func (c *restClient) GetOperation(ctx context.Context, in *getRequest, _ ...grpc.CallOption) (*operation, error) {
	return call(ctx, c, http.MethodGet, inPath(in.GetName()), nil, new(operation))
}

func (c *restClient) DeleteOperation(ctx context.Context, in *deleteRequest, _ ...grpc.CallOption) (*emptypb.Empty, error) {
	return call(ctx, c, http.MethodDelete, inPath(in.GetName()), nil, new(emptypb.Empty))
}

func (c *restClient) CancelOperation(ctx context.Context, in *cancelRequest, _ ...grpc.CallOption) (*emptypb.Empty, error) {
	return call(ctx, c, http.MethodPost, inPath(in.GetName())+":cancel", nil, new(emptypb.Empty))
}

// WaitOperation bounds the timeout by the deadline of the call, which does not
// travel, and leaves time for the way back.
func (c *restClient) WaitOperation(ctx context.Context, in *waitRequest, _ ...grpc.CallOption) (*operation, error) {
	timeout := in.GetTimeout()
	if deadline, ok := ctx.Deadline(); ok && (timeout == nil || timeout.CheckValid() == nil) {
		left := time.Until(deadline)
		left -= min(left/4, time.Second)
		if timeout == nil || timeout.AsDuration() > left {
			timeout = durationpb.New(left)
		}
	}
	body, err := protojson.Marshal(&waitRequest{Timeout: timeout})
	if err != nil { // JSON has no form for durations that are none
		return nil, fmt.Errorf("%w: %w", lrotest.ErrNotCarried, err)
	}
	return call(ctx, c, http.MethodPost, inPath(in.GetName())+":wait", body, new(operation))
}

func (c *restClient) ListOperations(ctx context.Context, in *listRequest, _ ...grpc.CallOption) (*listResponse, error) {
	path := inPath(in.GetName())
	if in.GetName() != "operations" {
		path += "/operations"
	}
	query := make(url.Values)
	for key, value := range map[string]string{"filter": in.GetFilter(), "pageToken": in.GetPageToken()} {
		if value != "" {
			query.Set(key, value)
		}
	}
	if in.GetPageSize() != 0 {
		query.Set("pageSize", strconv.Itoa(int(in.GetPageSize())))
	}
	if in.GetReturnPartialSuccess() {
		query.Set("returnPartialSuccess", "true")
	}
	return call(ctx, c, http.MethodGet, path+"?"+query.Encode(), nil, new(listResponse))
}

// inPath escapes the segments of a name. A colon would begin a verb.
func inPath(name string) string {
	segments := strings.Split(name, "/")
	for i, s := range segments {
		segments[i] = strings.ReplaceAll(url.PathEscape(s), ":", "%3A")
	}
	return "/v1/" + strings.Join(segments, "/")
}

// call sends a request and reads the answer into out, or as a gRPC status.
func call[Out proto.Message](ctx context.Context, c *restClient, method, path string, body []byte, out Out) (none Out, err error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return none, fmt.Errorf("%w: %w", lrotest.ErrNotCarried, err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := c.http.Do(req)
	if err == nil {
		defer func() { _ = res.Body.Close() }()
		body, err = io.ReadAll(res.Body)
	}
	switch {
	case ctx.Err() != nil:
		return none, status.FromContextError(ctx.Err()).Err()
	case err != nil:
		return none, status.Error(codes.Unavailable, err.Error())
	case res.StatusCode == http.StatusRequestURITooLong || res.StatusCode == http.StatusRequestHeaderFieldsTooLarge:
		return none, fmt.Errorf("%w: %s", lrotest.ErrNotCarried, res.Status)
	case res.StatusCode != http.StatusOK:
		return none, fromEnvelope(body)
	}
	return out, protojson.Unmarshal(body, out)
}

// fromEnvelope reads an error as Google's servers write it (AIP-193).
func fromEnvelope(body []byte) error {
	var envelope struct {
		Error struct {
			Message, Status string
			Details         []json.RawMessage
		}
	}
	if err := json.Unmarshal(body, &envelope); err != nil {
		return status.Errorf(codes.Unknown, "got %q, want an error in Google's envelope: %v", body, err)
	}
	st := &spb.Status{
		Code:    cmp.Or(codepb.Code_value[envelope.Error.Status], int32(codes.Unknown)),
		Message: envelope.Error.Message,
	}
	for _, raw := range envelope.Error.Details {
		detail := new(anypb.Any)
		if err := protojson.Unmarshal(raw, detail); err != nil {
			return status.Errorf(codes.Unknown, "got the detail %s, which cannot be read: %v", raw, err)
		}
		st.Details = append(st.Details, detail)
	}
	return status.ErrorProto(st)
}
