package interop_test

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// grpcurl knows no proto: what it lists, asks and shows, it has from the
// server's reflection.

func TestGRPCurlDescribes(t *testing.T) {
	t.Parallel()
	s := setup(t, 1)
	services := strings.Fields(grpcurl(t, s.grpc, "list"))
	for _, want := range []string{"examples.snapshots.v1.Snapshots", "google.longrunning.Operations", "grpc.health.v1.Health"} {
		if !slices.Contains(services, want) {
			t.Errorf("grpcurl list: got %q, want %s among them", services, want)
		}
	}
	described := grpcurl(t, s.grpc, "describe", "google.longrunning.Operations")
	for _, want := range []string{
		"rpc GetOperation ( .google.longrunning.GetOperationRequest ) returns ( .google.longrunning.Operation )",
		"rpc WaitOperation ( .google.longrunning.WaitOperationRequest ) returns ( .google.longrunning.Operation )",
		`get: "/v1/{name=operations/**}"`,
	} {
		if !strings.Contains(described, want) {
			t.Errorf("grpcurl describe: got %s, want %q in it", described, want)
		}
	}
}

func TestGRPCurlCalls(t *testing.T) {
	t.Parallel()
	type operation struct {
		Name     string
		Done     bool
		Metadata struct {
			Type   string `json:"@type"`
			Volume string
		}
		Response struct {
			Type  string `json:"@type"`
			Files string // as JSON has an int64
			Bytes string
		}
	}
	s := setup(t, 1_000)
	name := s.done(t, s.take(t, 0).GetName()).GetName()
	want := operation{Name: name, Done: true}
	want.Metadata.Type, want.Metadata.Volume = "type.googleapis.com/examples.snapshots.v1.TakeSnapshotMetadata", volume
	want.Response.Type, want.Response.Files, want.Response.Bytes = "type.googleapis.com/examples.snapshots.v1.TakeSnapshotResponse", "1", "1000"

	var got operation
	must(t, json.Unmarshal([]byte(s.call(t, "GetOperation", `{"name":"`+name+`"}`)), &got))
	if got != want {
		t.Errorf("grpcurl GetOperation: got %+v, want %+v", got, want)
	}
	var listed struct{ Operations []operation }
	must(t, json.Unmarshal([]byte(s.call(t, "ListOperations", `{"name":"`+parent+`"}`)), &listed))
	if len(listed.Operations) != 2 || listed.Operations[0] != want {
		t.Errorf("grpcurl ListOperations: got %+v, want %+v, and that of the volume", listed.Operations, want)
	}
}

// call calls a method of google.longrunning.Operations.
func (s *server) call(t *testing.T, method, request string) string {
	t.Helper()
	return grpcurl(t, "-d", request, s.grpc, "google.longrunning.Operations/"+method)
}

// grpcurl answers what it printed.
func grpcurl(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(programs, "grpcurl"), append([]string{"-plaintext"}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	return string(out)
}
