package lro

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
	"pgregory.net/rapid"

	"github.com/longrunning-go/longrunning/store"
)

// The model of an operation's life: what DESIGN.md, section 5, says, as a table.
// A transition is looked up by its name and by what the record is; the entry is
// the state that follows, or what is answered instead.

type verdict struct {
	to     store.State // 0: nothing is written
	result string      // with Done: which one
	err    error
}

// A situation is all that decides: the epoch counts only for an attempt.
type situation struct {
	state     store.State
	cancelled bool
	mine      bool   // the attempt's epoch is the record's
	holds     string // the result that a done record has
}

const unknown store.State = 9

var modelledTransitions = []string{"complete", "complete again", "cancel", "overdue", "report", "progress", "finish", "retry", "release", "externalise"}

// model says what must become of a record.
func model(name string, s situation) verdict {
	attempts := map[string]verdict{
		"progress":    {to: store.Running},
		"finish":      {to: store.Done, result: "theirs"},
		"retry":       {to: store.Pending},
		"release":     {to: store.Pending},
		"externalise": {to: store.External},
	}
	if v, ok := attempts[name]; ok {
		switch {
		case s.state == store.Done:
			return verdict{err: ErrDone}
		case s.state != store.Running || !s.mine:
			return verdict{err: ErrLeaseLost}
		case s.cancelled && (v.to == store.Pending || v.to == store.External):
			return verdict{to: store.Done, result: "cancelled"}
		}
		return v
	}
	done := s.state == store.Done
	if s.state == unknown {
		switch {
		case name == "overdue", name == "cancel" && s.cancelled:
			return verdict{}
		}
		return verdict{err: errUnknownState}
	}
	switch name {
	case "complete", "complete again":
		r := map[string]string{"complete": "theirs", "complete again": "first"}[name]
		switch {
		case !done:
			return verdict{to: store.Done, result: r}
		case s.holds == r:
			return verdict{}
		}
		return verdict{err: ErrDone}
	case "cancel":
		switch {
		case done || s.cancelled:
			return verdict{}
		case s.state == store.Running:
			return verdict{to: store.Running}
		}
		return verdict{to: store.Done, result: "cancelled"}
	case "overdue":
		switch {
		case done:
			return verdict{}
		case s.cancelled:
			return verdict{to: store.Done, result: "cancelled"}
		}
		return verdict{to: store.Done, result: "late"}
	case "report":
		switch {
		case done:
			return verdict{err: ErrDone}
		case s.state == store.External:
			return verdict{to: store.External}
		}
		return verdict{err: errNotExternal}
	}
	panic(name)
}

var (
	firstResult     = modelResponse("first")
	theirResult     = modelResponse("theirs")
	cancelledResult = modelError(codes.Canceled)
	lateResult      = modelError(codes.DeadlineExceeded)

	results = map[string]result{"theirs": theirResult, "first": firstResult, "cancelled": cancelledResult, "late": lateResult}
)

const modelRetention = time.Hour

func realTransition(name string, epoch int64) transition {
	switch name {
	case "complete":
		return end(theirResult, modelRetention)
	case "complete again":
		return end(firstResult, modelRetention)
	case "cancel":
		return cancel(cancelledResult, modelRetention)
	case "overdue":
		return overdue(cancelledResult, lateResult, modelRetention)
	case "report":
		return reportExternal([]byte("news"))
	case "progress":
		return fenced(epoch, withMetadata([]byte("news"), progress([]byte("checkpoint"))))
	case "finish":
		return fenced(epoch, withMetadata([]byte("news"), end(theirResult, modelRetention)))
	case "retry":
		return fenced(epoch, retry(time.Second, cancelledResult, modelRetention))
	case "release":
		return fenced(epoch, release(0, cancelledResult, modelRetention))
	case "externalise":
		return fenced(epoch, externalise(cancelledResult, modelRetention))
	}
	panic(name)
}

func modelResponse(text string) result {
	wrapped, err := anypb.New(wrapperspb.String(text))
	if err != nil {
		panic(err)
	}
	b, err := proto.Marshal(wrapped)
	if err != nil {
		panic(err)
	}
	return result{response: b}
}

func modelError(code codes.Code) result {
	b, err := proto.Marshal(newStatus(code, "MODEL", "", code.String()).Proto())
	if err != nil {
		panic(err)
	}
	return result{error: b}
}

func modelRecord(s situation, deleted bool) *store.Record {
	rec := &store.Record{
		Name: "operations/1", ID: "1", Version: 7, Epoch: 3, State: s.state,
		CancelRequested: s.cancelled, Deleted: deleted, Metadata: []byte("old"),
	}
	if s.state == store.Running {
		rec.Owner = "owner"
	}
	if s.state == store.Done {
		rec.Response = firstResult.response
	}
	return rec
}

