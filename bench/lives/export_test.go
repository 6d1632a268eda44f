package lives

import (
	"context"
	"encoding/json"

	"google.golang.org/protobuf/proto"

	"github.com/longrunning-go/longrunning/bench/database"
	"github.com/longrunning-go/longrunning/bench/measure"
)

// Open has one turn of an open contender.
func Open(ctx context.Context, n, operations, calls int, start func(context.Context, int) error, ended <-chan struct{}, left int) (measure.Sample, error) {
	return open[struct{}]{n, operations, calls, start, ended, func(context.Context) (int, error) { return left, nil }}.contend(ctx)
}

// Payloads answers how many bytes are stored of a request, metadata and a response,
// and of the arguments of River's jobs.
func Payloads() ([4]int, error) {
	var sizes [4]int
	for i, msg := range []proto.Message{request(0), metadata(1), response()} {
		b, err := encode(msg)
		if err != nil {
			return sizes, err
		}
		sizes[i] = len(b)
	}
	args, err := json.Marshal(newArgs())
	sizes[3] = len(args)
	return sizes, err
}

// Lived lets n operations live by so many callers in a database, through a Manager.
func Lived(ctx context.Context, address string, callers, n int) error {
	m, err := newManager(ctx, address, callers, nil)
	if err != nil {
		return err
	}
	_, err = closed(callers, n, m.lives)(ctx)
	if closeErr := m.close(); err == nil {
		err = closeErr
	}
	return err
}

// LivedInRows is Lived by hand, and LivedInBatches that in batches.
func LivedInRows(ctx context.Context, raw database.Raw, callers, n int) error {
	_, err := closed(callers, n, livesInRows(raw))(ctx)
	return err
}

func LivedInBatches(ctx context.Context, raw database.Raw, batch, n int) error {
	_, err := livesInBatches(raw, n, batch)(ctx)
	return err
}

// LivedInMap is Lived by hand, in memory.
func LivedInMap(ctx context.Context, callers, n int) error {
	_, err := closed(callers, n, livesInMap)(ctx)
	return err
}
