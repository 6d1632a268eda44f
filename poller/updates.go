package poller

import (
	"context"
	"iter"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/proto"
)

// updatePark is how long Updates parks a WaitOperation, which says nothing
// about progress until it ends.
const updatePark = time.Second

// Updates follows the operation and yields its states: first the one that is
// known already, if any, then each that differs from the one before, and last
// the done one, or nil and an error. An operation that failed is no error here:
// it is yielded like any other done one, and [Poller.Result] answers its
// [*Error].
//
// Updates looks about once a second, or as often as the server recommends; a
// state that does not last that long may be missed. It treats transient
// failures and the end of ctx as [Poller.Wait] does. Leaving the loop early
// ends the polling, and cancels nothing. The sequence may be ranged over more
// than once, and by several goroutines, each on its own.
//
// The yielded operations are copies that belong to the caller.
func (p *Poller[T]) Updates(ctx context.Context) iter.Seq2[*longrunningpb.Operation, error] {
	return func(yield func(*longrunningpb.Operation, error) bool) {
		var last *longrunningpb.Operation
		more := true
		news := func() (bool, bool) {
			op, known := p.latest()
			if !more || !known || proto.Equal(op, last) {
				return false, more
			}
			last = op
			more = yield(proto.CloneOf(op), nil)
			return true, more
		}

		if news(); !more {
			return
		}
		park := min(p.opts.LongPoll, updatePark)
		first := park
		if last == nil {
			first = 0 // show the first state at once
		}
		if err := p.follow(ctx, first, park, news); err != nil {
			yield(nil, err)
			return
		}
		news() // another goroutine may have learnt the end
	}
}
