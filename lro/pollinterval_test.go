package lro_test

import (
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// TestPollInterval: Get and Wait recommend the method's interval while the
// operation is not done, in a trailer.
func TestPollInterval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := memstore.New()
		p := setup(t, st, untilCancelled, nil, &lro.MethodOptions{PollInterval: 7 * time.Second})
		plain := setup(t, st, untilCancelled, &lro.Options{Capacity: -1}, nil)
		running, done := p.start("x", nil), p.fill("", 1)[0]
		created, err := p.Create(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			what, name string
			p          *process
			want       time.Duration
		}{
			{"not done", running, p, 7 * time.Second},
			{"done", done, p, 0},
			{"without a method", created.GetName(), p, 0},
			{"of a method without an interval", running, plain, 0},
		} {
			client := longrunningpb.NewOperationsClient(c.p.dial(lro.AllowAll, nil))
			var get, wait metadata.MD
			if _, err := client.GetOperation(t.Context(), &longrunningpb.GetOperationRequest{Name: c.name}, grpc.Trailer(&get)); err != nil {
				t.Fatal(err)
			}
			if _, err := client.WaitOperation(t.Context(), &longrunningpb.WaitOperationRequest{Name: c.name, Timeout: durationpb.New(time.Second)}, grpc.Trailer(&wait)); err != nil {
				t.Fatal(err)
			}
			for call, trailer := range map[string]metadata.MD{"GetOperation": get, "WaitOperation": wait} {
				values := trailer.Get(retryInfo)
				if c.want == 0 {
					if len(values) > 0 {
						t.Errorf("%s of an operation %s recommends %q; want nothing", call, c.what, values)
					}
					continue
				}
				info := new(errdetails.RetryInfo)
				if len(values) != 1 || proto.Unmarshal([]byte(values[0]), info) != nil || info.GetRetryDelay().AsDuration() != c.want {
					t.Errorf("%s of an operation %s recommends %q; want one RetryInfo of %v", call, c.what, values, c.want)
				}
			}
		}
	})
}
