// Package lrotest is for tests of servers of google.longrunning.Operations. It has
// two parts: a kit for who builds on package lro, and the contract itself, as a
// suite for anybody's server.
//
// # Testing a service
//
// A test makes a Manager on a store and serves it: both end with the test. In a
// bubble of testing/synctest an hour takes milliseconds; everything is then made
// inside the bubble. Outside a bubble it works as well, in real time.
//
//	synctest.Test(t, func(t *testing.T) {
//		st := lrotest.NewStore()
//		m := lrotest.NewManager(t, st, nil)
//		conn := lrotest.Serve(t, m, func(s *grpc.Server) {
//			pb.RegisterBakeryServer(s, bakery.New(m)) // which calls lro.Handle
//		})
//		op, err := pb.NewBakeryClient(conn).Bake(t.Context(), &pb.BakeRequest{Cake: "large"})
//		...
//		st.KillOwners() // the process dies, and another goes on
//		cake, err := poller.New[*pb.BakeResponse](longrunningpb.NewOperationsClient(conn), op, nil).Wait(t.Context())
//		...
//	})
//
// [NewManager] writes the Manager's log to the test's. [Serve] runs it, waits until
// it is up, and in the end drains it. A [Store] does on demand what a real one does
// at night: it fails, it loses answers, and its owners die. So what a handler makes
// of its second attempt is seen before the first crash.
//
//	st.Fail(err, "Update")        // the work ends, and the store does not know
//	st.KillOwners(); st.Mend()    // now nobody does: attempt 2 must find it done
//
// # The contract
//
// [TestServer] puts a server that runs through every rule of operations.proto
// and of the AIPs around it that can be seen over a connection. The server may
// be one of package lro or anybody's, in any language, over gRPC or over whatever
// can be made a longrunningpb.OperationsClient.
//
// A server's own test is one call and a [Target], which says how to reach the
// server and how to make an operation begin and end:
//
//	func TestOperations(t *testing.T) {
//		t.Parallel()
//		shop := startShop(t) // the service under test
//		lrotest.TestServer(t, lrotest.Target{
//			Client: longrunningpb.NewOperationsClient(shop.conn),
//			Start: func(ctx context.Context) (*longrunningpb.Operation, error) {
//				return shop.client.Bake(ctx, &pb.BakeRequest{Cake: "until told"})
//			},
//			Finish: func(ctx context.Context, name string) (proto.Message, error) {
//				res := &pb.BakeResponse{Cakes: 1}
//				return res, shop.oven.Done(ctx, name, res)
//			},
//			Fail: func(ctx context.Context, name string, st *statuspb.Status) error {
//				return shop.oven.Burnt(ctx, name, status.ErrorProto(st))
//			},
//		})
//	}
//
// Every case checks one rule, and the rule is its name, with the document that
// demands it: a failure says which sentence is broken, and where the suite saw
// it. The rules are grouped by topic, one file each:
//
//   - operation: names, the result, what Get answers, what is done
//   - names: what is malformed or missing
//   - cancel, delete and wait
//   - lists, tokens and filter
//   - errors: what every refusal looks like
//   - permission: callers who may not (with Target.Stranger)
//   - requests: request ids (with Target.StartOnce)
//   - methods: what the server says that it does not do
//
// What a server may leave out is not left unchecked: a method in
// Target.Unsupported must answer UNIMPLEMENTED whatever it is asked, and a
// server without filters must refuse every filter. A rule that needs a hook
// which the Target does not have passes, and the log says why; so does what the
// transport cannot carry ([ErrNotCarried]).
//
// A case that meets the breach of another rule than its own reports that rule
// and ends. So a server with one fault is told of that fault, and hardly ever of
// what leans on it; and of each rule once, however many cases meet its breach.
//
// [Check] runs the same cases without subtests and answers what they found: for
// tests of the suite itself, and for a test in a bubble of testing/synctest, where
// subtests cannot run and timeouts cost nothing:
//
//	synctest.Test(t, func(t *testing.T) {
//		for _, v := range lrotest.Check(t, target(t)) {
//			t.Error(v)
//		}
//	})
//
// No rule depends on tight timings. What must happen at once has ten seconds;
// that a waiter was woken, and did not time out, shows because its timeout is
// longer than that. A wait that runs out has three seconds more than its timeout,
// at the best of three times. Whether a server minds the deadline of a call is
// asked only where a call takes less than a tenth of a second there and back:
// how much it leaves for the way back is its own affair. A sound server is through
// in a few seconds.
package lrotest
