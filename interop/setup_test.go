package interop_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	pb "github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
)

// programs is the folder of what TestMain builds: server and grpcurl.
var programs string

func TestMain(m *testing.M) {
	code, err := build(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "interop:", err)
		code = 1
	}
	os.Exit(code)
}

// build builds the programs, and runs the tests.
func build(m *testing.M) (code int, err error) {
	if programs, err = os.MkdirTemp("", "interop-"); err != nil {
		return 0, err
	}
	defer os.RemoveAll(programs)
	for _, p := range []struct{ module, pkg string }{
		{"..", "./examples/snapshots/server"}, // as its own module builds it
		{".", "github.com/fullstorydev/grpcurl/cmd/grpcurl"},
	} {
		cmd := exec.CommandContext(context.Background(), "go", "build", "-C", p.module, "-buildvcs=false", "-o", programs+"/", p.pkg)
		if out, err := cmd.CombinedOutput(); err != nil {
			return 0, fmt.Errorf("%v: %w\n%s", cmd, err, out)
		}
	}
	return m.Run(), nil
}

const (
	parent = "projects/p1"
	volume = parent + "/volumes/v1"
	// missing has the form of a name, and is none.
	missing = parent + "/operations/missing"
)

// A server is a process that serves the snapshots example, with a volume of one
// file. Its operations are started over conn, by code generated from its proto.
type server struct {
	grpc, http string // its addresses
	conn       *grpc.ClientConn
	file       string // that is in the volume
}

// setup starts a server with a store of its own, whose volume has a file of so
// many bytes.
func setup(t *testing.T, size int64) *server {
	t.Helper()
	s := &server{file: filepath.Join(t.TempDir(), "file")}
	must(t, os.WriteFile(s.file, make([]byte, size), 0o600))
	s.run(t)
	conn, err := grpc.NewClient(s.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(t, err)
	t.Cleanup(func() { must(t, conn.Close()) })
	s.conn = conn

	op, err := pb.NewSnapshotsClient(conn).CreateVolume(t.Context(), &pb.CreateVolumeRequest{
		Parent: parent, VolumeId: "v1", Volume: &pb.Volume{Path: filepath.Dir(s.file)},
	})
	must(t, err)
	if op = s.done(t, op.GetName()); op.GetError() != nil {
		t.Fatalf("CreateVolume: %v", op.GetError())
	}
	return s
}

// run starts the process, and reads its addresses.
func (s *server) run(t *testing.T) {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), filepath.Join(programs, "server"),
		"-addr", "localhost:0", "-http", "localhost:0", "-store", "memory", "-dir", t.TempDir())
	cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	stuck := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() }) // ends the scan
	defer stuck.Stop()
	lines := bufio.NewScanner(stdout)
	var output []string
	for (s.grpc == "" || s.http == "") && lines.Scan() {
		output = append(output, lines.Text())
		if found := address.FindStringSubmatch(lines.Text()); found != nil {
			*map[string]*string{"gRPC": &s.grpc, "HTTP/JSON": &s.http}[found[1]] = found[2]
		}
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for lines.Scan() { // so that the server never blocks on its output
		}
		_ = cmd.Wait() // it is killed
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		<-ended
	})
	if s.grpc == "" || s.http == "" {
		_ = cmd.Process.Kill()
		<-ended
		t.Fatalf("the server must say where it serves gRPC and HTTP/JSON; got %q, standard error: %s", output, stderr.String())
	}
}

var address = regexp.MustCompile(`^serving (gRPC|HTTP/JSON) on ([^\s,]+)`)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// take starts a snapshot that reads so many bytes in a second; 0 is unlimited.
func (s *server) take(t *testing.T, bytesPerSecond int64) *longrunningpb.Operation {
	t.Helper()
	op, err := pb.NewSnapshotsClient(s.conn).TakeSnapshot(t.Context(), &pb.TakeSnapshotRequest{
		Volume: volume, BytesPerSecond: bytesPerSecond,
	})
	must(t, err)
	return op
}

// done answers the operation once it is done.
func (s *server) done(t *testing.T, name string) *longrunningpb.Operation {
	t.Helper()
	for {
		op, err := longrunningpb.NewOperationsClient(s.conn).WaitOperation(t.Context(), &longrunningpb.WaitOperationRequest{Name: name})
		must(t, err)
		if op.GetDone() {
			return op
		}
	}
}
