package lrotest

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	ruleWaitDone     rule = "wait: Wait of a done operation answers it at once (operations.proto)."
	ruleWaitOut      rule = "wait: A wait that runs out answers the latest state and no error, a timeout below one second included (operations.proto)."
	ruleWaitShows    rule = "wait: Wait shows an operation as Get does, when it ends and when the wait runs out (operations.proto)."
	ruleWaitZero     rule = "wait: A timeout of 0 answers the latest state at once (operations.proto)."
	ruleWaitDeadline rule = "wait: A wait ends before the deadline of its call does, with the latest state and no error (operations.proto)."
	ruleWoken        rule = "wait: A waiter is woken by the end, be it a response, an error or a Cancel, and not by its timeout (operations.proto)."
	ruleWaitBlank    rule = "wait: Without a timeout a wait lasts as long as the protocol allows, and is woken by the end (operations.proto)."
	ruleWaitInvalid  rule = "wait: A timeout that is negative or no valid duration is INVALID_ARGUMENT, or has run out, and breaks nothing (google.rpc.Code)."
)

func waitCases() []testCase {
	const method = longrunningpb.Operations_WaitOperation_FullMethodName
	return []testCase{
		{ruleWaitDone, method, waitDone},
		{ruleWaitOut, method, waitOut},
		{ruleWaitShows, method, waitShows},
		{ruleWaitZero, method, waitZero},
		{ruleWaitDeadline, method, waitDeadline},
		{ruleWoken, method, waitWoken},
		{ruleWaitBlank, method, waitBlank},
		{ruleWaitInvalid, method, waitInvalid},
	}
}

// long is a timeout that a waiter must not need.
func long() *durationpb.Duration { return durationpb.New(patience - time.Second) }

func waitDone(t *trial) {
	name := t.start().GetName()
	t.finish(name)
	for _, timeout := range []*durationpb.Duration{long(), short(), nil} {
		op, took := t.wait(t.rule, name, timeout)
		if took > prompt {
			t.fail("Wait of %q, which is done, with timeout %v: it took %v, want an answer at once", name, timeout, took)
		}
		t.same(t.rule, op, t.done(name))
	}
}

func waitOut(t *trial) { t.runsOut(t.rule, short(), durationpb.New(1100*time.Millisecond)) }

func waitZero(t *trial) { t.runsOut(t.rule, &durationpb.Duration{}) }

// attempts is how often a case tries that has a bound on time: the machine or the
// network may be slow once.
const attempts = 3

// runsOut waits, for rule r, for an operation that nobody ends. That a server answers sooner
// is allowed: the method is on a best-effort basis.
func (t *trial) runsOut(r rule, timeouts ...*durationpb.Duration) {
	name := t.start().GetName()
	for _, timeout := range timeouts {
		most := timeout.AsDuration() + 3*time.Second
		best := patience
		for range attempts {
			before := t.undone(name)
			op, took := t.wait(r, name, timeout)
			if op.GetDone() {
				t.broken(ruleGoesOn, "Wait: got %v, though nobody ended it", op)
			}
			t.asGet(ruleWaitShows, "Wait", op, before)
			if best = min(best, took); best <= most {
				break
			}
		}
		if best > most {
			t.broken(r, "Wait of %q with a timeout of %v: at the best of %d times it took %v, want an answer within %v", name, timeout.AsDuration(), attempts, best, most)
		}
	}
}

// waitShows is about what asGet checks, wherever there are waits.
func waitShows(t *trial) {
	t.runsOut(ruleWaitOut, short())
	t.woken(ruleWoken, ruleLatest, long(), func(name string) { t.finish(name) })
}

