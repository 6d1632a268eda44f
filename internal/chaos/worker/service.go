//go:build linux

package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"

	"github.com/longrunning-go/longrunning/internal/oracle"
	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store/pgstore"
)

// The calls that are no start. Their requests are PrintRequests too: Parent is the
// name of an operation, Text what to write.
const (
	Create   = "/chaos.Works/Create"   // RequestID; an external operation without a method
	Report   = "/chaos.Works/Report"   // Parent, Text
	Complete = "/chaos.Works/Complete" // Parent, Text: the stamp of the response
	Fail     = "/chaos.Works/Fail"     // Parent, Text: the stamp of the error
)

// RollsBack in the parent of an Order rolls its transaction back.
const RollsBack = "rolled-back"

// A call is one RPC of the service.
type call func(context.Context, *testpb.PrintRequest) (*longrunningpb.Operation, error)

func (w *worker) calls() map[string]call {
	calls := map[string]call{
		Create: func(ctx context.Context, req *testpb.PrintRequest) (*longrunningpb.Operation, error) {
			return w.manager.Create(ctx, &lro.CreateOptions{RequestID: req.GetRequestId()})
		},
		Report: func(ctx context.Context, req *testpb.PrintRequest) (*longrunningpb.Operation, error) {
			return nothing(w.manager.Report(ctx, req.GetParent(), &testpb.PrintMetadata{Stage: req.GetText()}))
		},
		Complete: func(ctx context.Context, req *testpb.PrintRequest) (*longrunningpb.Operation, error) {
			return nothing(w.manager.Complete(ctx, req.GetParent(), Stamped(req.GetText()).Response()))
		},
		Fail: func(ctx context.Context, req *testpb.PrintRequest) (*longrunningpb.Operation, error) {
			return nothing(w.manager.Fail(ctx, req.GetParent(), Stamped(req.GetText()).Err()))
		},
	}
	for name, m := range w.methods {
		calls[name] = func(ctx context.Context, req *testpb.PrintRequest) (*longrunningpb.Operation, error) {
			return m.Start(ctx, req, &lro.StartOptions{RequestID: req.GetRequestId()})
		}
	}
	calls[Order] = w.order
	return calls
}

// Stamped answers the stamp in a text, the zero one if there is none.
func Stamped(text string) oracle.Stamp {
	s, _ := oracle.Parse(text)
	return s
}

func nothing(err error) (*longrunningpb.Operation, error) { return &longrunningpb.Operation{}, err }

// order starts an operation in one transaction with a row of the application.
func (w *worker) order(ctx context.Context, req *testpb.PrintRequest) (op *longrunningpb.Operation, err error) {
	if w.pool == nil {
		return nil, errors.New("chaos: this store has no transactions")
	}
	tx, err := w.pool.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback(context.WithoutCancel(ctx))
	if op, err = w.methods[Order].Start(pgstore.WithTx(ctx, tx), req, &lro.StartOptions{RequestID: req.GetRequestId()}); err != nil {
		return nil, err
	}
	if _, err = tx.Exec(ctx, `INSERT INTO chaos.orders (operation) VALUES ($1) ON CONFLICT DO NOTHING`, op.GetName()); err != nil {
		return nil, err
	}
	if req.GetParent() == RollsBack {
		return op, tx.Rollback(ctx)
	}
	return op, tx.Commit(ctx)
}

// description describes the service to gRPC.
func description(calls map[string]call) *grpc.ServiceDesc {
	desc := &grpc.ServiceDesc{ServiceName: "chaos.Works", HandlerType: (*any)(nil)}
	for name, c := range calls {
		desc.Methods = append(desc.Methods, grpc.MethodDesc{
			MethodName: name[strings.LastIndex(name, "/")+1:],
			Handler: func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
				req := new(testpb.PrintRequest)
				if err := decode(req); err != nil {
					return nil, fmt.Errorf("chaos: %w", err)
				}
				return c(ctx, req)
			},
		})
	}
	return desc
}
