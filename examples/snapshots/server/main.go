// Command server serves Snapshots and google.longrunning.Operations over gRPC,
// and with -http the operations over HTTP/JSON too.
//
//	go run ./examples/snapshots/server -dir /var/snapshots -store sqlite:/var/snapshots/operations.db
//
// Operations are kept in a SQLite file or, with -store postgres://USER@HOST/DATABASE,
// in Postgres; by default in memory, where they end with the process. The server
// makes the tables itself. Servers on one store share the folder -dir too.
//
// With -http localhost:8081 the server also answers
//
//	curl localhost:8081/v1/projects/p1/operations
//	curl localhost:8081/v1/projects/p1/operations/ID
//	curl -X POST localhost:8081/v1/projects/p1/operations/ID:wait
//
// and /openapi.json says what else.
//
// SIGTERM or an interrupt drains it: calls that wait are answered, handlers get
// 20 seconds to end, and what is left is handed to the next server on the same
// store; with the memory store there is none. A second signal ends it at once.
//
// A server that is killed hands nothing over. The next one on its store, or one
// that is there already, goes on with what is left once the lease has lapsed. To
// see that, kill one in the middle of a snapshot and start it again:
//
//	go build -o bin/ ./examples/snapshots/server ./examples/snapshots/client
//	bin/server -store sqlite:bin/operations.db -dir bin -lease 3s & server=$!; sleep 2
//	bin/client create-volume code "$PWD/lro"
//	bin/client take code -bytes-per-second 50000 & client=$!; sleep 3
//	kill -9 $server
//	bin/server -store sqlite:bin/operations.db -dir bin -lease 3s & server=$!
//	wait $client; bin/client list; kill $server
//
// The client has waited throughout, and the list says attempt=2.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"

	"github.com/longrunning-go/longrunning/examples/snapshots/archive"
	"github.com/longrunning-go/longrunning/examples/snapshots/service"
	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/lro"
)

// partialAge is longer than the 24 h that an operation may last by default.
const partialAge = 48 * time.Hour

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	if err := run(ctx, parse(os.Args[1:]), log.New(os.Stdout, "", 0)); err != nil {
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(1)
	}
}

// A config is what the flags say.
type config struct {
	addr, http, store, dir string
	lease                  time.Duration
}

func parse(args []string) *config {
	var c config
	flags := flag.NewFlagSet("server", flag.ExitOnError)
	flags.StringVar(&c.addr, "addr", "localhost:8080", "where to serve gRPC")
	flags.StringVar(&c.http, "http", "", "where to serve operations over HTTP/JSON; not at all by default")
	flags.StringVar(&c.store, "store", memory, "where to keep operations: memory, sqlite:FILE or postgres://USER:PASSWORD@HOST:PORT/DATABASE")
	flags.StringVar(&c.dir, "dir", "snapshots", "the `folder` of the archives; servers that share a store share it")
	flags.DurationVar(&c.lease, "lease", 15*time.Second, "how long this server counts as alive after its last heartbeat, at least 1s")
	_ = flags.Parse(args) // exits where there is an error
	if flags.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "server: expected flags only, found %q; help: server -h\n", flags.Args())
		os.Exit(2)
	}
	return &c
}

// run serves until ctx ends, and then drains. It tells out where.
func run(ctx context.Context, c *config, out *log.Logger) (err error) {
	st, err := openStore(ctx, c.store)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.close()) }()
	m, err := lro.New(st.store, &lro.Options{LeaseTTL: c.lease})
	if err != nil {
		return err
	}
	// Volumes live as long as the operations on them.
	list := filepath.Join(c.dir, "volumes")
	if c.store == memory {
		if list, err = os.MkdirTemp("", "volumes-"); err != nil {
			return err
		}
		defer os.RemoveAll(list)
	}
	volumes, err := service.OpenVolumes(list)
	if err != nil {
		return err
	}
	svc, err := service.New(m, c.dir, volumes)
	if err != nil {
		return err
	}
	if err = archive.Sweep(c.dir, partialAge); err != nil {
		return err
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", c.addr)
	if err != nil {
		return err
	}
	var web net.Listener
	if c.http != "" {
		if web, err = lc.Listen(ctx, "tcp", c.http); err != nil {
			return errors.Join(fmt.Errorf("-http: %w", err), listener.Close())
		}
	}
	out.Printf("serving gRPC on %s, operations in store %s, archives in %s", listener.Addr(), st.name, c.dir)
	if web != nil {
		out.Printf("serving HTTP/JSON on %s", web.Addr())
	}
	return serve(ctx, m, svc, listener, web, out)
}

// serve runs m, a gRPC server on listener and, unless web is nil, an HTTP server
// on that, until ctx ends or one of them fails, then drains m, and then stops the
// servers.
func serve(ctx context.Context, m *lro.Manager, svc *service.Service, listener, web net.Listener, out *log.Logger) error {
	g := grpc.NewServer()
	pb.RegisterSnapshotsServer(g, svc)
	operations := lro.NewServer(m, lro.AllowAll, nil)
	longrunningpb.RegisterOperationsServer(g, operations)
	alive := health.NewServer()
	grpc_health_v1.RegisterHealthServer(g, alive)
	reflection.Register(g)

	h := newHTTP(operations)

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	served := make(chan error, 2)
	go func() {
		defer cancel()
		err := g.Serve(listener)
		if errors.Is(err, grpc.ErrServerStopped) {
			err = nil // by a signal that came before it served
		}
		served <- err
	}()
	go func() {
		if web == nil {
			served <- nil
			return
		}
		defer cancel()
		served <- serveHTTP(h, web)
	}()
	context.AfterFunc(ctx, func() {
		out.Print("draining; a second signal ends the server at once")
		alive.Shutdown()
	})
	err := m.Run(ctx) // serves on while it drains, so that clients see the ends
	// What keeps a connection busy after that, such as a watch of the health, is cut.
	force := time.AfterFunc(2*time.Second, g.Stop)
	defer force.Stop()
	g.GracefulStop()
	stopHTTP(ctx, h)
	return errors.Join(err, <-served, <-served)
}
