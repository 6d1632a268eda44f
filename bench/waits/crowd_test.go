package waits_test

import (
	"io"
	"net"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/longrunning-go/longrunning/bench/waits"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// TestCrowdFails: a crowd that cannot learn whether all are there says why.
func TestCrowdFails(t *testing.T) {
	t.Parallel()
	m, err := lro.New(memstore.New(), nil)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	longrunningpb.RegisterOperationsServer(server, lro.NewServer(m, lro.AllowAll, nil))
	go func() { _ = server.Serve(listener) }() // until Stop; Crowd meets its error
	t.Cleanup(server.Stop)
	err = waits.Crowd(t.Context(), []string{listener.Addr().String(), "pollers", "0", "projects/acme/operations/none"}, io.Discard)
	if status.Code(err) != codes.NotFound {
		t.Errorf("Crowd until an operation ends that does not exist: got error %v, want NOT_FOUND", err)
	}
}
