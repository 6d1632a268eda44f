package storetest

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

// What the records of the cases have in common.
const (
	parent  = "projects/p"
	methodA = "/storetest.Service/A"
	methodB = "/storetest.Service/B"
)

// draft answers a record with a new name and every field set that may be set in
// state, for the caller to change and create. A Running one still needs an
// Owner.
func (t *trial) draft(state store.State) *store.Record {
	id := t.newID()
	rec := &store.Record{
		Name:       parent + "/operations/" + id,
		Parent:     parent,
		ID:         id,
		Method:     methodA,
		Request:    []byte("request of " + id),
		Carrier:    map[string]string{"traceparent": "00-" + id, "naïve": "ü"},
		State:      state,
		Released:   1,
		Retried:    2,
		Metadata:   []byte{0, 1, 0xff, 'm'},
		Checkpoint: []byte{0, 2, 0xfe, 'c'},
	}
	if state == store.Done {
		rec.Response = []byte{0, 3, 0xfd, 'r'}
		rec.ExpireIn = time.Hour
	}
	return rec
}

// drafts answers n drafts, their IDs rising.
func (t *trial) drafts(n int, state store.State) []*store.Record {
	recs := make([]*store.Record, n)
	for i := range recs {
		recs[i] = t.draft(state)
	}
	return recs
}

// edited answers a copy of rec that change has seen.
func edited(rec *store.Record, change func(*store.Record)) *store.Record {
	r := *rec
	change(&r)
	return &r
}

// unasked answers rec as every answer but those of Create and Claim has it.
func unasked(rec *store.Record) *store.Record {
	return edited(rec, func(r *store.Record) { r.Request = nil })
}

// pending answers rec released, to be claimed after dueIn.
func pending(rec *store.Record, dueIn time.Duration) *store.Record {
	return edited(rec, func(r *store.Record) { r.State, r.Owner, r.DueIn = store.Pending, "", dueIn })
}

// running answers rec as owner's.
func running(rec *store.Record, owner string) *store.Record {
	return edited(rec, func(r *store.Record) { r.State, r.Owner = store.Running, owner })
}

// external answers rec as somebody's outside.
func external(rec *store.Record) *store.Record {
	return edited(rec, func(r *store.Record) { r.State, r.Owner = store.External, "" })
}

// done answers rec with a response, unless it is done already, to be removed
// after expireIn.
func done(rec *store.Record, expireIn time.Duration) *store.Record {
	return edited(rec, func(r *store.Record) {
		if r.ExpireIn = expireIn; r.State != store.Done {
			r.State, r.Owner, r.Response = store.Done, "", []byte("response")
		}
	})
}

// failed answers rec with an error, to be removed at once.
func failed(rec *store.Record) *store.Record {
	return edited(rec, func(r *store.Record) {
		r.State, r.Owner, r.Response, r.Error, r.ExpireIn = store.Done, "", nil, []byte("error"), 0
	})
}

// marked answers rec with other metadata.
func marked(rec *store.Record, metadata string) *store.Record {
	return edited(rec, func(r *store.Record) { r.Metadata = []byte(metadata) })
}

func cancelled(rec *store.Record) *store.Record {
	return edited(rec, func(r *store.Record) { r.CancelRequested = true })
}

func deleted(rec *store.Record) *store.Record {
	return edited(rec, func(r *store.Record) { r.Deleted = true })
}

// deepCopy answers a copy of rec that shares nothing with it.
func deepCopy(rec *store.Record) *store.Record {
	r := *rec
	r.Carrier = maps.Clone(rec.Carrier)
	for _, b := range []*[]byte{&r.Request, &r.Metadata, &r.Checkpoint, &r.Response, &r.Error} {
		*b = bytes.Clone(*b)
	}
	return &r
}

// stored answers the fields that the store sets, and those it takes away.
func stored() []string { return append(timed(), "Version", "Epoch") }

// timed answers the fields that are topic times' alone.
func timed() []string {
	return []string{
		"CreateTime", "UpdateTime", "EndTime", "Deadline", "DueTime", "ExpireTime", "Timeout", "DueIn", "ExpireIn",
	}
}

// fixed answers the fields that no Update changes.
func fixed() []string {
	return []string{"Name", "Parent", "ID", "Method", "RequestID", "Request", "Carrier"}
}

// same notes a breach of r unless got is want but for the fields ignored. Bytes
// and maps that are nil equal empty ones.
func (t *trial) same(r rule, got, want *store.Record, ignored ...string) {
	if d := diff(got, want, ignored...); d != "" {
		t.broken(r, "record %q: %s", want.Name, d)
	}
}

// diff says which fields of got are not as in want.
func diff(got, want *store.Record, ignored ...string) string {
	var out []string
	g, w := reflect.ValueOf(got).Elem(), reflect.ValueOf(want).Elem()
	for i := range g.NumField() {
		gv, wv := g.Field(i).Interface(), w.Field(i).Interface()
		if equal(gv, wv) {
			continue
		}
		if field := g.Type().Field(i).Name; !slices.Contains(ignored, field) {
			out = append(out, fmt.Sprintf("%s: got %s, want %s", field, show(gv), show(wv)))
		}
	}
	return strings.Join(out, "; ")
}

func equal(got, want any) bool {
	switch w := want.(type) {
	case []byte:
		return bytes.Equal(got.([]byte), w)
	case map[string]string:
		return maps.Equal(got.(map[string]string), w)
	case time.Time:
		return got.(time.Time).Equal(w)
	default:
		return got == want
	}
}

func show(v any) string {
	switch v := v.(type) {
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case []byte, string:
		return fmt.Sprintf("%q", v)
	default:
		return fmt.Sprint(v)
	}
}

// ids answers the IDs of recs in their order.
func ids(recs []*store.Record) []string {
	out := make([]string, len(recs))
	for i, r := range recs {
		out[i] = r.ID
	}
	return out
}

// sortedIDs answers the IDs of recs, descending.
func sortedIDs(recs []*store.Record) []string {
	out := ids(recs)
	slices.SortFunc(out, func(a, b string) int { return cmp.Compare(b, a) })
	return out
}

// names answers the names of recs in their order.
func names(recs []*store.Record) []string {
	out := make([]string, len(recs))
	for i, r := range recs {
		out[i] = r.Name
	}
	return out
}
