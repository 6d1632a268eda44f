package store

import (
	"bytes"
	"fmt"
	"time"
)

// What a store sets in a record, as pure functions: a store that keeps its
// records in Go, and its time too, is these and the bookkeeping. None of them
// changes its receiver or its arguments. now is in UTC and whole microseconds.

// Created answers what Create stores for r at time now. ownerAlive says whether
// r.Owner is; it matters only while r is Running.
func (r *Record) Created(now time.Time, ownerAlive bool) *Record {
	next := *r
	next.Version, next.Epoch = 1, 0
	next.CreateTime, next.EndTime, next.Deadline = now, time.Time{}, time.Time{}
	if r.Timeout > 0 {
		next.Deadline = after(now, r.Timeout)
	}
	switch {
	case r.State == Running && ownerAlive:
		next.Epoch = 1
	case r.State == Running:
		next.State, next.Owner, next.DueIn = Pending, "", 0
	}
	return next.stamped(now)
}

// Updated answers what Update stores for the argument rec, where r is the record
// that rec.Name has. Its error is ErrConflict or ErrInvalid.
func (r *Record) Updated(rec *Record, now time.Time) (*Record, error) {
	if r.Version != rec.Version {
		return nil, fmt.Errorf("%w: %q is at version %d, the caller read %d", ErrConflict, r.Name, r.Version, rec.Version)
	}
	if r.State == Done && !r.sameResult(rec) {
		return nil, fmt.Errorf("%w: %q is done: nothing but Deleted and ExpireTime of it may change", ErrInvalid, r.Name)
	}
	next := *r
	next.Version++
	next.State, next.Owner = rec.State, rec.Owner
	next.Released, next.Retried = rec.Released, rec.Retried
	next.CancelRequested, next.Deleted = rec.CancelRequested, rec.Deleted
	next.Metadata, next.Checkpoint = rec.Metadata, rec.Checkpoint
	next.Response, next.Error = rec.Response, rec.Error
	next.DueIn, next.ExpireIn = rec.DueIn, rec.ExpireIn
	return next.stamped(now), nil
}

// Claimed answers what a Claim of owner stores for r.
func (r *Record) Claimed(owner string, now time.Time) *Record {
	next := *r
	next.Version++
	next.Epoch++
	next.State, next.Owner = Running, owner
	return next.stamped(now)
}

// HintOf answers the hint that leaves when old becomes next, and whether any
// does. A record that is created has a nil old.
func HintOf(old, next *Record) (Hint, bool) {
	due := next.State == Pending
	if !due && (old == nil || old.State == next.State && old.Owner == next.Owner &&
		old.CancelRequested == next.CancelRequested && old.Deleted == next.Deleted) {
		return Hint{}, false
	}
	return Hint{Names: []string{next.Name}, Due: due}, true
}

// stamped sets the times of a write, and takes away what is input only.
func (r Record) stamped(now time.Time) *Record {
	r.UpdateTime, r.DueTime, r.ExpireTime = now, time.Time{}, time.Time{}
	switch r.State {
	case Running, External:
	case Pending:
		r.DueTime = after(now, r.DueIn)
	case Done:
		r.ExpireTime = after(now, r.ExpireIn)
		if r.EndTime.IsZero() {
			r.EndTime = now
		}
	}
	r.Timeout, r.DueIn, r.ExpireIn = 0, 0, 0
	return &r
}

func (r *Record) sameResult(o *Record) bool {
	same := func(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }
	return r.State == o.State && r.Released == o.Released && r.Retried == o.Retried &&
		r.CancelRequested == o.CancelRequested &&
		same(r.Metadata, o.Metadata) && same(r.Checkpoint, o.Checkpoint) &&
		same(r.Response, o.Response) && same(r.Error, o.Error)
}

func after(now time.Time, d time.Duration) time.Time {
	return now.Add(d.Truncate(time.Microsecond))
}
