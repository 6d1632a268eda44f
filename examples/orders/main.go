// Command orders takes an order and ships it, in a Postgres database.
//
//	go run ./examples/orders -postgres postgres://localhost/test
//
// It shows operations as part of the application's own transactions. An order
// and the operation that ships it are committed together, so there is never one
// without the other. And the handler commits what it has done together with the
// end of its operation: it may be killed and run again at any moment, and what
// it does to the database happens exactly once.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"

	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/poller"
	"github.com/longrunning-go/longrunning/store/pgstore"
)

func main() {
	url := flag.String("postgres", "", "the `URL` of a database to make tables in, such as postgres://user:password@localhost:5432/test; required")
	item := flag.String("item", "teapot", "what to order: there are 10 teapots")
	flag.Parse()
	if *url == "" || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "orders: expected -postgres URL, of a database to make tables in, such as postgres://user:password@localhost:5432/test")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *url, *item, log.New(os.Stdout, "", 0)); err != nil {
		log.Fatal("orders: ", err)
	}
}

// run opens the shop, orders an item and waits until it is shipped. It tells out
// what happens.
func run(ctx context.Context, url, item string, out *log.Logger) error {
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return err
	}
	defer pool.Close()
	st, err := pgstore.New(ctx, pool, &pgstore.Options{Migrate: true})
	if err != nil {
		return err
	}
	defer st.Close()
	m, err := lro.New(st, nil)
	if err != nil {
		return err
	}
	s, err := newShop(ctx, m, pool)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ran := make(chan error, 1)
	go func() {
		defer stop() // or buy would wait for ever
		ran <- m.Run(ctx)
	}()
	err = s.buy(ctx, m, item, out)
	stop()
	return errors.Join(err, <-ran)
}

// buy is a customer.
func (s *shop) buy(ctx context.Context, m *lro.Manager, item string, out *log.Logger) error {
	op, err := s.order(ctx, item)
	if err != nil {
		return err
	}
	out.Printf("ordered: %s ships a %s", op.GetName(), item)
	parcel, err := poller.New[*wrapperspb.StringValue](m.LocalClient(), op, nil).Wait(ctx)
	if err != nil {
		return err
	}
	out.Printf("shipped: %s", parcel.GetValue())
	return nil
}
