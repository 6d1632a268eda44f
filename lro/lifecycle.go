package lro

import (
	"bytes"
	"errors"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/longrunning-go/longrunning/store"
)

// This file is the life of an operation (DESIGN.md, section 5): pure functions
// that say what a record may become. Everything that writes an existing record
// goes through one of them, by way of Manager.change.

// A transition answers the record to write next, nil if there is nothing to
// write, or the error for who asked. It never changes the record it is given, nor
// answers it.
type transition func(*store.Record) (*store.Record, error)

var (
	errNotExternal  = errors.New("the operation is not external")
	errUnknownState = errors.New("the operation is in a state that this version does not know")
)

// deletedRetention is how long a deleted operation is kept once it is done, so
// that waiters admitted before the delete still get the end.
const deletedRetention = time.Minute

// A result is what an operation ends with: exactly one field is set, to the
// serialized Any or Status.
type result struct{ response, error []byte }

func (r result) equal(rec *store.Record) bool {
	return equalAnys(r.response, rec.Response) && equalErrors(r.error, rec.Error)
}

// end makes any operation that is not done Done. On a done one an equal result
// is accepted and changes nothing.
func end(r result, retention time.Duration) transition {
	return func(rec *store.Record) (*store.Record, error) {
		switch rec.State {
		case store.Pending, store.Running, store.External:
			return ended(rec, r, retention), nil
		case store.Done:
			if r.equal(rec) {
				return nil, nil
			}
			return nil, ErrDone
		default:
			return nil, errUnknownState
		}
	}
}

func ended(rec *store.Record, r result, retention time.Duration) *store.Record {
	next := *rec
	next.State, next.Owner, next.Checkpoint = store.Done, "", nil
	next.Response, next.Error = r.response, r.error
	next.ExpireIn = retention
	if next.Deleted {
		next.ExpireIn = deletedRetention
	}
	return &next
}

// cancel ends what nobody runs, and asks the owner of what is running.
func cancel(cancelled result, retention time.Duration) transition {
	return func(rec *store.Record) (*store.Record, error) {
		switch {
		case rec.State == store.Done || rec.CancelRequested:
			return nil, nil
		case rec.State == store.Pending || rec.State == store.External:
			next := ended(rec, cancelled, retention)
			next.CancelRequested = true
			return next, nil
		case rec.State == store.Running:
			next := *rec
			next.CancelRequested = true
			return &next, nil
		default:
			return nil, errUnknownState
		}
	}
}

// remove marks the record deleted; its work goes on.
func remove(rec *store.Record) (*store.Record, error) {
	switch {
	case rec.State < store.Pending || rec.State > store.Done:
		return nil, errUnknownState
	case rec.Deleted:
		return nil, nil
	}
	next := *rec
	next.Deleted = true
	next.ExpireIn = deletedRetention
	next.DueIn = max(0, min(rec.DueTime.Sub(rec.UpdateTime), time.Until(rec.DueTime)))
	return &next, nil
}

// overdue ends what has missed its deadline.
func overdue(cancelled, late result, retention time.Duration) transition {
	return func(rec *store.Record) (*store.Record, error) {
		switch {
		case rec.State == store.Done || rec.State < store.Pending || rec.State > store.Done:
			return nil, nil
		case rec.CancelRequested:
			return ended(rec, cancelled, retention), nil
		default:
			return ended(rec, late, retention), nil
		}
	}
}

// reportExternal replaces the metadata of an external operation.
func reportExternal(metadata []byte) transition {
	return func(rec *store.Record) (*store.Record, error) {
		switch rec.State {
		case store.External:
			next := *rec
			next.Metadata = metadata
			return &next, nil
		case store.Done:
			return nil, ErrDone
		case store.Pending, store.Running:
			return nil, errNotExternal
		default:
			return nil, errUnknownState
		}
	}
}

// fenced lets t pass only while the attempt with this epoch runs.
func fenced(epoch int64, t transition) transition {
	return func(rec *store.Record) (*store.Record, error) {
		switch {
		case rec.Epoch == epoch && rec.State == store.Running:
			return t(rec)
		case rec.State == store.Done:
			return nil, ErrDone
		default:
			return nil, ErrLeaseLost
		}
	}
}

// withMetadata lets the newest report travel inside t; nil is no news.
func withMetadata(metadata []byte, t transition) transition {
	if metadata == nil {
		return t
	}
	return func(rec *store.Record) (*store.Record, error) {
		next, err := t(rec)
		if next != nil {
			next.Metadata = metadata
		}
		return next, err
	}
}

// progress keeps the attempt running; a nil checkpoint keeps the last one.
func progress(checkpoint []byte) transition {
	return func(rec *store.Record) (*store.Record, error) {
		next := *rec
		if checkpoint != nil {
			next.Checkpoint = checkpoint
		}
		return &next, nil
	}
}

// A cancelled operation is never pending or external again, so the three ways
// in which an attempt lets go of its operation end it instead.

func retry(after time.Duration, cancelled result, retention time.Duration) transition {
	return unlessCancelled(cancelled, retention, func(next *store.Record) {
		next.State, next.DueIn = store.Pending, after
		next.Retried++
	})
}

func release(after time.Duration, cancelled result, retention time.Duration) transition {
	return unlessCancelled(cancelled, retention, func(next *store.Record) {
		next.State, next.DueIn = store.Pending, after
		next.Released++
	})
}

func externalise(cancelled result, retention time.Duration) transition {
	return unlessCancelled(cancelled, retention, func(next *store.Record) {
		next.State = store.External
	})
}

func unlessCancelled(cancelled result, retention time.Duration, letGo func(*store.Record)) transition {
	return func(rec *store.Record) (*store.Record, error) {
		if rec.CancelRequested {
			return ended(rec, cancelled, retention), nil
		}
		next := *rec
		next.Owner = ""
		letGo(&next)
		return &next, nil
	}
}

// attemptsUsed counts the attempts begun, those that were handed back left out.
func attemptsUsed(rec *store.Record) int { return int(rec.Epoch) - rec.Released }

// ownersLost counts the earlier attempts that ended with their owner.
func ownersLost(rec *store.Record) int { return int(rec.Epoch) - 1 - rec.Released - rec.Retried }

// equalAnys compares two serialized Anys by what they mean: encodings are not
// canonical across binaries.
func equalAnys(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	if a == nil || b == nil {
		return false
	}
	x, y := new(anypb.Any), new(anypb.Any)
	if proto.Unmarshal(a, x) != nil || proto.Unmarshal(b, y) != nil || x.GetTypeUrl() != y.GetTypeUrl() {
		return false
	}
	mx, errX := x.UnmarshalNew()
	my, errY := y.UnmarshalNew()
	return errX == nil && errY == nil && proto.Equal(mx, my)
}

// equalErrors compares two Statuses. Neutral ones differ only in the id that
// leads to the log, which means nothing to who compares.
func equalErrors(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	if a == nil || b == nil {
		return false
	}
	x, y := new(spb.Status), new(spb.Status)
	if proto.Unmarshal(a, x) != nil || proto.Unmarshal(b, y) != nil {
		return false
	}
	return proto.Equal(x, y) || neutral(x) && neutral(y)
}

func neutral(s *spb.Status) bool {
	if len(s.GetDetails()) != 1 {
		return false
	}
	info := new(errdetails.ErrorInfo)
	return s.GetDetails()[0].UnmarshalTo(info) == nil && info.GetMetadata()[errorID] != ""
}

// errorID is the key in the ErrorInfo of a neutral error: the id under which
// the log has the full text.
const errorID = "error_id"
