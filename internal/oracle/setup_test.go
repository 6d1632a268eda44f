package oracle_test

import (
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/longrunning-go/longrunning/internal/oracle"
	"github.com/longrunning-go/longrunning/store"
)

// A tale is the history of a store and what its clients were told, as it goes on:
// every write takes a second.
type tale struct {
	*oracle.Oracle
	t       *testing.T
	history []oracle.Change
	records map[string]*store.Record
	exact   bool // of the Bounds
}

const (
	within = time.Minute
	wake   = 2 * time.Second
)

// setup tells a tale in fake time and answers what the oracle says to it.
func setup(t *testing.T, tell func(*tale)) (found []oracle.Violation) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ta := &tale{Oracle: oracle.New(), t: t, records: make(map[string]*store.Record), exact: true}
		calm := time.Now()
		tell(ta)
		found = ta.Check(ta.history, oracle.Bounds{
			Calm: calm, Within: within, Wake: wake, Attempts: 2, AttemptsOf: map[string]int{"/once": 1}, Until: time.Now(), Exact: ta.exact,
		})
	})
	return found
}

// create writes the first version of a record, pending and with a request id that
// is its name.
func (ta *tale) create(name string, change ...func(*store.Record)) {
	rec := &store.Record{
		Name: name, ID: name, RequestID: name, Method: "/m", Version: 1, State: store.Pending, CreateTime: time.Now(),
		Metadata: packed(ta.t, oracle.Stamp{Seq: 1, By: "client"}.Metadata()),
	}
	for _, c := range change {
		c(rec)
	}
	ta.commit(rec)
}

// write writes the next version.
func (ta *tale) write(name string, change ...func(*store.Record)) {
	next := *ta.records[name]
	next.Version++
	for _, c := range change {
		c(&next)
	}
	ta.commit(&next)
}

func (ta *tale) commit(rec *store.Record) {
	time.Sleep(time.Second)
	ta.records[rec.Name] = rec
	ta.history = append(ta.history, oracle.Change{At: time.Now(), Record: rec})
}

func (ta *tale) remove(name string) {
	time.Sleep(time.Second)
	ta.history = append(ta.history, oracle.Change{At: time.Now(), Record: ta.records[name], Removed: true})
}

// now answers the operation as a client would read it.
func (ta *tale) now(name string) *longrunningpb.Operation {
	rec := ta.records[name]
	op := &longrunningpb.Operation{Name: name, Done: rec.State == store.Done}
	if rec.Metadata != nil {
		op.Metadata = new(anypb.Any)
		unmarshal(ta.t, rec.Metadata, op.GetMetadata())
	}
	switch {
	case rec.Response != nil:
		response := new(anypb.Any)
		unmarshal(ta.t, rec.Response, response)
		op.Result = &longrunningpb.Operation_Response{Response: response}
	case rec.Error != nil:
		st := new(spb.Status)
		unmarshal(ta.t, rec.Error, st)
		op.Result = &longrunningpb.Operation_Error{Error: st}
	}
	return op
}

// read tells of a Get that takes a second.
func (ta *tale) read(name string) {
	asked := time.Now()
	time.Sleep(time.Second)
	ta.Read(asked, ta.now(name))
}

// What a write may do.

func claim(owner string) func(*store.Record) {
	return func(rec *store.Record) {
		rec.State, rec.Owner = store.Running, owner
		rec.Epoch++
	}
}

func release(rec *store.Record) {
	rec.State, rec.Owner = store.Pending, ""
	rec.Released++
}

func external(rec *store.Record) { rec.State, rec.Owner = store.External, "" }

func cancelled(rec *store.Record) { rec.CancelRequested = true }

func deleted(rec *store.Record) { rec.Deleted = true }

func (ta *tale) report(s oracle.Stamp) func(*store.Record) {
	return func(rec *store.Record) { rec.Metadata = packed(ta.t, s.Metadata()) }
}

func (ta *tale) save(s oracle.Stamp) func(*store.Record) {
	return func(rec *store.Record) { rec.Checkpoint = packed(ta.t, s.Checkpoint()) }
}

func (ta *tale) respond(s oracle.Stamp) func(*store.Record) {
	return func(rec *store.Record) {
		rec.State, rec.Owner, rec.Checkpoint, rec.Response, rec.Error = store.Done, "", nil, packed(ta.t, s.Response()), nil
	}
}

func (ta *tale) fail(err error) func(*store.Record) {
	return func(rec *store.Record) {
		b, marshalErr := proto.Marshal(status.Convert(err).Proto())
		if marshalErr != nil {
			ta.t.Fatal(marshalErr)
		}
		rec.State, rec.Owner, rec.Checkpoint, rec.Response, rec.Error = store.Done, "", nil, nil, b
	}
}

var errCancelled = status.Error(codes.Canceled, "the operation was cancelled")

func packed(t *testing.T, msg proto.Message) []byte {
	t.Helper()
	packed, err := anypb.New(msg)
	if err != nil {
		t.Fatal(err)
	}
	b, err := proto.Marshal(packed)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func unmarshal(t *testing.T, b []byte, into proto.Message) {
	t.Helper()
	if err := proto.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}
