package oracle

import (
	"cmp"
	"slices"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

// checkReads compares with the history what reads were answered.
func (o *Oracle) checkReads(l *life, b Bounds) (found []Violation) {
	at, done := l.done()
	deleted, isDeleted := o.deleted[l.name]
	reads := slices.Clone(o.reads[l.name])
	slices.SortStableFunc(reads, func(a, b read) int { return cmp.Compare(a.asked.UnixNano(), b.asked.UnixNano()) })
	for i, r := range reads {
		if isDeleted && r.asked.After(deleted) {
			found = append(found, l.says(Gone, "a read that began %v after its delete was acknowledged was answered", r.asked.Sub(deleted)))
		}
		if r.op.GetDone() && (done == nil || !sameResult(r.op, operation(done))) {
			found = append(found, l.says(Single, "a read was answered %s, and the history has another result or none", operationText(r.op)))
		}
		if r.waited && done != nil {
			found = append(found, l.checkWake(r, at, b)...)
		}
		if s, ok := inMessage(r.op.GetMetadata()); ok && !l.shows(s) {
			found = append(found, l.says(Latest, "a read shows %q, and no version does", s))
		}
		if b.Exact {
			found = append(found, l.checkFresh(r)...)
		}
		found = append(found, l.checkOrder(reads[:i], r)...)
	}
	return found
}

// checkMissed says whether what had been started, and not been deleted yet, was not
// found. A delete that was not acknowledged may have been done.
func (o *Oracle) checkMissed(l *life, started time.Time) (found []Violation) {
	if started.IsZero() || len(l.changes) == 0 {
		return nil
	}
	i := slices.IndexFunc(l.changes, func(c Change) bool { return c.Record.Deleted })
	for _, m := range o.missed[l.name] {
		gone := l.removed != nil || i >= 0 && !m.answered.Before(l.changes[i].At)
		if m.asked.After(started) && !gone {
			found = append(found, l.says(Kept, "a read %v after its start was acknowledged was answered NOT_FOUND", m.asked.Sub(started)))
		}
	}
	return found
}

func (l *life) checkWake(r read, ended time.Time, b Bounds) []Violation {
	since := ended
	if r.asked.After(ended) {
		since = r.asked
	}
	if late := r.answered.Sub(since); late > b.Wake {
		return []Violation{l.says(Woken, "who waited was answered %v after the end, done %v; want %v at most", late.Round(time.Millisecond), r.op.GetDone(), b.Wake)}
	}
	return nil
}

// checkOrder says whether a read shows less than one that was answered before it
// was asked for.
func (l *life) checkOrder(earlier []read, r read) []Violation {
	shown, hasStamp := inMessage(r.op.GetMetadata())
	for _, e := range earlier {
		if !e.answered.Before(r.asked) {
			continue
		}
		if e.op.GetDone() && !r.op.GetDone() {
			return []Violation{l.says(Latest, "a read shows it not done, after one that showed it done")}
		}
		if before, ok := inMessage(e.op.GetMetadata()); ok && hasStamp && shown.Epoch > 0 && shown.before(before) {
			return []Violation{l.says(Latest, "a read shows %q, after one that showed %q", shown, before)}
		}
	}
	return nil
}

// checkFresh says whether a read shows less than the store had when it was asked
// for.
func (l *life) checkFresh(r read) []Violation {
	i := slices.IndexFunc(l.changes, func(c Change) bool { return !c.At.Before(r.asked) })
	if i < 0 {
		i = len(l.changes)
	}
	if i == 0 {
		return nil
	}
	had := l.changes[i-1].Record
	if had.State == store.Done && !r.op.GetDone() {
		return []Violation{l.says(Latest, "a read shows it not done, %v after it was", r.asked.Sub(l.changes[i-1].At))}
	}
	shown, ok := inMessage(r.op.GetMetadata())
	if before, had := inAny(had.Metadata); had && ok && shown.Epoch > 0 && shown.before(before) {
		return []Violation{l.says(Latest, "a read shows %q, when the store had %q", shown, before)}
	}
	return nil
}
