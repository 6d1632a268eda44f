package oracle

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/longrunning-go/longrunning/store"
)

// A life is what one record went through, oldest version first.
type life struct {
	name    string
	changes []Change // writes
	removed *Change
	stamps  map[Stamp]struct{} // of metadata and checkpoints; shows makes it
}

func livesOf(history []Change) map[string]*life {
	lives := make(map[string]*life)
	for _, c := range history {
		l := lives[c.Record.Name]
		if l == nil {
			l = &life{name: c.Record.Name}
			lives[l.name] = l
		}
		if c.Removed {
			l.removed = &c
		} else {
			l.changes = append(l.changes, c)
		}
	}
	for _, l := range lives {
		slices.SortStableFunc(l.changes, func(a, b Change) int { return cmp.Compare(a.Record.Version, b.Record.Version) })
	}
	return lives
}

func (l *life) first() Change { return l.changes[0] }

func (l *life) last() *store.Record { return l.changes[len(l.changes)-1].Record }

// done answers when the record was first done, and as what.
func (l *life) done() (time.Time, *store.Record) {
	for _, c := range l.changes {
		if c.Record.State == store.Done {
			return c.At, c.Record
		}
	}
	return time.Time{}, nil
}

func (l *life) says(inv Invariant, format string, args ...any) Violation {
	return Violation{Invariant: inv, Name: l.name, Text: fmt.Sprintf(format, args...)}
}

// check answers what the history alone shows.
func (l *life) check(b Bounds) (found []Violation) {
	if len(l.changes) == 0 {
		return []Violation{l.says(Lawful, "it was removed and had never been written")}
	}
	first := l.first().Record
	if first.Version != 1 {
		found = append(found, l.says(Lawful, "the first version is %d; want 1", first.Version))
	}
	found = append(found, l.checkResult(first)...)
	for i, c := range l.changes[1:] {
		found = append(found, l.checkStep(l.changes[i].Record, c.Record)...)
	}
	found = append(found, l.checkOrderOf("metadata", func(r *store.Record) []byte { return r.Metadata })...)
	found = append(found, l.checkOrderOf("checkpoint", func(r *store.Record) []byte { return r.Checkpoint })...)
	if l.removed != nil {
		return append(found, l.checkRemoval()...)
	}
	return append(found, l.checkEnd(l.first().At, Ended, "its start", b)...)
}

// checkOrderOf says whether the stamps of attempts in one field go back, by epoch
// and then by number, or are lost. Who reports by name replaces what attempts wrote.
func (l *life) checkOrderOf(what string, field func(*store.Record) []byte) (found []Violation) {
	var newest Stamp
	for i, c := range l.changes[1:] {
		old, next := l.changes[i].Record, c.Record
		s, ok := inAny(field(next))
		switch {
		case ok && s.Epoch > 0:
			if s.before(newest) {
				found = append(found, l.says(Forward, "version %d shows the %s %q after %q", next.Version, what, s, newest))
			}
			newest = s
		case old.State == store.External || next.State == store.Done && what == "checkpoint":
		case newest.Epoch > 0 && !bytes.Equal(field(old), field(next)):
			found = append(found, l.says(Forward, "version %d has lost the %s %q", next.Version, what, newest))
		}
	}
	return found
}

func (l *life) checkRemoval() (found []Violation) {
	if last := l.last(); last.State != store.Done {
		found = append(found, l.says(Kept, "it was removed in state %v", last.State))
	}
	if at := l.changes[len(l.changes)-1].At; at.After(l.removed.At) {
		found = append(found, l.says(Lawful, "it was written %v after it was removed", at.Sub(l.removed.At)))
	}
	return found
}

// checkEnd says whether the end came within its bound after since.
func (l *life) checkEnd(since time.Time, inv Invariant, what string, b Bounds) []Violation {
	at, done := l.done()
	if since.Before(b.Calm) {
		since, what = b.Calm, "all was calm"
	}
	switch {
	case done == nil:
		last := l.last()
		return []Violation{l.says(inv, "it never ended: version %d, epoch %d, %v of owner %q, method %s", last.Version, last.Epoch, last.State, last.Owner, last.Method)}
	case at.Sub(since) > b.Within:
		return []Violation{l.says(inv, "it ended %v after %s; want at most %v", at.Sub(since).Round(time.Millisecond), what, b.Within)}
	}
	return nil
}

// operation answers a record as clients would see it, without its metadata.
func operation(rec *store.Record) *longrunningpb.Operation {
	op := &longrunningpb.Operation{Name: rec.Name, Done: rec.State == store.Done}
	if rec.Response != nil {
		packed := new(anypb.Any)
		if proto.Unmarshal(rec.Response, packed) == nil {
			op.Result = &longrunningpb.Operation_Response{Response: packed}
		}
	}
	if rec.Error != nil {
		st := new(spb.Status)
		if proto.Unmarshal(rec.Error, st) == nil {
			op.Result = &longrunningpb.Operation_Error{Error: st}
		}
	}
	return op
}

func resultText(rec *store.Record) string { return operationText(operation(rec)) }

func operationText(op *longrunningpb.Operation) string {
	if s, ok := inMessage(op.GetResponse()); ok {
		return fmt.Sprintf("response %q", s)
	}
	switch result := op.GetResult().(type) {
	case *longrunningpb.Operation_Response:
		return "a response"
	case *longrunningpb.Operation_Error:
		return fmt.Sprintf("error %d %q", result.Error.GetCode(), result.Error.GetMessage())
	default:
		return "no result"
	}
}
