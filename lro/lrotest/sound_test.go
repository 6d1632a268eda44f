package lrotest_test

import (
	"cmp"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro/lrotest"
)

// TestSound: a server that uses what freedom the contract leaves has no violations,
// nor has one that has less, nor one whose operations have no handler.
func TestSound(t *testing.T) {
	t.Parallel()
	for _, v := range []struct {
		name      string
		intercept func(*shop) grpc.UnaryServerInterceptor
		change    func(*shop, *lrotest.Target)
		stranger  wire
	}{
		{name: "every hook"},
		{name: "callers see their own parent alone", intercept: func(*shop) grpc.UnaryServerInterceptor {
			return func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
				if named, ok := req.(interface{ GetName() string }); ok && named.GetName() != here && !strings.HasPrefix(named.GetName(), here+"/operations/") {
					return nil, refusal(codes.PermissionDenied)
				}
				return next(ctx, req)
			}
		}, change: func(_ *shop, tg *lrotest.Target) { tg.StartElsewhere, tg.Stranger = nil, nil }},
		{name: "no optional hook", change: func(_ *shop, tg *lrotest.Target) {
			*tg = lrotest.Target{Client: tg.Client, Start: tg.Start, Finish: tg.Finish, Fail: tg.Fail}
		}},
		{name: "external operations of the default parent", change: func(s *shop, tg *lrotest.Target) {
			tg.StartStubborn, tg.StartOnce = nil, nil
			tg.Start = func(ctx context.Context) (*longrunningpb.Operation, error) { return s.Create(ctx, nil) }
		}},
		{name: "no Wait", intercept: unimplemented(longrunningpb.Operations_WaitOperation_FullMethodName), change: unsupported(longrunningpb.Operations_WaitOperation_FullMethodName)},
		{name: "Get alone", intercept: unimplemented(allButGet...), change: unsupported(allButGet...)},
		{name: "no filters", intercept: wired(noFilters)},
		{name: "Wait answers at once", intercept: wired(on(func(_ context.Context, _ *shop, req *waitRequest, next func(any) (any, error)) (any, error) {
			if d := req.GetTimeout(); d.CheckValid() == nil && d.AsDuration() > 0 || d == nil {
				req.Timeout = &durationpb.Duration{}
			}
			return next(req)
		}))},
		{name: "Cancel of a done operation is refused", intercept: wired(on(func(ctx context.Context, s *shop, req *cancelRequest, next func(any) (any, error)) (any, error) {
			if op, err := s.Get(ctx, req.GetName()); err == nil && op.GetDone() && op.GetError().GetCode() != int32(codes.Canceled) {
				return nil, refusal(codes.FailedPrecondition)
			}
			return next(req)
		}))},
		{name: "Delete may be repeated", intercept: wired(deletesTwice(new(memory[bool])))},
		{name: "filters", intercept: wired(newPager().list)},
		{name: "pages continue at a row number", intercept: wired((&pager{byOffset: true}).list)},
		{name: "most pages are empty", intercept: wired(emptyPages)},
		{name: "at most two a page", intercept: wired(asked(func(req *listRequest) error {
			if req.GetPageSize() == 0 || req.GetPageSize() > 2 {
				req.PageSize = 2
			}
			return nil
		}))},
		{name: "others start operations now and then", intercept: wired(others(new(atomic.Int64)))},
		{name: "every filter is invalid", intercept: wired(invalidAs(codes.InvalidArgument, func(req *listRequest) bool { return req.GetFilter() != "" }))},
		{name: "no parent is the default one", intercept: wired(asked(func(req *listRequest) error {
			req.Name = cmp.Or(req.GetName(), "operations")
			return nil
		}))},
		{name: "tokens in base64 with padding", intercept: wired(sealed(base64.URLEncoding.EncodeToString, lenient))},
		{name: "tokens in base64 without", intercept: wired(sealed(base64.RawURLEncoding.EncodeToString, base64.RawURLEncoding.DecodeString))},
		{name: "tokens in hex", intercept: wired(sealed(hex.EncodeToString, hex.DecodeString))},
		{name: "names in jobs/{id}", intercept: wired(inJobs), change: jobHooks},
		{name: "a negative timeout has run out", intercept: wired(on(func(_ context.Context, _ *shop, req *waitRequest, next func(any) (any, error)) (any, error) {
			if req.GetTimeout().AsDuration() < 0 {
				req.Timeout = &durationpb.Duration{}
			}
			return next(req)
		}))},
		{name: "a call takes 400 ms there and as much back", intercept: wired(func(_ context.Context, _ *shop, req any, next func(any) (any, error)) (any, error) {
			time.Sleep(400 * time.Millisecond)
			res, err := next(req)
			time.Sleep(400 * time.Millisecond)
			return res, err
		})},
		{name: "metadata shows how often it was looked at", intercept: wired(counted(new(atomic.Int64)))},
		{name: "no BadRequest", intercept: wired(errs(func(st *status.Status) error {
			return redetail(st, func(detail protoadapt.MessageV1) []protoadapt.MessageV1 {
				if _, ok := detail.(*errdetails.BadRequest); ok {
					return nil
				}
				return []protoadapt.MessageV1{detail}
			})
		}))},
		{name: "refusals have a request id and repeat what was asked", stranger: func(_ context.Context, _ *shop, req any, next func(any) (any, error)) (any, error) {
			_, err := next(req)
			p := status.Convert(err).Proto()
			p.Message += fmt.Sprintf(": you asked for %q, the one with id %s", nameOf(req), nameOf(req)[strings.LastIndexByte(nameOf(req), '/')+1:])
			st, detailErr := status.FromProto(p).WithDetails(&errdetails.RequestInfo{RequestId: rand.Text()}, &errdetails.DebugInfo{Detail: rand.Text()})
			return nil, cmp.Or(detailErr, st.Err())
		}},
	} {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			for _, violation := range check(t, v.intercept, wired(v.stranger), v.change) {
				t.Errorf("a sound server: got %v, want no violation", violation)
			}
		})
	}
}

