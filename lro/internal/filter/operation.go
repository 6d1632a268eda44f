package filter

import (
	"time"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// An Operation is what a filter looks at.
type Operation struct {
	Name, Method          string
	Done, CancelRequested bool
	Create, Update        time.Time
	End, Expire           time.Time // zero while there is none
	Attempt               int64
	Error                 func() *spb.Status // nil if there is none
	HasMetadata           bool
	// Metadata answers the metadata, nil if there is none of a linked type.
	Metadata func() protoreflect.Message
}

// The names of fields.
const (
	fieldName     = "name"
	fieldDone     = "done"
	fieldMethod   = "method"
	fieldCreate   = "create_time"
	fieldUpdate   = "update_time"
	fieldEnd      = "end_time"
	fieldExpire   = "expire_time"
	fieldCancel   = "cancel_requested"
	fieldAttempt  = "attempt"
	fieldError    = "error"
	fieldMetadata = "metadata"
)

// kindOfField answers the kind of a field that stands alone, and 0 if there is none
// of that name.
func kindOfField(name string) kind {
	switch name {
	case fieldName, fieldMethod:
		return kindString
	case fieldDone, fieldCancel:
		return kindBool
	case fieldCreate, fieldUpdate, fieldEnd, fieldExpire:
		return kindTime
	case fieldAttempt:
		return kindInt
	}
	return 0
}

const known = "name, done, method, create_time, update_time, end_time, expire_time, cancel_requested, attempt, error.code, error.message and metadata.…"

// value answers what an operation has in a field that stands alone, and whether it
// has it.
func (op *Operation) value(field string) (any, bool) {
	switch field {
	case fieldName:
		return op.Name, true
	case fieldMethod:
		return op.Method, op.Method != ""
	case fieldDone:
		return op.Done, true
	case fieldCancel:
		return op.CancelRequested, true
	case fieldAttempt:
		return signed(op.Attempt), true
	case fieldCreate:
		return instant(op.Create), !op.Create.IsZero()
	case fieldUpdate:
		return instant(op.Update), !op.Update.IsZero()
	case fieldEnd:
		return instant(op.End), !op.End.IsZero()
	default:
		return instant(op.Expire), !op.Expire.IsZero()
	}
}
