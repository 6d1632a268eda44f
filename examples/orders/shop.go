package main

import (
	"context"
	"fmt"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store/pgstore"
)

// The tables of the application. Those of the operations stand beside them.
const tables = `
CREATE TABLE IF NOT EXISTS stock (item text PRIMARY KEY, on_hand int NOT NULL);
CREATE TABLE IF NOT EXISTS orders (
	id     bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	item   text NOT NULL REFERENCES stock DEFERRABLE INITIALLY DEFERRED, -- checked at the commit
	parcel text                                                         -- set when it is shipped
);
INSERT INTO stock VALUES ('teapot', 10) ON CONFLICT DO NOTHING`

// A shop takes orders and ships them.
type shop struct {
	pool *pgxpool.Pool
	ship *lro.Method[*wrapperspb.Int64Value, *wrapperspb.StringValue, *emptypb.Empty]
}

// newShop makes the tables that are missing, and registers the handler with m.
// The method has a name and no proto here, to keep this short; a service has
// both, as examples/snapshots does.
func newShop(ctx context.Context, m *lro.Manager, pool *pgxpool.Pool) (*shop, error) {
	s := &shop{pool: pool}
	s.ship = lro.Handle(m, s.runShip, &lro.MethodOptions{Name: "/examples.orders.Orders/ShipOrder", AnyResponse: true})
	_, err := pool.Exec(ctx, tables)
	return s, err
}

// order takes an order and answers the operation that ships it: both exist when
// the transaction commits, and neither if it does not.
func (s *shop) order(ctx context.Context, item string) (*longrunningpb.Operation, error) {
	var op *longrunningpb.Operation
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var id int64
		if err := tx.QueryRow(ctx, `INSERT INTO orders (item) VALUES ($1) RETURNING id`, item).Scan(&id); err != nil {
			return err
		}
		var err error
		op, err = s.ship.Start(pgstore.WithTx(ctx, tx), wrapperspb.Int64(id), nil)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("order a %s: %w", item, err)
	}
	return op, nil
}

// runShip handles ShipOrder. What it does to the database and the end of its
// operation are one transaction. Another attempt follows whatever got in the way,
// so it may have happened before the commit, or after it: then the operation is
// done, and what is returned here no longer counts.
func (s *shop) runShip(ctx context.Context, task *lro.Task[*emptypb.Empty], order *wrapperspb.Int64Value) (*wrapperspb.StringValue, error) {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		parcel := fmt.Sprintf("order %d, packed by attempt %d", order.GetValue(), task.Attempt())
		if err := pack(ctx, tx, order.GetValue(), parcel); err != nil {
			return err
		}
		return task.Complete(pgstore.WithTx(ctx, tx), wrapperspb.String(parcel))
	})
	if err != nil && status.Code(err) != codes.FailedPrecondition {
		err = lro.Retry(err, 0)
	}
	return nil, err
}

// pack takes what was ordered from the stock.
func pack(ctx context.Context, tx pgx.Tx, order int64, parcel string) error {
	var item string
	if err := tx.QueryRow(ctx, `UPDATE orders SET parcel = $2 WHERE id = $1 RETURNING item`, order, parcel).Scan(&item); err != nil {
		return err
	}
	taken, err := tx.Exec(ctx, `UPDATE stock SET on_hand = on_hand - 1 WHERE item = $1 AND on_hand > 0`, item)
	if err == nil && taken.RowsAffected() == 0 {
		err = status.Errorf(codes.FailedPrecondition, "there is no %s left", item)
	}
	return err
}
