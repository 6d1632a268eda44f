//go:build linux

// Package worker is a process that the chaos program does violence to: a server
// whose operations are in a store that it shares with others of its kind.
package worker

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/pgstore"
	"github.com/longrunning-go/longrunning/store/sqlitestore"
)

type worker struct {
	config  Config
	out     *events
	log     *slog.Logger
	pool    *pgxpool.Pool // nil without Postgres
	manager *lro.Manager
	methods map[string]*method
}

// Main runs a worker until SIGTERM, and then drains it. It reads commands from in,
// and tells events to out and its log to logged.
func Main(config string, in io.Reader, out, logged io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	w := &worker{out: &events{out: out}, log: slog.New(slog.NewTextHandler(logged, nil))}
	if err := json.Unmarshal([]byte(config), &w.config); err != nil {
		return fmt.Errorf("chaos: the worker's configuration: %w", err)
	}
	mines := newMined(w.out)
	go obey(in, mines) // for the life of the process
	before := goleak.IgnoreCurrent()
	st, closeStore, err := w.open(ctx, false)
	if err != nil {
		return err
	}
	mines.Store = st
	err = w.serve(ctx, mines)
	closeStore()
	if leaked := goleak.Find(before); leaked != nil {
		w.out.tell(Event{Kind: Leaks, Text: leaked.Error()})
	}
	return err
}

// Migrate makes the tables of a worker's store.
func Migrate(ctx context.Context, config Config) error {
	w := &worker{config: config, out: &events{out: io.Discard}, log: slog.New(slog.DiscardHandler)}
	_, closeStore, err := w.open(ctx, true)
	if err == nil {
		closeStore()
	}
	return err
}

func obey(in io.Reader, mines *mined) {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var c Command
		if json.Unmarshal(lines.Bytes(), &c) == nil {
			mines.obey(c)
		}
	}
}

func (w *worker) runs(method string) bool { return slices.Contains(w.config.Methods, method) }

// open opens the store, however often that takes: the database may be down.
func (w *worker) open(ctx context.Context, migrate bool) (store.Store, func(), error) {
	for {
		st, closeStore, err := w.tryOpen(ctx, migrate)
		if err == nil {
			return st, closeStore, nil
		}
		w.log.InfoContext(ctx, "the store cannot be opened, trying again", "error", err)
		timer := time.NewTimer(50 * time.Millisecond)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, nil, errors.Join(err, ctx.Err())
		}
	}
}

func (w *worker) tryOpen(ctx context.Context, migrate bool) (store.Store, func(), error) {
	if file, ok := strings.CutPrefix(w.config.Store, "sqlite:"); ok {
		st, err := sqlitestore.Open(ctx, file, &sqlitestore.Options{Migrate: migrate, Logger: w.log})
		if err != nil {
			return nil, nil, err
		}
		return st, func() { _ = st.Close() }, nil
	}
	pool, err := pgxpool.New(ctx, w.config.Store)
	if err != nil {
		return nil, nil, err
	}
	st, err := pgstore.New(ctx, pool, &pgstore.Options{Migrate: migrate, Timeout: 3 * time.Second, Logger: w.log})
	if err != nil {
		pool.Close()
		return nil, nil, err
	}
	w.pool = pool
	return st, func() { st.Close(); pool.Close() }, nil
}

// serve runs the Manager and serves it until ctx ends.
func (w *worker) serve(ctx context.Context, st store.Store) error {
	m, err := lro.New(st, &lro.Options{
		Capacity: w.config.Capacity, LeaseTTL: w.config.LeaseTTL, DrainTimeout: time.Second,
		ReportInterval: 50 * time.Millisecond, Logger: w.log,
	})
	if err != nil {
		return err
	}
	w.manager = m
	w.register(m)
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	longrunningpb.RegisterOperationsServer(server, lro.NewServer(m, lro.AllowAll, nil))
	server.RegisterService(description(w.calls()), nil)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	w.out.tell(Event{Kind: Ready, Text: listener.Addr().String()})

	var says string
	if err := m.Run(ctx); err != nil {
		says = err.Error()
	}
	server.GracefulStop()
	w.out.tell(Event{Kind: Drained, Text: says})
	return <-served
}
