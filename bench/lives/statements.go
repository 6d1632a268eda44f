package lives

import (
	"context"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/longrunning-go/longrunning/bench/database"
	"github.com/longrunning-go/longrunning/bench/measure"
	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/store"
)

// livesInRows lets operations live by four statements each, every one a transaction
// of its own. The waiter is told by the goroutine that does the work.
func livesInRows(raw database.Raw) func(*turn) life {
	return func(t *turn) life {
		return func(ctx context.Context, i int) (*pb.TakeSnapshotResponse, error) {
			row, err := newRow(t.requests[i])
			if err == nil {
				err = raw.Create(ctx, row.rec)
			}
			if err != nil {
				return nil, err
			}
			type end struct {
				res *pb.TakeSnapshotResponse
				err error
			}
			ended := make(chan end, 1)
			go func() {
				res, err := t.work(ctx, t.requests[i], func(meta *pb.TakeSnapshotMetadata) error { return row.report(ctx, raw, meta) })
				if err == nil {
					err = row.complete(ctx, raw, res)
				}
				ended <- end{res, err}
			}()
			t.watch(i)
			e := <-ended
			return e.res, e.err
		}
	}
}

// livesInBatches lets n operations live in batches: the start of each batch is one
// transaction, and so are each report and the end. Nobody waits.
func livesInBatches(raw database.Raw, n, batch int) measure.Contender {
	return func(ctx context.Context) (measure.Sample, error) {
		requests := newTurn(n).requests
		began := time.Now()
		for from := 0; from < n; from += batch {
			if err := livesInBatch(ctx, raw, requests[from:min(n, from+batch)]); err != nil {
				return measure.Sample{}, err
			}
		}
		return measure.Sample{Count: n, Took: time.Since(began)}, nil
	}
}

func livesInBatch(ctx context.Context, raw database.Raw, requests []*pb.TakeSnapshotRequest) error {
	rows := make([]*row, len(requests))
	for i, req := range requests {
		var err error
		if rows[i], err = newRow(req); err != nil {
			return err
		}
	}
	for _, step := range []func(database.Writer, *row) error{
		func(w database.Writer, r *row) error { return w.Create(ctx, r.rec) },
		func(w database.Writer, r *row) error { return r.report(ctx, w, metadata(0)) },
		func(w database.Writer, r *row) error { return r.report(ctx, w, metadata(1)) },
		func(w database.Writer, r *row) error { return r.complete(ctx, w, response()) },
	} {
		err := raw.Transact(ctx, func(w database.Writer) error {
			for _, r := range rows {
				if err := step(w, r); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// A row is an operation by hand.
type row struct{ rec *store.Record }

func newRow(req *pb.TakeSnapshotRequest) (*row, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, err
	}
	b, err := encode(req)
	return &row{&store.Record{
		Name: "operations/" + id.String(), ID: id.String(), Method: pb.Snapshots_TakeSnapshot_FullMethodName,
		Request: b, Timeout: 24 * time.Hour, State: store.Running, Owner: database.Owner, Version: 1,
	}}, err
}

func (r *row) report(ctx context.Context, w database.Writer, meta *pb.TakeSnapshotMetadata) (err error) {
	if r.rec.Metadata, err = encode(meta); err != nil {
		return err
	}
	if err := w.Report(ctx, r.rec); err != nil {
		return err
	}
	r.rec.Version++
	return nil
}

func (r *row) complete(ctx context.Context, w database.Writer, res *pb.TakeSnapshotResponse) (err error) {
	r.rec.State, r.rec.Owner, r.rec.ExpireIn = store.Done, "", 30*24*time.Hour
	if r.rec.Response, err = encode(res); err != nil {
		return err
	}
	return w.Update(ctx, r.rec)
}

// encode answers what package lro stores of a message.
func encode(msg proto.Message) ([]byte, error) {
	packed, err := anypb.New(msg)
	if err != nil {
		return nil, err
	}
	return proto.Marshal(packed)
}
