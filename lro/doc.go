// Package lro is the server side of google.longrunning: it runs the methods
// that take longer than a request may, and serves their operations.
//
// # A method
//
// A [Manager] keeps operations in a store and executes them. [Handle] gives it
// the function behind an RPC that returns google.longrunning.Operation; the RPC
// is found by its request type:
//
//	m, err := lro.New(memstore.New(), nil)
//	take := lro.Handle(m, func(ctx context.Context, task *lro.Task[*pb.TakeSnapshotMetadata], req *pb.TakeSnapshotRequest) (*pb.TakeSnapshotResponse, error) {
//		task.Report(&pb.TakeSnapshotMetadata{FilesTotal: 3}) // progress, for clients and for the next attempt
//		...
//		return &pb.TakeSnapshotResponse{Files: 3}, nil
//	}, nil)
//
// The service answers its callers with [Method.Start]:
//
//	func (s *server) TakeSnapshot(ctx context.Context, req *pb.TakeSnapshotRequest) (*longrunningpb.Operation, error) {
//		return s.take.Start(ctx, req, &lro.StartOptions{RequestID: req.GetRequestId()})
//	}
//
// and main serves the operations beside it and runs the Manager until the
// process is to end, then drains:
//
//	longrunningpb.RegisterOperationsServer(grpcServer, lro.NewServer(m, lro.AllowAll, nil))
//	err = m.Run(ctx)
//
// # What a handler can count on
//
// It runs at least once, and its result is stored exactly once. When its process
// dies another one that shares the store adopts the operation, after about
// [Options].LeaseTTL, and starts the next attempt: [Task.Attempt] is one higher,
// [Task.Metadata] answers what was last reported and [Task.Load] what was last
// saved. A process that was only paused and wakes up then can write nothing any
// more: every write of an attempt is fenced. Side effects elsewhere are the
// handler's own affair; Task.Attempt is the fencing token for them.
//
// Its context ends when the operation is cancelled ([ErrCancelled]), when a
// drain runs out of time ([ErrShutdown]), when another owner has the operation
// ([ErrLeaseLost]), when somebody else ended it ([ErrDone]), and at its timeout;
// context.Cause tells which.
//
// Returning an error ends the operation with it. [Retry] asks for another
// attempt instead, and [ErrExternal] leaves the end to somebody outside.
//
// # Without a handler
//
// [Manager.Create] makes an operation that [Manager.Complete] or [Manager.Fail]
// ends later, from any process that shares the store. [Declare] gives such
// operations types, or starts operations that other processes run.
//
// # Names and words
//
// An operation's name is {parent}/operations/{id}, and the server assigns it. Its
// method is the RPC that started it; a handler executes it, and a task is the
// handler's view of it. An attempt is one execution. An owner is one Manager that
// runs; it is alive as long as its heartbeats reach the store, and adopts what
// dead owners have left. An external operation is ended by something that is no
// handler. A drain is the orderly end of Run.
//
// # Testing
//
// All time is the standard library's, so a handler that takes an hour is tested
// in milliseconds in a bubble of testing/synctest. Package lro/lrotest has what
// such tests need: a Manager, a server and a client in a line each, and a store
// that fails and whose owners die when the test says so. recipe_test.go in this
// package shows it.
package lro
