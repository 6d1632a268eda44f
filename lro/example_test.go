package lro_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/poller"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// runInBackground runs m until the function that it answers is called.
func runInBackground(m *lro.Manager) (drain func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			log.Print(err)
		}
	}
}

// A handler does the work of a method, and a Poller in the same process waits
// for the typed response.
func ExampleHandle() {
	m, err := lro.New(memstore.New(), nil)
	if err != nil {
		log.Fatal(err)
	}
	printing := lro.Handle(m, func(_ context.Context, task *lro.Task[*testpb.PrintMetadata], req *testpb.PrintRequest) (*testpb.PrintResponse, error) {
		task.Report(&testpb.PrintMetadata{PagesDone: 1})
		return &testpb.PrintResponse{Text: "printed " + req.GetText(), Pages: 1}, nil
	}, nil)
	defer runInBackground(m)()

	ctx := context.Background()
	op, err := printing.Start(ctx, &testpb.PrintRequest{Text: "Emma"}, &lro.StartOptions{Parent: "projects/novels"})
	if err != nil {
		log.Print(err)
		return
	}
	res, err := poller.New[*testpb.PrintResponse](m.LocalClient(), op, nil).Wait(ctx)
	fmt.Println(res.GetText(), err)
	// Output: printed Emma <nil>
}