// checkVerdict applies one transition to rec and compares with the model. It
// answers the record that follows.
func checkVerdict(t interface {
	Helper()
	Fatalf(string, ...any)
}, name string, rec *store.Record, mine bool,
) *store.Record {
	t.Helper()
	before := *rec
	s := situation{state: rec.State, cancelled: rec.CancelRequested, mine: mine}
	for name, r := range results {
		if rec.State == store.Done && string(r.response) == string(rec.Response) && string(r.error) == string(rec.Error) {
			s.holds = name
		}
	}
	epoch := rec.Epoch
	if !mine {
		epoch--
	}
	want := model(name, s)
	next, err := realTransition(name, epoch)(rec)
	if !errors.Is(err, want.err) || err != nil && want.err == nil {
		t.Fatalf("%s on %+v answered error %v; want %v", name, s, err, want.err)
	}
	if fmt.Sprint(*rec) != fmt.Sprint(before) {
		t.Fatalf("%s on %+v changed the record it was given", name, s)
	}
	if want.to == 0 {
		if next != nil {
			t.Fatalf("%s on %+v writes %+v; want nothing written", name, s, next)
		}
		return rec
	}
	if next == nil || next.State != want.to {
		t.Fatalf("%s on %+v writes %+v; want state %v", name, s, next, want.to)
	}
	if err := next.Validate(); err != nil {
		t.Fatalf("%s on %+v writes what no store takes: %v", name, s, err)
	}
	if r := results[want.result]; string(next.Response) != string(r.response) || string(next.Error) != string(r.error) {
		t.Fatalf("%s on %+v ends with %q and %q; want the %s result", name, s, next.Response, next.Error, want.result)
	}
	if rec.CancelRequested && !next.CancelRequested || rec.Deleted != next.Deleted || next.Version != rec.Version || next.Epoch != rec.Epoch {
		t.Fatalf("%s on %+v writes %+v; cancel and delete never fall, version and epoch are the store's", name, s, next)
	}
	keep := modelRetention
	if next.Deleted {
		keep = deletedRetention
	}
	if next.State == store.Done && (next.ExpireIn != keep || next.Checkpoint != nil) {
		t.Fatalf("%s on %+v keeps it %v with checkpoint %q; want %v and none", name, s, next.ExpireIn, next.Checkpoint, keep)
	}
	return next
}

// TestLifecycleTable compares every transition in every situation.
func TestLifecycleTable(t *testing.T) {
	t.Parallel()
	for _, name := range modelledTransitions {
		for _, state := range []store.State{store.Pending, store.Running, store.External, store.Done, unknown} {
			for _, cancelled := range []bool{false, true} {
				for _, mine := range []bool{false, true} {
					for _, deleted := range []bool{false, true} {
						checkVerdict(t, name, modelRecord(situation{state: state, cancelled: cancelled}, deleted), mine)
					}
				}
			}
		}
	}
}

// TestLifecycleWalk takes random walks: whatever happens in whatever order, done
// is final, a cancelled operation never waits again, and counts add up.
func TestLifecycleWalk(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rec := &store.Record{Name: "operations/1", ID: "1", Version: 1, State: store.Pending, Metadata: []byte("old")}
		var retried, released int
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			step := rapid.SampledFrom(append([]string{"claim", "delete"}, modelledTransitions...)).Draw(t, "step")
			before := rec
			switch step {
			case "claim": // what a store does
				if rec.State != store.Pending && rec.State != store.Running {
					continue
				}
				next := *rec
				next.Epoch++
				next.State, next.Owner = store.Running, "owner"
				rec = &next
			case "delete":
				next, err := remove(rec)
				if err != nil || (next == nil) != rec.Deleted {
					t.Fatalf("delete of a record deleted=%v answered %v, %v", rec.Deleted, next, err)
				}
				if next != nil {
					rec = next
				}
			default:
				mine := rec.Epoch > 0 && rapid.Bool().Draw(t, "mine")
				rec = checkVerdict(t, step, rec, mine)
			}
			next := *rec
			next.Version++
			next.DueIn, next.ExpireIn = 0, 0
			rec = &next

			if before.State == store.Done && (rec.State != store.Done || string(rec.Response) != string(before.Response) || string(rec.Error) != string(before.Error)) {
				t.Fatalf("%s changed a done record from %+v to %+v", step, before, rec)
			}
			if rec.CancelRequested && (rec.State == store.Pending || rec.State == store.External) {
				t.Fatalf("after %s a cancelled operation is %v", step, rec.State)
			}
			if before.State == store.Running && rec.State == store.Pending {
				if step == "retry" {
					retried++
				} else {
					released++
				}
			}
			if rec.Retried != retried || rec.Released != released || attemptsUsed(rec) != int(rec.Epoch)-released {
				t.Fatalf("after %s the record counts %d retried and %d released; want %d and %d", step, rec.Retried, rec.Released, retried, released)
			}
		}
	})
}
