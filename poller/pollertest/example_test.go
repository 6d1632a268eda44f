package pollertest_test

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/longrunning-go/longrunning/poller"
	"github.com/longrunning-go/longrunning/poller/pollertest"
)

// The function under test takes a poller.Client.
func Example() {
	title := func(ctx context.Context, c poller.Client) (string, error) {
		res, err := poller.Resume[*wrapperspb.StringValue](c, "operations/1", nil).Wait(ctx)
		return res.GetValue(), err
	}

	client := &pollertest.Client{
		NoWait: true, // an old server
		Polls: []pollertest.Step{
			{Operation: pollertest.Succeeded("operations/1", wrapperspb.String("snapshot 5"))},
		},
	}
	fmt.Println(title(context.Background(), client))
	for _, call := range client.Calls() {
		fmt.Println(call.Method, call.Name)
	}
	// Output:
	// snapshot 5 <nil>
	// WaitOperation operations/1
	// GetOperation operations/1
}
