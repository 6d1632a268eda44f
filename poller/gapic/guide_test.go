package gapic_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/longrunning"
	autogen "cloud.google.com/go/longrunning/autogen"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/longrunning-go/longrunning/examples/guides/reportspb"
	"github.com/longrunning-go/longrunning/poller"
	"github.com/longrunning-go/longrunning/poller/gapic"
	"github.com/longrunning-go/longrunning/poller/pollertest"
)

// The code of docs/guides/from-google.md.

func before(ctx context.Context, client *autogen.OperationsClient, name string) (*pb.WriteReportResponse, error) {
	res := new(pb.WriteReportResponse)
	op := longrunning.InternalNewOperation(client, &longrunningpb.Operation{Name: name})
	if err := op.Wait(ctx, res); err != nil {
		return nil, err
	}
	return res, nil
}

func after(ctx context.Context, client *autogen.OperationsClient, name string) (*pb.WriteReportResponse, error) {
	return poller.Resume[*pb.WriteReportResponse](gapic.New(client), name, nil).Wait(ctx)
}

func explain(err error) string {
	if failed, ok := errors.AsType[*poller.Error](err); ok {
		return fmt.Sprintf("the report cannot be written: %s", status.Convert(failed).Message())
	}
	return fmt.Sprintf("nobody knows yet whether the report can be written: %v", err)
}

// guided answers what wait makes of a server with that script.
func guided(t *testing.T, wait func(context.Context, *autogen.OperationsClient, string) (*pb.WriteReportResponse, error), steps ...pollertest.Step) (*pb.WriteReportResponse, error) {
	t.Helper()
	return wait(t.Context(), grpcClient(t, scripted{Client: &pollertest.Client{Polls: steps}}), name)
}

func report() pollertest.Step {
	return pollertest.Step{Operation: pollertest.Succeeded(name, &pb.WriteReportResponse{Text: "all"})}
}

// What works before works after.
func TestGuideReplacement(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]func(context.Context, *autogen.OperationsClient, string) (*pb.WriteReportResponse, error){"before": before, "after": after} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				res, err := guided(t, wait, pollertest.Step{Operation: running()}, report())
				if err != nil || res.GetText() != "all" {
					t.Errorf("got %v, %v; want the report", res, err)
				}
				_, err = guided(t, wait, pollertest.Step{Operation: pollertest.Failed(name, status.Error(codes.NotFound, "no such month"))})
				if status.Code(err) != codes.NotFound {
					t.Errorf("got %v, want NOT_FOUND, which is the operation's", err)
				}
			})
		})
	}
}

// What the guide says of a failed poll and of an error of code 0.
func TestGuideChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		down := make([]pollertest.Step, 8)
		for i := range down {
			down[i] = pollertest.Step{Err: status.Error(codes.Unavailable, "restarting"), Delay: 2 * time.Second}
		}
		if res, err := guided(t, before, append(down, report())...); err == nil {
			t.Errorf("before, 16 s without the server: got %v, want an error", res)
		}
		if res, err := guided(t, after, append(down, report())...); err != nil || res.GetText() != "all" {
			t.Errorf("after, 16 s without the server: got %v, %v; want the report", res, err)
		}

		zero := pollertest.Step{Operation: &longrunningpb.Operation{Name: name, Done: true, Result: &longrunningpb.Operation_Error{Error: &spb.Status{Message: "boom"}}}}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("before, an error of code 0: Error must panic")
				}
			}()
			_, err := guided(t, before, zero)
			t.Logf("before: %s", err.Error())
		}()
		_, err := guided(t, after, zero)
		if got, want := explain(err), "the report cannot be written: boom"; got != want {
			t.Errorf("after, an error of code 0: got %q, want %q", got, want)
		}
		_, err = guided(t, after, pollertest.Step{Err: status.Error(codes.PermissionDenied, "not yours")})
		if got := explain(err); !strings.HasPrefix(got, "nobody knows") {
			t.Errorf("after, a failed poll: got %q, want that nobody knows", got)
		}
	})
}
