// Command bench measures the bounds of DESIGN.md, section 13, and says which are
// met. It exits with 1 if one is not. See README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/pprof"
	"strings"
	"syscall"

	"github.com/longrunning-go/longrunning/bench/allocations"
	"github.com/longrunning-go/longrunning/bench/child"
	"github.com/longrunning-go/longrunning/bench/durable"
	"github.com/longrunning-go/longrunning/bench/lives"
	"github.com/longrunning-go/longrunning/bench/scale"
	"github.com/longrunning-go/longrunning/bench/waits"
	"github.com/longrunning-go/longrunning/bench/wire"
)

// A subject is what one part of the program measures. Its name is that of its file.
type subject struct {
	name    string
	measure func(context.Context)
}

func subjects(r *durable.Run, record string) []subject {
	return []subject{
		{"lone", r.Lone}, // first: it is of moments, and the rest heats the machine up
		{"grpc", func(ctx context.Context) { wire.GRPC(ctx, r.Run) }},
		{"rest", func(ctx context.Context) { wire.REST(ctx, r.Run) }},
		{"waits", func(ctx context.Context) { waits.Measure(ctx, r.Run, r.Program) }},
		{"lives", func(ctx context.Context) { lives.Measure(ctx, r.Run, r.Systems) }},
		{"writes", r.Writes},
		{"gets", r.Gets},
		{"heartbeats", r.Heartbeats},
		{"records", r.Records},
		{"memory", r.Memory},
		{"running", func(ctx context.Context) { scale.Running(ctx, r.Run, r.Systems, r.Program) }},
		{"fleet", func(ctx context.Context) { scale.Fleet(ctx, r.Run, r.Systems, r.Program) }},
		{allocated, func(ctx context.Context) { allocations.Measure(ctx, r.Run, r.Systems, record) }},
	}
}

const allocated = "allocations"

func names() []string {
	var names []string
	for _, s := range subjects(nil, "") {
		names = append(names, s.name)
	}
	return names
}

// roles are what this program does in processes that it starts, as
// "bench child ROLE …".
func roles() map[string]child.Role {
	return map[string]child.Role{
		"listen": durable.Listen, "live": durable.Live,
		"hour": waits.Hour, "crowd": waits.Crowd, "park": waits.Park,
		"run": scale.Run, "replica": scale.Replica,
	}
}

const asChild = "child"

func main() {
	err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) > 2 && os.Args[1] == asChild {
		role, ok := roles()[os.Args[2]]
		if !ok {
			return fmt.Errorf("there is no role %q", os.Args[2])
		}
		return child.Serve(context.Background(), role, os.Args[3:])
	}
	quick := flag.Bool("quick", false, "do a tenth of everything: to try the program, not to judge the library")
	only := flag.String("only", "", "`subjects` to measure, separated by commas ("+strings.Join(names(), ", ")+"); default all")
	on := flag.String("on", "", "`databases` to measure on, separated by commas (postgres, sqlite); default all")
	save := flag.String("save", "", "write the results of a whole run into the README.md of this `folder`, and plots beside it")
	smoke := flag.Bool("smoke", false, "measure only what is counted, and nothing that is timed: the subject allocations")
	record := flag.String("record", "", "write what is counted of allocations into `file`, which is allocations/recorded.json, to be compared with from now on")
	profile := flag.String("cpuprofile", "", "write a CPU profile of this process to `file`")
	flag.Parse()
	if flag.NArg() > 0 {
		return fmt.Errorf("expected flags only, found %q: see -help, and write lists with commas and no spaces", flag.Args())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if *profile != "" {
		end, err := startProfile(*profile)
		if err != nil {
			return err
		}
		defer end()
	}
	switch {
	case *smoke && *only != "":
		return errors.New("-smoke measures the subject allocations: leave out -only")
	case *smoke:
		*only = allocated
	case *record != "" && *only != allocated:
		return fmt.Errorf("-record needs -smoke, or -only %s", allocated)
	}
	p := program{only: list(*only), on: list(*on), quick: *quick, save: *save, record: *record}
	return p.run(ctx)
}

func list(flag string) []string {
	return strings.FieldsFunc(flag, func(r rune) bool { return r == ',' })
}

func startProfile(path string) (end func(), err error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		_ = file.Close()
	}, nil
}
