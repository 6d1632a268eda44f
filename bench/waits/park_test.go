package waits_test

import (
	"context"
	"fmt"
	"io"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/longrunning-go/longrunning/bench/waits"
)

// Either server has as many operations as calls are to block, parks those that
// wait for them, and says what each takes once all are there.
func TestPark(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"lro", "bare handler"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			ctx, stop := context.WithCancel(t.Context())
			calls, hangUp := context.WithCancel(ctx)
			reader, writer := io.Pipe()
			ended := make(chan error, 1)
			go func() { ended <- waits.Park(ctx, []string{kind, "2"}, writer) }()
			var address string
			scan(t, reader, &address)
			conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
			if err != nil {
				t.Fatal(err)
			}
			client := longrunningpb.NewOperationsClient(conn)
			list, err := client.ListOperations(ctx, &longrunningpb.ListOperationsRequest{Name: "projects/acme"})
			if err != nil || len(list.GetOperations()) != 2 {
				t.Fatalf("list: got %v, %v; want 2 operations", list, err)
			}
			waited := make(chan error, 2)
			for _, op := range list.GetOperations() {
				go func() {
					_, err := client.WaitOperation(calls, &longrunningpb.WaitOperationRequest{Name: op.GetName(), Timeout: durationpb.New(3600e9)})
					waited <- err
				}()
			}
			var bytes float64
			scan(t, reader, &bytes)
			hangUp()
			for range 2 {
				if err := <-waited; status.Code(err) != codes.Canceled {
					t.Errorf("a call that is parked: got %v, want that it ends with its context", err)
				}
			}
			stop()
			if err := <-ended; err != nil {
				t.Errorf("Park: got %v, want none", err)
			}
			_ = conn.Close() // or Park has cut it
		})
	}
}

func scan(t *testing.T, from io.Reader, into any) {
	t.Helper()
	if _, err := fmt.Fscanln(from, into); err != nil {
		t.Fatal(err)
	}
}
