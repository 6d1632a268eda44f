package poller_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/longrunning-go/longrunning/poller"
	"github.com/longrunning-go/longrunning/poller/pollertest"
)

// In a program the client is longrunningpb.NewOperationsClient(conn), and op is
// what a method of the service has answered.
func ExamplePoller_Wait() {
	op := pollertest.Running("operations/1", nil)
	client := &pollertest.Client{Polls: []pollertest.Step{
		{Operation: pollertest.Succeeded("operations/1", wrapperspb.String("snapshot 5"))},
	}}

	p := poller.New[*wrapperspb.StringValue](client, op, nil)
	res, err := p.Wait(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(res.GetValue())
	// Output: snapshot 5
}

func ExampleError() {
	client := &pollertest.Client{Polls: []pollertest.Step{
		{Operation: pollertest.Failed("operations/1", status.Error(codes.NotFound, "no such shelf"))},
	}}

	p := poller.Resume[*wrapperspb.StringValue](client, "operations/1", nil)
	_, err := p.Wait(context.Background())
	if failed, ok := errors.AsType[*poller.Error](err); ok {
		fmt.Println("the operation failed:", status.Convert(failed).Message())
	} else if err != nil {
		fmt.Println("the outcome is unknown:", err)
	}
	// Output: the operation failed: no such shelf
}

// The name finds the operation again, in another process too.
func ExampleResume() {
	client := &pollertest.Client{Polls: []pollertest.Step{
		{Operation: pollertest.Succeeded("operations/1", wrapperspb.String("snapshot 5"))},
	}}
	stopped, cancel := context.WithCancel(context.Background())
	cancel()

	p := poller.New[*wrapperspb.StringValue](client, pollertest.Running("operations/1", nil), nil)
	_, err := p.Wait(stopped)
	fmt.Println(errors.Is(err, context.Canceled))
	saved := p.Name()

	res, err := poller.Resume[*wrapperspb.StringValue](client, saved, nil).Wait(context.Background())
	fmt.Println(res.GetValue(), err)
	// Output:
	// true
	// snapshot 5 <nil>
}

func ExamplePoller_Updates() {
	client := &pollertest.Client{Polls: []pollertest.Step{
		{Operation: pollertest.Running("operations/1", wrapperspb.Int64(40))},
		{Operation: pollertest.Running("operations/1", wrapperspb.Int64(90))},
		{Operation: pollertest.Succeeded("operations/1", wrapperspb.String("snapshot 5"))},
	}}

	p := poller.Resume[*wrapperspb.StringValue](client, "operations/1", &poller.Options{InitialBackoff: time.Millisecond})
	for op, err := range p.Updates(context.Background()) {
		if err != nil {
			fmt.Println(err)
			return
		}
		meta, err := poller.Metadata[*wrapperspb.Int64Value](op)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(op.GetDone(), meta.GetValue())
	}
	res, err := p.Result()
	fmt.Println(res.GetValue(), err)
	// Output:
	// false 40
	// false 90
	// true 0
	// snapshot 5 <nil>
}

// A loop of one's own, for programs that have something else to do meanwhile.
func ExamplePoller_Poll() {
	client := &pollertest.Client{Polls: []pollertest.Step{
		{Operation: pollertest.Running("operations/1", nil)},
		{Operation: pollertest.Succeeded("operations/1", wrapperspb.String("snapshot 5"))},
	}}

	p := poller.Resume[*wrapperspb.StringValue](client, "operations/1", nil)
	for !p.Done() {
		if err := p.Poll(context.Background()); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("done:", p.Done())
	}
	res, err := p.Result()
	fmt.Println(res.GetValue(), err)
	// Output:
	// done: false
	// done: true
	// snapshot 5 <nil>
}
