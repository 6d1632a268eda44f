package database

import (
	"bytes"
	"fmt"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/longrunning-go/longrunning/store"
)

// Owner is whose the records of Running are. A store knows it after a Heartbeat.
const Owner = "bench"

// Running answers n new records as package lro creates them where there is room to
// run them. With what Done adds each has 900 bytes of payload.
func Running(n int) ([]*store.Record, error) {
	request := bytes.Repeat([]byte{0xab}, 400)
	recs := make([]*store.Record, n)
	for i := range recs {
		id, err := uuid.NewV7()
		if err != nil {
			return nil, fmt.Errorf("database: make an id: %w", err)
		}
		recs[i] = &store.Record{
			Name: "operations/" + id.String(), ID: id.String(), Method: "/bench.v1.Bench/Run",
			Request: request, Timeout: 24 * time.Hour, State: store.Running, Owner: Owner,
		}
	}
	return recs, nil
}

//nolint:gochecknoglobals // shared by all records, so that making them costs little
var metadata, response = message(100), message(400)

// message answers so many bytes that are an Any, as package lro stores it.
func message(n int) []byte {
	for content := n; ; content-- {
		packed, err := anypb.New(wrapperspb.Bytes(make([]byte, content)))
		if err == nil && proto.Size(packed) <= n {
			encoded, _ := proto.Marshal(packed) // of what has a size
			return encoded
		}
	}
}

// Done answers what package lro makes of a record when its handler returns: an
// argument of Update.
func Done(rec *store.Record, retention time.Duration) *store.Record {
	done := *rec
	done.State, done.Owner, done.ExpireIn = store.Done, "", retention
	done.Metadata, done.Response = metadata, response
	return &done
}

// Filled answers the name of the i-th record of Fill, from 1.
func Filled(i int) string { return fmt.Sprintf("operations/01990000-%08x-7000-8000-000000000000", i) }
