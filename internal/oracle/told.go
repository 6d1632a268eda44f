package oracle

import (
	"cmp"
	"slices"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

// checkStarts says whether what was started is there, and once for each request
// id. Two records of one id are a violation whatever was acknowledged.
func (o *Oracle) checkStarts(lives map[string]*life) (found []Violation) {
	type key struct{ parent, method, requestID string }
	byKey := make(map[key]*life)
	byID := make(map[string]string)
	for _, s := range o.started {
		l := lives[s.name]
		if l == nil || len(l.changes) == 0 {
			found = append(found, Violation{Kept, s.name, "its start was acknowledged, and the store has never had it"})
			continue
		}
		if s.requestID == "" {
			continue
		}
		if has := l.first().Record.RequestID; has != s.requestID {
			found = append(found, l.says(Unique, "it answered a start with request id %s, and has %q", s.requestID, has))
		}
		if earlier, ok := byID[s.requestID]; ok && earlier != s.name && !freed(lives[earlier], l) {
			found = append(found, l.says(Unique, "a repeated start with request id %s was answered %s before", s.requestID, earlier))
		}
		byID[s.requestID] = s.name
	}
	names := make([]*life, 0, len(lives))
	for _, l := range lives {
		if len(l.changes) > 0 {
			names = append(names, l)
		}
	}
	slices.SortFunc(names, func(a, b *life) int { return a.first().At.Compare(b.first().At) })
	for _, l := range names {
		rec := l.first().Record
		if rec.RequestID == "" {
			continue
		}
		k := key{rec.Parent, rec.Method, rec.RequestID}
		if earlier := byKey[k]; earlier != nil && !freed(earlier, l) {
			found = append(found, l.says(Unique, "it has the request id %s, as %s has", rec.RequestID, earlier.name))
		}
		byKey[k] = l
	}
	return found
}

// freed reports whether one of two records, and with it the request id, was taken
// away before the other was made.
func freed(a, b *life) bool {
	before := func(a, b *life) bool { return a.removed != nil && !a.removed.At.After(b.first().At) }
	return before(a, b) || before(b, a)
}

// checkTold compares with the history what was acknowledged by name.
func (o *Oracle) checkTold(l *life, b Bounds) (found []Violation) {
	if len(l.changes) == 0 {
		return nil
	}
	_, done := l.done()
	for _, op := range o.ended[l.name] {
		if done == nil {
			found = append(found, l.says(Stands, "its end with %s was acknowledged, and it never ended", operationText(op)))
		} else if !sameResult(op, operation(done)) {
			found = append(found, l.says(Stands, "its end with %s was acknowledged, and it has %s", operationText(op), resultText(done)))
		}
	}
	for _, s := range o.saved[l.name] {
		if !l.shows(s) {
			found = append(found, l.says(Stands, "%q was acknowledged, and no version shows it", s))
		}
	}
	if at, ok := o.cancelled[l.name]; ok {
		found = append(found, l.checkCancelled(at, b)...)
	}
	if _, ok := o.deleted[l.name]; ok && !l.last().Deleted {
		found = append(found, l.says(Gone, "its delete was acknowledged, and the record is not marked"))
	}
	return append(found, l.checkExpiry(b)...)
}

// checkCancelled says whether a cancel that was acknowledged at that time is stored,
// unless the end came first, and whether the end came soon.
func (l *life) checkCancelled(at time.Time, b Bounds) (found []Violation) {
	ended, done := l.done()
	if !l.last().CancelRequested && (done == nil || at.Before(ended)) {
		found = append(found, l.says(Stands, "its cancel was acknowledged before its end, and the record is not marked"))
	}
	if done != nil || l.removed == nil {
		found = append(found, l.checkEnd(at, Cancels, "its cancel", b)...)
	}
	return found
}

// shows reports whether a version had this metadata or checkpoint.
func (l *life) shows(s Stamp) bool {
	if l.stamps == nil {
		l.stamps = make(map[Stamp]struct{})
		for _, c := range l.changes {
			for _, value := range [][]byte{c.Record.Metadata, c.Record.Checkpoint} {
				if shown, ok := inAny(value); ok {
					l.stamps[shown] = struct{}{}
				}
			}
		}
	}
	_, ok := l.stamps[s]
	return ok
}

// checkExpiry says whether a deleted operation is still stored when it should have
// been removed: a minute after its end, or after the delete if that came later.
func (l *life) checkExpiry(b Bounds) []Violation {
	i := slices.IndexFunc(l.changes, func(c Change) bool { return c.Record.Deleted && c.Record.State == store.Done })
	if i < 0 || l.removed != nil || b.Until.IsZero() {
		return nil
	}
	since := l.changes[i].At
	if since.Before(b.Calm) {
		since = b.Calm
	}
	if kept := b.Until.Sub(since); kept > time.Minute+b.Within {
		return []Violation{l.says(Gone, "it is deleted and done, and was kept for %v", kept.Round(time.Millisecond))}
	}
	return nil
}

// checkRuns says whether each attempt ran once, under a claim that had something
// to run, and not more often than allowed.
func (o *Oracle) checkRuns(l *life, b Bounds) (found []Violation) {
	by := make(map[int64]string)
	for _, r := range o.runs[l.name] {
		i := slices.IndexFunc(l.changes, func(c Change) bool { return c.Record.Epoch == r.epoch })
		if i < 0 || r.epoch < 1 {
			found = append(found, l.says(Fenced, "%s ran attempt %d, and no claim had that epoch", r.by, r.epoch))
			continue
		}
		if earlier, ok := by[r.epoch]; ok {
			found = append(found, l.says(Fenced, "attempt %d ran twice, by %s and by %s", r.epoch, earlier, r.by))
		}
		by[r.epoch] = r.by
		claim := l.changes[i].Record
		if claim.CancelRequested {
			found = append(found, l.says(Cancels, "%s ran attempt %d, which it claimed after the cancel", r.by, r.epoch))
		}
		if !claim.Deadline.IsZero() && !claim.Deadline.After(claim.UpdateTime) {
			found = append(found, l.says(Ended, "%s ran attempt %d, claimed %v after the deadline", r.by, r.epoch, claim.UpdateTime.Sub(claim.Deadline)))
		}
		allowed := cmp.Or(b.AttemptsOf[claim.Method], b.Attempts)
		if used := int(claim.Epoch) - claim.Released; allowed > 0 && used > allowed {
			found = append(found, l.says(Ended, "%s ran attempt %d, of which %d counted; want at most %d", r.by, r.epoch, used, allowed))
		}
	}
	return found
}
