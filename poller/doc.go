// Package poller turns a long-running operation into the response of the method
// that started it. It works with every server of google.longrunning.Operations
// and links nothing of the server in this module.
//
// # Waiting
//
// A method that takes long answers an operation. [New] follows it, and
// [Poller.Wait] answers what the method is about:
//
//	op, err := client.TakeSnapshot(ctx, req)
//	if err != nil {
//		return err // the operation was never started
//	}
//	p := poller.New[*pb.TakeSnapshotResponse](operations, op, nil)
//	resp, err := p.Wait(ctx)
//
// where operations is a [longrunningpb.OperationsClient], or whatever else has
// the methods of [Client]; poller/gapic, a module of its own, makes one of
// Google's client, for REST too. Wait asks the server to hold each call until the
// operation is done (WaitOperation), for a minute at most, so the response
// arrives about one round trip after it exists, and an hour takes sixty calls.
// At servers that cannot do that, or that answer too early, it polls with a
// jittered back-off. Where a server recommends an interval, that is the time
// between the starts of two polls (google.rpc.RetryInfo, in the trailer
// google.rpc.retryinfo-bin or in the details of an error).
//
// When ctx ends, Wait returns promptly and the operation goes on. To wait for it
// later, in another process too, keep its name and [Resume] it. To end it, call
// [Poller.Cancel], or set Options.CancelOnContextDone.
//
// # Errors
//
// That the operation failed and that a poll failed are different things, and
// look different:
//
//	resp, err := p.Wait(ctx)
//	if failed, ok := errors.AsType[*poller.Error](err); ok {
//		// The operation is done, and this is its result. It has the whole
//		// status: status.Code(failed), status.Convert(failed).Details().
//	} else if err != nil {
//		// The outcome is unknown: ctx ended, or the server could not be asked.
//		// status.Code(err) says what the server answered.
//	}
//
// Failures that pass by themselves are not reported at all: Wait survives
// UNAVAILABLE, and calls that miss their own deadline, until too many of them
// come in a row. [ErrNoResult], and a response of another type than expected,
// mean that the operation is done but that its result cannot be used.
//
// # Progress
//
// [Poller.Updates] yields the states of the operation as they change, and
// [Metadata] decodes what the method tells about its progress:
//
//	for op, err := range p.Updates(ctx) {
//		if err != nil {
//			return err
//		}
//		meta, err := poller.Metadata[*pb.TakeSnapshotMetadata](op)
//		if err != nil {
//			return err
//		}
//		fmt.Println(meta.GetBytesDone())
//	}
//	resp, err := p.Result()
//
// # Loops of your own
//
// [Poller.Poll] asks once and says whether asking failed, [Poller.Done] whether
// there is a result, and [Poller.Result] what it is:
//
//	for !p.Done() {
//		if err := p.Poll(ctx); err != nil {
//			return err
//		}
//		// something else, and a pause
//	}
//	resp, err := p.Result()
//
// Tests of code that polls need no server: see package pollertest.
package poller
