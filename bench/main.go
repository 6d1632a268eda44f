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
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/longrunning-go/longrunning/bench/child"
	"github.com/longrunning-go/longrunning/bench/database"
	"github.com/longrunning-go/longrunning/bench/durable"
	"github.com/longrunning-go/longrunning/bench/lives"
	"github.com/longrunning-go/longrunning/bench/measure"
	"github.com/longrunning-go/longrunning/bench/waits"
	"github.com/longrunning-go/longrunning/bench/wire"
)

// A subject is what one part of the program measures. Its name is that of its file.
type subject struct {
	name    string
	measure func(context.Context)
}

func subjects(r *durable.Run) []subject {
	return []subject{
		{"lone", r.Lone}, // first: it is of moments, and the rest heats the machine up
		{"grpc", func(ctx context.Context) { wire.GRPC(ctx, r.Run) }},
		{"rest", func(ctx context.Context) { wire.REST(ctx, r.Run) }},
		{"waits", func(ctx context.Context) { waits.Measure(ctx, r.Run, r.Program) }},
		{"lives", func(ctx context.Context) { lives.Measure(ctx, r.Run, r.Systems) }},
		{"writes", r.Writes},
		{"gets", r.Gets},
		{"heartbeats", r.Heartbeats},
		{"lists", r.Lists},
		{"memory", r.Memory},
	}
}

// roles are what this program does in processes that it starts, as
// "bench child ROLE …".
func roles() map[string]child.Role {
	return map[string]child.Role{
		"listen": durable.Listen, "live": durable.Live,
		"hour": waits.Hour, "crowd": waits.Crowd,
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
	only := flag.String("only", "", "`subjects` to measure, separated by commas (lone, grpc, rest, waits, lives, writes, gets, heartbeats, lists, memory); default all")
	on := flag.String("on", "postgres,sqlite", "`databases` to measure on, separated by commas")
	profile := flag.String("cpuprofile", "", "write a CPU profile of this process to `file`")
	flag.Parse()
	if flag.NArg() > 0 {
		return fmt.Errorf("expected flags only, found %q: see -help", flag.Args())
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
	return measureAll(ctx, list(*only), list(*on), *quick)
}

func list(flag string) []string {
	return strings.FieldsFunc(flag, func(r rune) bool { return r == ',' })
}

func measureAll(ctx context.Context, only, on []string, quick bool) (err error) {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	lines, failed := 0, 0
	r := &durable.Run{
		Run: &measure.Run{
			Rounds: 12, Quick: quick,
			Report: func(l measure.Line) {
				fmt.Println(l)
				if lines++; l.Verdict.Fails() {
					failed++
				}
			},
			Say: func(format string, args ...any) { fmt.Fprintf(os.Stderr, "… "+format+"\n", args...) },
		},
		Program: []string{program, asChild},
	}
	if r.Systems, err = systems(on); err != nil {
		return err
	}
	defer func() {
		for _, system := range r.Systems {
			err = errors.Join(err, system.Close())
		}
	}()
	began := time.Now()
	fmt.Println(measure.Header())
	for _, s := range subjects(r) {
		if ctx.Err() == nil && (len(only) == 0 || slices.Contains(only, s.name)) {
			s.measure(ctx)
		}
	}
	fmt.Printf("%d bounds in %v\n", lines, time.Since(began).Round(time.Second))
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case lines == 0:
		return errors.New("nothing was measured: see -help for what -only and -on take")
	case failed > 0:
		return fmt.Errorf("%d of %d bounds are not met", failed, lines)
	}
	return nil
}

func systems(names []string) ([]database.System, error) {
	var found []database.System
	for _, name := range names {
		switch name {
		case "postgres":
			found = append(found, new(database.Postgres))
		case "sqlite":
			system, err := database.NewSQLite()
			if err != nil {
				return nil, err
			}
			found = append(found, system)
		default:
			return nil, fmt.Errorf("-on takes postgres and sqlite, found %q", name)
		}
	}
	return found, nil
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
