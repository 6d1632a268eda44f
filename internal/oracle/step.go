package oracle

import (
	"bytes"
	"slices"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/longrunning-go/longrunning/store"
)

// checkStep says what is wrong with one write.
func (l *life) checkStep(old, next *store.Record) []Violation {
	if old.State == store.Done {
		return append(l.checkCounters(old, next), l.checkStaysDone(old, next)...)
	}
	return slices.Concat(l.checkCounters(old, next), l.checkMove(old, next), l.checkCounts(old, next), l.checkCancel(old, next),
		l.checkFence(old, next), l.checkResult(next))
}

// checkCounters says whether what only grows grew, and what is fixed stayed.
func (l *life) checkCounters(old, next *store.Record) (found []Violation) {
	v := next.Version
	if v != old.Version+1 {
		found = append(found, l.says(Lawful, "version %d follows %d", v, old.Version))
	}
	if old.CancelRequested && !next.CancelRequested || old.Deleted && !next.Deleted {
		found = append(found, l.says(Lawful, "version %d has forgotten a cancel or a delete", v))
	}
	if old.ID != next.ID || old.Parent != next.Parent || old.Method != next.Method || old.RequestID != next.RequestID ||
		!old.CreateTime.Equal(next.CreateTime) || !old.Deadline.Equal(next.Deadline) {
		found = append(found, l.says(Lawful, "version %d has changed what Create fixed", v))
	}
	return found
}

// checkMove says whether the state may follow the one before, and whether the
// epoch goes with it.
func (l *life) checkMove(old, next *store.Record) (found []Violation) {
	v := next.Version
	claimed := next.State == store.Running && (old.State == store.Pending || old.State == store.Running && old.Owner != next.Owner)
	if next.Epoch != old.Epoch && (!claimed || next.Epoch != old.Epoch+1) {
		found = append(found, l.says(Lawful, "version %d has epoch %d and state %v of owner %q, after epoch %d and state %v of owner %q",
			v, next.Epoch, next.State, next.Owner, old.Epoch, old.State, old.Owner))
	}
	if next.Epoch == old.Epoch && next.State == store.Running && (old.State != store.Running || old.Owner != next.Owner) {
		found = append(found, l.says(Lawful, "version %d runs under owner %q without a claim, after state %v of owner %q", v, next.Owner, old.State, old.Owner))
	}
	if next.State == store.Pending && old.State == store.External || next.State == store.External && old.State == store.Pending {
		found = append(found, l.says(Lawful, "version %d is %v after %v", v, next.State, old.State))
	}
	return found
}

// checkCounts says whether exactly the attempts that went back to Pending are
// counted as handed back or retried.
func (l *life) checkCounts(old, next *store.Record) []Violation {
	want := 0
	if old.State == store.Running && next.State == store.Pending {
		want = 1
	}
	released, retried := next.Released-old.Released, next.Retried-old.Retried
	if released >= 0 && retried >= 0 && released+retried == want {
		return nil
	}
	return []Violation{l.says(Lawful, "version %d counts %d attempts handed back and %d retried, after %d and %d, %v after %v",
		next.Version, next.Released, next.Retried, old.Released, old.Retried, next.State, old.State)}
}

// checkCancel says whether a cancel that is stored is on its way to an end, and
// whether CANCELLED without a stamp, the library's own, was asked for.
func (l *life) checkCancel(old, next *store.Record) (found []Violation) {
	v := next.Version
	if old.CancelRequested && (next.State == store.Pending || next.State == store.External) {
		found = append(found, l.says(Cancels, "version %d is %v, and it was cancelled before", v, next.State))
	}
	if !old.CancelRequested && next.CancelRequested && old.State != store.Running && next.State != store.Done {
		found = append(found, l.says(Cancels, "version %d is %v; a cancel of what nobody runs ends it", v, next.State))
	}
	if _, stamped := inStatus(next.Error); !stamped && next.State == store.Done && !next.CancelRequested && codeOf(next) == codes.Canceled {
		found = append(found, l.says(Cancels, "version %d is CANCELLED, and nobody asked for it", v))
	}
	return found
}

func codeOf(rec *store.Record) codes.Code {
	st := new(spb.Status)
	if rec.Error == nil || proto.Unmarshal(rec.Error, st) != nil {
		return codes.OK
	}
	return codes.Code(st.GetCode())
}

// checkFence compares the stamps of what a write changed with the attempt that
// was running.
func (l *life) checkFence(old, next *store.Record) (found []Violation) {
	for _, value := range []struct {
		what      string
		old, next []byte
		stamp     func([]byte) (Stamp, bool)
	}{
		{"metadata", old.Metadata, next.Metadata, inAny},
		{"checkpoint", old.Checkpoint, next.Checkpoint, inAny},
		{"response", old.Response, next.Response, inAny},
		{"error", old.Error, next.Error, inStatus},
	} {
		if bytes.Equal(value.old, value.next) {
			continue
		}
		if s, ok := value.stamp(value.next); ok && s.Epoch > 0 && (s.Epoch != old.Epoch || old.State != store.Running) {
			found = append(found, l.says(Fenced, "version %d takes the %s %q over a record of epoch %d, %v", next.Version, value.what, s, old.Epoch, old.State))
		}
	}
	return found
}

// checkStaysDone says whether a done record stayed as it was, Deleted and its
// expiry aside.
func (l *life) checkStaysDone(old, next *store.Record) []Violation {
	same := func(a, b []byte) bool { return bytes.Equal(a, b) }
	switch {
	case next.State != store.Done || !same(old.Response, next.Response) || !same(old.Error, next.Error):
		return []Violation{l.says(Single, "version %d is %v with %s; version %d was done with %s", next.Version, next.State, resultText(next), old.Version, resultText(old))}
	case !same(old.Metadata, next.Metadata) || !same(old.Checkpoint, next.Checkpoint) || old.Epoch != next.Epoch ||
		old.CancelRequested != next.CancelRequested || old.Released != next.Released || old.Retried != next.Retried:
		return []Violation{l.says(Single, "version %d changes more than Deleted of a done record", next.Version)}
	}
	return nil
}

// checkResult says whether a record has one result exactly when it is done.
func (l *life) checkResult(rec *store.Record) []Violation {
	response, failure := rec.Response != nil, rec.Error != nil
	if done := rec.State == store.Done; response && failure || (response || failure) != done {
		return []Violation{l.says(Single, "version %d is %v, with a response: %v, with an error: %v", rec.Version, rec.State, response, failure)}
	}
	return nil
}
