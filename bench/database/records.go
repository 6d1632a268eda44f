package database

import (
	"bytes"
	"fmt"
	"time"

	"github.com/google/uuid"

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
var metadata, response = bytes.Repeat([]byte{0xcd}, 100), bytes.Repeat([]byte{0xef}, 400)

// Done answers what package lro makes of a record when its handler returns: an
// argument of Update.
func Done(rec *store.Record, retention time.Duration) *store.Record {
	done := *rec
	done.State, done.Owner, done.ExpireIn = store.Done, "", retention
	done.Metadata, done.Response = metadata, response
	return &done
}
