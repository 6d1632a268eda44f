package main

import (
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/longrunning-go/longrunning/examples/snapshots/service"
	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// A terminal runs commands against a server of its own. What they print is in
// out and err.
type terminal struct {
	t        *testing.T
	addr     string
	folder   string // with one file
	out, err output
}

// setup starts a server on loopback.
func setup(t *testing.T, size int) *terminal {
	t.Helper()
	m, err := lro.New(memstore.New(), &lro.Options{Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	volumes, err := service.OpenVolumes(t.TempDir())
	must(t, err)
	svc, err := service.New(m, t.TempDir(), volumes)
	must(t, err)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "localhost:0")
	must(t, err)
	g := grpc.NewServer()
	pb.RegisterSnapshotsServer(g, svc)
	longrunningpb.RegisterOperationsServer(g, lro.NewServer(m, lro.AllowAll, nil))
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() { _ = g.Serve(listener) })
	wg.Go(func() { _ = m.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		g.Stop()
		wg.Wait()
	})
	folder := t.TempDir()
	must(t, os.WriteFile(filepath.Join(folder, "file"), make([]byte, size), 0o600))
	return &terminal{t: t, addr: listener.Addr().String(), folder: folder}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// run runs a command, and answers what it printed on standard output.
func (term *terminal) run(ctx context.Context, name string, args ...string) (string, error) {
	term.out.Reset()
	err := term.execute(ctx, append([]string{name, "-addr", term.addr}, args...))
	return term.out.String(), err
}

func (term *terminal) execute(ctx context.Context, args []string) error {
	return run(ctx, args, log.New(&term.out, "", 0), log.New(&term.err, "", 0))
}

// mustRun runs a command that must succeed, and answers what it printed.
func (term *terminal) mustRun(name string, args ...string) string {
	term.t.Helper()
	out, err := term.run(term.t.Context(), name, args...)
	if err != nil {
		term.t.Fatalf("client %s %q: %v", name, args, err)
	}
	return out
}

// An output keeps what is written, and calls on with all of it each time.
type output struct {
	mu   sync.Mutex
	text strings.Builder
	on   func(text string)
}

var _ io.Writer = (*output)(nil)

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(p)
	if o.on != nil {
		o.on(o.text.String())
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func (o *output) Reset() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Reset()
}

func TestCommands(t *testing.T) {
	t.Parallel()
	term := setup(t, 1_000)
	want := "volume=projects/local/volumes/v1 path=" + term.folder + "\n"
	if got := term.mustRun("create-volume", "v1", term.folder); got != want {
		t.Errorf("create-volume: got %q, want %q", got, want)
	}
	want = "volume=projects/local/volumes/v1 valid=true\n"
	if got := term.mustRun("take", "-validate-only", "v1"); got != want {
		t.Errorf("take -validate-only: got %q, want %q", got, want)
	}
	taken := term.mustRun("take", "projects/local/volumes/v1")
	if !strings.HasPrefix(taken, "snapshot=") || !strings.Contains(taken, ".tar.gz files=1 bytes=1000 sha256=") || strings.Count(taken, "\n") != 1 {
		t.Errorf("take: got %q, want one line with the response", taken)
	}
	if lines := term.err.String(); !strings.Contains(lines, "SUCCEEDED volume=projects/local/volumes/v1 attempt=1 files=1/1 bytes=1000/1000\n") {
		t.Errorf("progress that is not on a terminal: got %q, want lines", lines)
	}
	lines := strings.Split(strings.TrimSpace(term.mustRun("list")), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], " SUCCEEDED volume=projects/local/volumes/v1 attempt=1 files=1/1") {
		t.Errorf("list: got %q, want the snapshot and the volume, newest first", lines)
	}
	if got := term.mustRun("list", "-project", "another"); got != "" {
		t.Errorf("list of another project: got %q, want nothing", got)
	}
	name := strings.Fields(lines[0])[0]
	if got := term.mustRun("resume", name); got != taken {
		t.Errorf("resume of what is done: got %q, want %q", got, taken)
	}
	if got := term.mustRun("resume", strings.Fields(lines[1])[0]); !strings.HasPrefix(got, "volume=") {
		t.Errorf("resume of another method's operation: got %q, want the volume", got)
	}
}

// An interrupt leaves the operation running and says how to wait for it; what
// it says works.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	term := setup(t, 1_000_000)
	term.mustRun("create-volume", "v1", term.folder)
	term.err.Reset()
	ctx, interrupt := context.WithCancel(t.Context())
	term.err.on = func(text string) {
		if strings.Contains(text, "RUNNING") {
			interrupt()
		}
	}
	if _, err := term.run(ctx, "take", "-bytes-per-second", "1", "v1"); !errors.Is(err, context.Canceled) {
		t.Fatalf("take, interrupted: got error %v, want %v", err, context.Canceled)
	}
	_, command, found := strings.Cut(strings.TrimSpace(term.err.String()), "to wait for it: go run ./examples/snapshots/client ")
	if !found {
		t.Fatalf("take, interrupted: got %q, want the command that resumes", term.err.String())
	}
	args := strings.Fields(command) // resume -addr ADDRESS NAME
	name := args[len(args)-1]
	if got := term.mustRun("list"); !strings.Contains(got, name+" RUNNING") {
		t.Errorf("list after the interrupt: got %q, want that %s runs", got, name)
	}
	term.mustRun("cancel", name)
	err := term.execute(t.Context(), args)
	if status.Code(err) != codes.Canceled {
		t.Errorf("%q after cancel: got %v, want the operation's error, CANCELLED", args, err)
	}
	if got := term.mustRun("list"); !strings.Contains(got, name+" CANCELLED") {
		t.Errorf("list after the cancel: got %q, want that %s is CANCELLED", got, name)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	term := setup(t, 1)
	for _, c := range []struct {
		args []string
		want codes.Code
	}{
		{[]string{"create-volume", "v1", filepath.Join(term.folder, "file")}, codes.InvalidArgument},
		{[]string{"take", "missing"}, codes.NotFound},
		{[]string{"take", "-validate-only", "missing"}, codes.NotFound},
		{[]string{"resume", "projects/local/operations/missing"}, codes.NotFound},
		{[]string{"cancel", "projects/local/operations/missing"}, codes.NotFound},
	} {
		if out, err := term.run(t.Context(), c.args[0], c.args[1:]...); status.Code(err) != c.want || out != "" {
			t.Errorf("%q: got error %v and output %q, want %v and none", c.args, err, out, c.want)
		}
	}
	for _, args := range [][]string{{}, {"nonsense"}, {"take"}, {"take", "a", "b"}, {"list", "x"}, {"take", "-nonsense", "v1"}} {
		if err := term.execute(t.Context(), args); !errors.Is(err, errUsage) {
			t.Errorf("%q: got error %v, want %v", args, err, errUsage)
		}
	}
}
