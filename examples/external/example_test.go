package main_test

import (
	"context"
	"fmt"

	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/poller"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// The smallest use there is: no method and no handler. Somebody creates an
// operation, and whoever has done the work completes it by name.
func Example() {
	ctx := context.Background()
	m, err := lro.New(memstore.New(), nil)
	if err != nil {
		panic(err)
	}
	op, err := m.Create(ctx, &lro.CreateOptions{Parent: "projects/demo"})
	if err != nil {
		panic(err)
	}
	if err = m.Complete(ctx, op.GetName(), &pb.Volume{Path: "/volumes/v1"}); err != nil {
		panic(err)
	}
	vol, err := poller.Resume[*pb.Volume](m.LocalClient(), op.GetName(), nil).Wait(ctx)
	fmt.Println(vol.GetPath(), err)
	// Output: /volumes/v1 <nil>
}
