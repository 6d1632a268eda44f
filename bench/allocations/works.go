package allocations

import (
	"context"
	"fmt"
	"net/http"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/lro/rest"
	"github.com/longrunning-go/longrunning/poller"
)

// options are shared: what a caller allocates is not counted.
func options() *lro.StartOptions { return &lro.StartOptions{Parent: parent, Metadata: metadata()} }

// done stores a done operation.
func (s *service) done(ctx context.Context) (*longrunningpb.Operation, error) {
	return s.takeSnapshot.StartDone(ctx, request(), response(), options())
}

// get asks the server, which asks the Authorizer, for a done operation.
func get(ctx context.Context, s *service) (func(context.Context) error, error) {
	op, err := s.done(ctx)
	if err != nil {
		return nil, err
	}
	req := &longrunningpb.GetOperationRequest{Name: op.GetName()}
	ctx = withTenant(ctx)
	return func(context.Context) error {
		op, err := s.server.GetOperation(ctx, req)
		if err == nil && !op.GetDone() {
			err = fmt.Errorf("allocations: operation %s must be done, found %v", req.GetName(), op)
		}
		return err
	}, nil
}

func getOverREST(ctx context.Context, s *service) (func(context.Context) error, error) {
	op, err := s.done(ctx)
	if err != nil {
		return nil, err
	}
	handler := rest.NewHandler(s.server, nil)
	r, err := http.NewRequestWithContext(withTenant(ctx), http.MethodGet, "http://localhost/v1/"+op.GetName(), nil)
	if err != nil {
		return nil, err
	}
	w := &recorder{header: make(http.Header)}
	return func(context.Context) error {
		clear(w.header)
		if handler.ServeHTTP(w, r); w.code != http.StatusOK {
			return fmt.Errorf("allocations: operation %s must be answered with 200, found %d: %s", op.GetName(), w.code, w.body)
		}
		return nil
	}, nil
}

// A recorder keeps the last response.
type recorder struct {
	header http.Header
	code   int
	body   []byte
}

func (r *recorder) Header() http.Header  { return r.header }
func (r *recorder) WriteHeader(code int) { r.code = code }

func (r *recorder) Write(b []byte) (int, error) {
	r.body = append(r.body[:0], b...)
	return len(b), nil
}

// start stores an operation that nobody runs.
func start(_ context.Context, s *service) (func(context.Context) error, error) {
	req, opts := request(), options()
	return func(ctx context.Context) error {
		_, err := s.starts.Start(ctx, req, opts)
		return err
	}, nil
}

// startAndComplete also ends it, by name.
func startAndComplete(_ context.Context, s *service) (func(context.Context) error, error) {
	req, res, opts := request(), response(), options()
	return func(ctx context.Context) error {
		op, err := s.starts.Start(ctx, req, opts)
		if err != nil {
			return err
		}
		return s.starts.Complete(ctx, op.GetName(), res)
	}, nil
}

// life starts an operation whose handler reports twice and returns, and waits for
// it with a poller in the same process.
func life(ctx context.Context, s *service) (func(context.Context) error, error) {
	client, req, opts := s.runs.LocalClient(), request(), options()
	return func(ctx context.Context) error {
		op, err := s.takeSnapshot.Start(ctx, req, opts)
		if err != nil {
			return err
		}
		_, err = poller.New[*pb.TakeSnapshotResponse](client, op, nil).Wait(ctx)
		return err
	}, nil
}

// wait waits for an operation that is done, which its poller does not know.
func wait(ctx context.Context, s *service) (func(context.Context) error, error) {
	op, err := s.done(ctx)
	if err != nil {
		return nil, err
	}
	client := s.runs.LocalClient()
	return func(ctx context.Context) error {
		_, err := poller.Resume[*pb.TakeSnapshotResponse](client, op.GetName(), nil).Wait(ctx)
		return err
	}, nil
}