// The smallest use there is: an operation without a method, which something
// else ends.
func ExampleManager_Create() {
	m, err := lro.New(memstore.New(), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer runInBackground(m)()
	ctx := context.Background()
	op, err := m.Create(ctx, &lro.CreateOptions{Parent: "projects/p1"})
	if err != nil {
		log.Print(err)
		return
	}
	// A webhook, a queue worker or a person says that it is done:
	if err = m.Complete(ctx, op.GetName(), &testpb.PrintResponse{Pages: 7}); err != nil {
		log.Print(err)
		return
	}
	op, err = m.Wait(ctx, op.GetName())
	fmt.Println(op.GetDone(), err)
	// Output: true <nil>
}

// An attempt goes on where the one before it was, whether that asked for
// another, as here, or died with its process.
func ExampleTask_Save() {
	m, err := lro.New(memstore.New(), nil)
	if err != nil {
		log.Fatal(err)
	}
	printing := lro.Handle(m, func(ctx context.Context, task *lro.Task[*testpb.PrintMetadata], _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
		checkpoint := new(testpb.Checkpoint)
		if _, err := task.Load(checkpoint); err != nil {
			return nil, err
		}
		fmt.Println("attempt", task.Attempt(), "starts at page", checkpoint.GetOffset())
		if checkpoint.GetOffset() == 2 {
			return &testpb.PrintResponse{Pages: 2}, nil
		}
		if err := task.Save(ctx, &testpb.Checkpoint{Offset: 2}); err != nil {
			return nil, err
		}
		return nil, lro.Retry(errors.New("out of paper"), 1)
	}, nil)
	defer runInBackground(m)()
	op, err := printing.Start(context.Background(), &testpb.PrintRequest{}, nil)
	if err != nil {
		log.Print(err)
		return
	}
	if _, err = poller.New[*testpb.PrintResponse](m.LocalClient(), op, nil).Wait(context.Background()); err != nil {
		log.Print(err)
	}
	// Output:
	// attempt 1 starts at page 0
	// attempt 2 starts at page 2
}

// A handler runs at least once, and an attempt that was paused and overtaken may
// still be at work. The operation takes nothing from it; a side effect elsewhere
// needs a system that remembers the highest attempt it has seen, and refuses
// lower ones.
func ExampleTask_Attempt() {
	m, err := lro.New(memstore.New(), nil)
	if err != nil {
		log.Fatal(err)
	}
	shelf := make(map[string]int64) // in earnest a row in a database, or an object's metadata
	put := func(book string, attempt int64) {
		if seen := shelf[book]; attempt < seen {
			fmt.Println("attempt", attempt, "refused after attempt", seen)
			return
		}
		shelf[book] = attempt
		fmt.Println("attempt", attempt, "taken")
	}
	var overtaken func()
	printing := lro.Handle(m, func(_ context.Context, task *lro.Task[*testpb.PrintMetadata], req *testpb.PrintRequest) (*testpb.PrintResponse, error) {
		if task.Attempt() == 1 {
			overtaken = func() { put(req.GetText(), task.Attempt()) } // it wakes up too late
			return nil, lro.Retry(errors.New("out of paper"), 1)
		}
		put(req.GetText(), task.Attempt())
		overtaken()
		return &testpb.PrintResponse{}, nil
	}, nil)
	defer runInBackground(m)()
	op, err := printing.Start(context.Background(), &testpb.PrintRequest{Text: "Emma"}, nil)
	if err != nil {
		log.Print(err)
		return
	}
	if _, err = poller.New[*testpb.PrintResponse](m.LocalClient(), op, nil).Wait(context.Background()); err != nil {
		log.Print(err)
	}
	// Output:
	// attempt 2 taken
	// attempt 1 refused after attempt 2
}

// One process starts operations and another, which shares the store, runs them.
func ExampleDeclare() {
	shared := memstore.New() // in earnest a database
	api, err := lro.New(shared, nil)
	if err != nil {
		log.Fatal(err)
	}
	printing := lro.Declare[*testpb.PrintRequest, *testpb.PrintResponse, *testpb.PrintMetadata](api, nil)
	defer runInBackground(api)()

	worker, err := lro.New(shared, nil)
	if err != nil {
		log.Print(err)
		return
	}
	lro.Handle(worker, func(_ context.Context, _ *lro.Task[*testpb.PrintMetadata], req *testpb.PrintRequest) (*testpb.PrintResponse, error) {
		return &testpb.PrintResponse{Text: "printed by the worker: " + req.GetText()}, nil
	}, nil)
	defer runInBackground(worker)()

	op, err := printing.Start(context.Background(), &testpb.PrintRequest{Text: "Emma"}, nil)
	if err != nil {
		log.Print(err)
		return
	}
	res, err := poller.New[*testpb.PrintResponse](api.LocalClient(), op, nil).Wait(context.Background())
	fmt.Println(res.GetText(), err)
	// Output: printed by the worker: Emma <nil>
}

// What a handler's error becomes: one with a status is stored as it is, and of
// any other clients see only that it happened.
func ExampleManager_Fail() {
	m, err := lro.New(memstore.New(), nil)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	op, err := m.Create(ctx, nil)
	if err != nil {
		log.Print(err)
		return
	}
	if err = m.Fail(ctx, op.GetName(), status.Error(codes.ResourceExhausted, "the printer is out of paper")); err != nil {
		log.Print(err)
		return
	}
	if op, err = m.Get(ctx, op.GetName()); err != nil {
		log.Print(err)
		return
	}
	fmt.Println(codes.Code(op.GetError().GetCode()), op.GetError().GetMessage())
	// Output: ResourceExhausted the printer is out of paper
}

// An Authorizer that keeps tenants apart. It compares with the slash, so that
// projects/acme does not open projects/acme-evil.
func ExampleAuthorizer() {
	tenant := func(context.Context) string { return "projects/acme" } // from an interceptor
	auth := func(ctx context.Context, access lro.Access) error {
		if access.Parent != tenant(ctx) {
			return status.Error(codes.PermissionDenied, "not your project")
		}
		return nil
	}
	ctx := context.Background()
	fmt.Println(auth(ctx, lro.Access{Verb: lro.VerbGet, Name: "projects/acme/operations/1", Parent: "projects/acme"}))
	fmt.Println(auth(ctx, lro.Access{Verb: lro.VerbList, Parent: "projects/acme-evil"}))
	// Output:
	// <nil>
	// rpc error: code = PermissionDenied desc = not your project
}

// Two conditions: whose operations, and what may be done with them.
func ExampleAll() {
	tenant := func(context.Context) string { return "projects/acme" }             // from an interceptor
	scopes := func(context.Context) []string { return []string{"printing.read"} } // too
	auth := lro.All(
		func(ctx context.Context, access lro.Access) error {
			if access.Parent != tenant(ctx) {
				return errors.New("not the caller's project") // for the log
			}
			return nil
		},
		lro.RequireScopes(scopes, map[lro.Verb][]string{
			lro.VerbGet:    {"printing.read", "printing.write"},
			lro.VerbCancel: {"printing.write"},
		}),
	)
	for _, verb := range []lro.Verb{lro.VerbGet, lro.VerbCancel} {
		fmt.Println(auth(context.Background(), lro.Access{Verb: verb, Name: "projects/acme/operations/1", Parent: "projects/acme"}))
	}
	// Output:
	// <nil>
	// lro: Cancel needs one of the OAuth scopes ["printing.write"]; call with credentials that have it
}