// deletesTwice answers a second Delete as the first.
func deletesTwice(deleted *memory[bool]) wire {
	return on(func(_ context.Context, _ *shop, req *deleteRequest, next func(any) (any, error)) (any, error) {
		res, err := next(req)
		if _, again := deleted.get(req.GetName()); again {
			return &emptypb.Empty{}, nil
		}
		if err == nil {
			deleted.put(req.GetName(), true)
		}
		return res, err
	})
}

// others start an operation at every other page.
func others(n *atomic.Int64) wire {
	return on(func(ctx context.Context, s *shop, req *listRequest, next func(any) (any, error)) (any, error) {
		if n.Add(1)%2 == 0 {
			_, _ = s.start("other", here)(ctx)
		}
		return next(req)
	})
}

// emptyPages shows one of many pages; each of the others looked at records that did
// not match.
func emptyPages(_ context.Context, _ *shop, req any, next func(any) (any, error)) (any, error) {
	r, ok := req.(*listRequest)
	if !ok {
		return next(req)
	}
	const empty = 150
	n := 0
	if token, count, ok := strings.Cut(r.GetPageToken(), "."); ok && len(count) <= empty {
		r.PageToken, n = token, len(count)
	}
	res, err := next(r)
	if err != nil || r.GetPageToken() == "" || n == empty {
		return res, err
	}
	return &listResponse{NextPageToken: r.GetPageToken() + "." + strings.Repeat("x", n+1)}, nil
}

// sealed gives tokens that nobody else can make.
func sealed(encode func([]byte) string, decode func(string) ([]byte, error)) wire {
	block, _ := aes.NewCipher(make([]byte, 16)) // of a key of a valid length
	aead, _ := cipher.NewGCMWithRandomNonce(block)
	return retokened(
		func(token string) string { return encode(aead.Seal(nil, nil, []byte(token), nil)) },
		func(token string) string {
			box, err := decode(token)
			if err != nil {
				return "none"
			}
			plain, err := aead.Open(nil, nil, box, nil)
			if err != nil {
				return "none"
			}
			return string(plain)
		})
}

// lenient reads base64 as Python does: it stops at the padding, and minds no line
// ends.
func lenient(token string) ([]byte, error) {
	body, _, _ := strings.Cut(strings.ReplaceAll(token, "\n", ""), "=")
	return base64.RawURLEncoding.DecodeString(body)
}

// counted changes the metadata whenever an operation is looked at that goes on.
func counted(n *atomic.Int64) wire {
	return shown(func(op *operation) {
		if !op.GetDone() {
			op.Metadata = packed(&testpb.PrintMetadata{Stage: strconv.FormatInt(n.Add(1), 10)})
		}
	})
}