// waitDeadline asks whether the server minds the deadline at all. How much time it
// leaves for the way back is its own affair, so on a slow network there is no
// telling: the answer may be on its way when the deadline comes.
func waitDeadline(t *trial) {
	name := t.start().GetName()
	trip := patience
	for range attempts {
		begun := time.Now()
		t.undone(name)
		trip = min(trip, time.Since(begun))
	}
	if trip > 100*time.Millisecond {
		t.skip(fmt.Sprintf("a call takes %v there and back, which is more than a server need leave of a deadline", trip))
	}
	const deadline = 3 * time.Second
	var failures []error
	for range attempts {
		ctx, stop := context.WithTimeout(t.tb.Context(), deadline)
		_, err := t.Client.WaitOperation(ctx, &longrunningpb.WaitOperationRequest{Name: name, Timeout: long()})
		stop()
		if err == nil {
			return
		}
		failures = append(failures, err)
	}
	t.fail("Wait with a timeout of %v and a deadline of %v: got errors %v, want the latest state, shortly before the deadline", long().AsDuration(), deadline, failures)
}

func waitWoken(t *trial) {
	t.woken(t.rule, ruleLatest, long(), func(name string) { t.finish(name) })
	t.woken(t.rule, ruleLatest, long(), func(name string) { t.failWith(name, aborted()) })
	if t.supports(longrunningpb.Operations_CancelOperation_FullMethodName) {
		t.woken(t.rule, ruleCancelled, long(), func(name string) {
			t.cancel(ruleCancelled, name)
			t.cancelled(ruleCancelled, name)
		})
	}
}

func waitBlank(t *trial) {
	t.woken(t.rule, ruleLatest, nil, func(name string) { t.finish(name) })
}

// woken lets several wait, for rule r, for an operation that then ends. Each must
// see the end, sooner than its timeout is; a server that answers earlier is asked
// again, until the end has come or met a breach. If the end removes the operation, kept
// is broken.
func (t *trial) woken(r, kept rule, timeout *durationpb.Duration, end func(name string)) {
	name := t.start().GetName()
	giveUp := time.Now().Add(2 * patience)
	var over atomic.Bool // the end has come, or met a breach
	var endedAt atomic.Pointer[time.Time]
	const waiters = 5
	heard := make(chan *longrunningpb.Operation, waiters)
	waiter := func() {
		for {
			ended := endedAt.Load()
			op, _ := t.waitKept(r, kept, name, timeout)
			switch {
			case op.GetDone():
				if at := endedAt.Load(); at != nil && time.Since(*at) > prompt {
					t.broken(r, "a waiter with timeout %v heard of the end %v after it, want at once", timeout, time.Since(*at))
				}
				heard <- op
				return
			case ended != nil:
				t.broken(ruleWaitDone, "got %v of a Wait that began after the end, want the done operation", op)
			case over.Load() && endedAt.Load() == nil || time.Now().After(giveUp):
				return // the end met a breach, which is noted
			}
			<-time.After(time.Millisecond)
		}
	}
	ender := func() {
		defer over.Store(true)
		for range 10 { // meanwhile the waiters arrive
			t.undone(name)
		}
		end(name)
		at := time.Now()
		endedAt.Store(&at)
	}
	t.together(append(times(waiters, waiter), ender)...)
	close(heard)
	for op := range heard {
		t.asGet(ruleWaitShows, "Wait", op, t.done(name))
	}
}

// waitInvalid accepts an answer too, since what a negative timeout means is not
// written: it has run out.
func waitInvalid(t *trial) {
	name := t.start().GetName()
	for _, timeout := range []*durationpb.Duration{
		{Seconds: -1}, {Nanos: -1}, {Nanos: 1_000_000_000}, {Seconds: 1, Nanos: -1}, {Seconds: 1 << 60},
	} {
		ctx, stop := t.ctx()
		begun := time.Now()
		_, err := t.Client.WaitOperation(ctx, &longrunningpb.WaitOperationRequest{Name: name, Timeout: timeout})
		took := time.Since(begun)
		stop()
		what := fmt.Sprintf("Wait with a timeout of %d s and %d ns", timeout.GetSeconds(), timeout.GetNanos())
		switch {
		case err == nil && took > prompt && timeout.AsDuration() < 0:
			t.fail("%s: it took %v, want INVALID_ARGUMENT or an answer at once", what, took)
		case err != nil && (status.Code(err) != codes.DeadlineExceeded || timeout.AsDuration() < 0): // deadlines have a rule of their own
			t.refused(t.rule, what, err, codes.InvalidArgument)
		}
	}
}
