package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"

	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/internal/pgtest"
	"github.com/longrunning-go/longrunning/poller"
)

// TestMain lets the test binary be the server, for the tests of signals.
func TestMain(m *testing.M) {
	if os.Getenv("SNAPSHOTS_SERVER") != "" {
		main()
		return
	}
	// The tests wait for other processes, whatever the number of CPUs.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	os.Exit(pgtest.Main(m).Run())
}

// A process is a server that was started, and a connection to it.
type process struct {
	*grpc.ClientConn
	cmd    *exec.Cmd
	dir    string
	line   string // that it printed first
	stdout *bufio.Reader
	ended  chan error
	stderr *strings.Builder
}

var address = regexp.MustCompile(`^serving gRPC on (\S+),`)

// setup starts a server with a folder of its own.
func setup(t *testing.T, args ...string) *process {
	t.Helper()
	return setupIn(t, t.TempDir(), args...)
}

// setupIn starts a server that keeps its archives in dir.
func setupIn(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	p := &process{dir: dir, ended: make(chan error, 1), stderr: new(strings.Builder)}
	args = append([]string{"-addr", "localhost:0", "-dir", p.dir}, args...)
	p.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0], args...)
	p.cmd.Env = append(os.Environ(), "SNAPSHOTS_SERVER=1", "TMPDIR="+t.TempDir())
	p.cmd.Stderr = p.stderr
	stdout, err := p.cmd.StdoutPipe()
	must(t, err)
	must(t, p.cmd.Start())
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it may have ended
		for range p.ended {
		}
	})
	p.stdout = bufio.NewReader(stdout)
	p.line, err = p.stdout.ReadString('\n')
	go func() {
		p.ended <- p.cmd.Wait()
		close(p.ended)
	}()
	found := address.FindStringSubmatch(p.line)
	if err != nil || found == nil {
		t.Fatalf("first line: got %q (%v), want the address; exit: %v; standard error: %s", p.line, err, <-p.ended, p.stderr)
	}
	p.ClientConn, err = grpc.NewClient(found[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(t, err)
	t.Cleanup(func() { must(t, p.Close()) })
	return p
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// start creates a volume of a folder with one file and starts a snapshot of it.
func (p *process) start(t *testing.T, size int, bytesPerSecond int64) *poller.Poller[*pb.TakeSnapshotResponse] {
	t.Helper()
	p.create(t, size)
	return p.take(t, bytesPerSecond)
}

// create creates a volume of a folder with one file.
func (p *process) create(t *testing.T, size int) {
	t.Helper()
	folder, content := t.TempDir(), make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{}).Read(content) // never fails
	must(t, os.WriteFile(filepath.Join(folder, "file"), content, 0o600))
	op, err := pb.NewSnapshotsClient(p).CreateVolume(t.Context(), &pb.CreateVolumeRequest{
		Parent: "projects/p1", VolumeId: "v1", Volume: &pb.Volume{Path: folder},
	})
	must(t, err)
	_, err = poller.New[*pb.Volume](longrunningpb.NewOperationsClient(p), op, nil).Wait(t.Context())
	must(t, err)
}

// take starts a snapshot of the volume.
func (p *process) take(t *testing.T, bytesPerSecond int64) *poller.Poller[*pb.TakeSnapshotResponse] {
	t.Helper()
	op, err := pb.NewSnapshotsClient(p).TakeSnapshot(t.Context(), &pb.TakeSnapshotRequest{
		Volume: "projects/p1/volumes/v1", BytesPerSecond: bytesPerSecond,
	})
	must(t, err)
	return poller.New[*pb.TakeSnapshotResponse](longrunningpb.NewOperationsClient(p), op, nil)
}

func TestServer(t *testing.T) {
	t.Parallel()
	p := setup(t, "-lease", "5s", "-store", "memory")
	res, err := p.start(t, 1_000, 0).Wait(t.Context())
	if err != nil || res.GetBytes() != 1_000 || filepath.Dir(res.GetSnapshot()) != p.dir {
		t.Errorf("TakeSnapshot: got %v, %v, want 1,000 bytes archived in %s", res, err, p.dir)
	}
	alive, err := grpc_health_v1.NewHealthClient(p).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
	if err != nil || alive.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		t.Errorf("health: got %v, %v, want SERVING", alive, err)
	}
	services := reflected(t, p)
	for _, want := range []string{"examples.snapshots.v1.Snapshots", "google.longrunning.Operations"} {
		if !slices.Contains(services, want) {
			t.Errorf("reflection: got %q, want %s among them", services, want)
		}
	}
}

func reflected(t *testing.T, p *process) []string {
	t.Helper()
	stream, err := grpc_reflection_v1.NewServerReflectionClient(p).ServerReflectionInfo(t.Context())
	must(t, err)
	must(t, stream.Send(&grpc_reflection_v1.ServerReflectionRequest{
		MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{},
	}))
	res, err := stream.Recv()
	must(t, err)
	var names []string
	for _, s := range res.GetListServicesResponse().GetService() {
		names = append(names, s.GetName())
	}
	return names
}

// SIGTERM drains: a snapshot that is under way is finished, the store is closed,
// and the server ends well although a health watch is open.
func TestSIGTERM(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "operations.db")
	p := setup(t, "-store", "sqlite:"+file)
	watch, err := grpc_health_v1.NewHealthClient(p).Watch(t.Context(), &grpc_health_v1.HealthCheckRequest{})
	must(t, err)
	_, err = watch.Recv()
	must(t, err)
	snapshot := p.start(t, 1_000, 1_000)
	waited := make(chan error, 1)
	go func() {
		// The long poll that is parked is answered by the drain.
		_, waitErr := longrunningpb.NewOperationsClient(p).WaitOperation(t.Context(), &longrunningpb.WaitOperationRequest{Name: snapshot.Name()})
		waited <- waitErr
	}()
	must(t, p.cmd.Process.Signal(syscall.SIGTERM))
	change, err := watch.Recv()
	if err == nil && change.GetStatus() != grpc_health_v1.HealthCheckResponse_NOT_SERVING {
		t.Errorf("health while draining: got %v, want NOT_SERVING", change)
	}
	t.Logf("the parked wait: error %v", <-waited) // none, unless it came too late
	if err := <-p.ended; err != nil {
		t.Errorf("exit: got %v, want code 0; standard error: %s", err, p.stderr)
	}
	id := snapshot.Name()[strings.LastIndex(snapshot.Name(), "/")+1:]
	if _, err := os.Stat(filepath.Join(p.dir, id+".tar.gz")); err != nil {
		t.Errorf("the snapshot under way: got %v, want that the drain waited for it", err)
	}
	if _, err := os.Stat(file + "-wal"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("SQLite's log: got error %v, want that it is gone, as it is once the store is closed", err)
	}
}
