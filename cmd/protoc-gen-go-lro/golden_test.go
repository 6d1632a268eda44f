package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/longrunning-go/longrunning/examples/snapshots/snapshotspb"
	"github.com/longrunning-go/longrunning/internal/testpb"
)

var update = flag.Bool("update", false, "write the golden files again")

// golden are the requests of the golden files, by their folder in testdata.
func golden(t *testing.T) map[string]*pluginpb.CodeGeneratorRequest {
	t.Helper()
	return map[string]*pluginpb.CodeGeneratorRequest{
		"editions": request(t, "testdata/editions/request.txtpb"),
		"library":  request(t, "testdata/library/request.txtpb"),
		"linked":   linked(testpb.File_internal_testpb_test_proto, "module=github.com/longrunning-go/longrunning/internal"),
	}
}

// warningsFile is where a golden folder keeps what stands on standard error.
const warningsFile = "warnings.txt"

// TestGolden: what is generated, to the byte. It compiles, too.
func TestGolden(t *testing.T) {
	t.Parallel()
	for name, req := range golden(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := setup(t, req)
			if r.err != "" {
				t.Fatalf("got error %q, want none", r.err)
			}
			folder := filepath.Join("testdata", name)
			compile(t, folder, req, r.files)
			got := maps.Clone(r.files)
			if r.warnings != "" {
				got[warningsFile] = r.warnings
			}
			if *update {
				write(t, folder, got)
			}
			want := read(t, folder)
			for _, file := range slices.Sorted(maps.Keys(want)) {
				if _, ok := got[file]; !ok {
					t.Errorf("%s: not generated, want it", file)
				}
			}
			for _, file := range slices.Sorted(maps.Keys(got)) {
				if got[file] != want[file] {
					t.Errorf("%s: got\n%s\nwant\n%s\nIf the change is meant, run go test -update ./cmd/protoc-gen-go-lro and read the diff", file, got[file], want[file])
				}
			}
		})
	}
}

// TestCommitted: what examples use is what the plugin generates now, comments
// aside, which descriptors of Go packages lack. make generate compares all.
func TestCommitted(t *testing.T) {
	t.Parallel()
	r := setup(t, linked(snapshotspb.File_examples_snapshots_snapshotspb_snapshots_proto, "paths=source_relative"))
	if len(r.files) != 2 || r.warnings != "" || r.err != "" {
		t.Fatalf("got %d files, warnings %q and error %q, want 2, none and none", len(r.files), r.warnings, r.err)
	}
	for name, code := range r.files {
		committed, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(name)))
		must(t, err)
		if got, want := withoutComments(code), withoutComments(string(committed)); got != want {
			t.Errorf("%s: got\n%s\nwant what is committed:\n%s\nrun make generate", name, got, want)
		}
	}
}

func withoutComments(code string) string {
	return strings.Join(slices.DeleteFunc(strings.Split(code, "\n"), func(line string) bool { return strings.HasPrefix(line, "//") }), "\n")
}

// read answers the golden files of a folder.
func read(t *testing.T, folder string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(folder, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "request.txtpb" {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(folder, file)
		files[filepath.ToSlash(rel)] = string(text)
		return err
	})
	must(t, err)
	return files
}

// write makes files the golden ones of a folder.
func write(t *testing.T, folder string, files map[string]string) {
	t.Helper()
	must(t, os.MkdirAll(folder, 0o755))
	for old := range read(t, folder) {
		must(t, os.Remove(filepath.Join(folder, old)))
	}
	for name, text := range files {
		file := filepath.Join(folder, filepath.FromSlash(name))
		must(t, os.MkdirAll(filepath.Dir(file), 0o755))
		must(t, os.WriteFile(file, []byte(text), 0o644))
	}
}

// compile compiles generated files as if they were in folder, together with
// stubs of the messages and clients that they use.
func compile(t *testing.T, folder string, req *pluginpb.CodeGeneratorRequest, files map[string]string) {
	t.Helper()
	all := maps.Clone(files)
	maps.Copy(all, stubs(req, folder))
	folder, err := filepath.Abs(folder)
	must(t, err)
	scratch := t.TempDir()
	write(t, scratch, all)
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	args := []string{"build", "-overlay", filepath.Join(scratch, "overlay.json")}
	for file := range all {
		overlay.Replace[filepath.Join(folder, file)] = filepath.Join(scratch, file)
		if _, generated := files[file]; generated {
			args = append(args, filepath.Join(folder, path.Dir(file)))
		}
	}
	text, err := json.Marshal(overlay)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(scratch, "overlay.json"), text, 0o600))
	slices.Sort(args[3:])
	if out, err := exec.CommandContext(t.Context(), "go", append(args[:3], slices.Compact(args[3:])...)...).CombinedOutput(); err != nil {
		t.Errorf("the generated code: %v\n%s", err, out)
	}
}

// stubs stands for protoc-gen-go and protoc-gen-go-grpc, as far as types go: a
// file for each proto whose Go package is in folder.
func stubs(req *pluginpb.CodeGeneratorRequest, folder string) map[string]string {
	files := map[string]string{}
	for _, file := range req.GetProtoFile() {
		pkg, _, _ := strings.Cut(file.GetOptions().GetGoPackage(), ";")
		_, below, ok := strings.Cut(pkg, "cmd/protoc-gen-go-lro/"+filepath.ToSlash(folder)+"/")
		if !ok {
			continue
		}
		var code strings.Builder
		fmt.Fprintf(&code, "package %s\n\nimport (\n%q\n%q\n%q\n%q\n)\n\n", path.Base(pkg), "context",
			"cloud.google.com/go/longrunning/autogen/longrunningpb", "google.golang.org/grpc", "google.golang.org/protobuf/proto")
		code.WriteString("var _ interface { M(context.Context, *longrunningpb.Operation, grpc.CallOption) proto.Message }\n") // all imports are used
		for _, m := range file.GetMessageType() {
			stubMessage(&code, m, "")
		}
		for _, s := range file.GetService() {
			stubClient(&code, s)
		}
		files[path.Join(below, path.Base(file.GetName())+".go")] = code.String()
	}
	return files
}

func stubMessage(code *strings.Builder, m *descriptorpb.DescriptorProto, outer string) {
	fmt.Fprintf(code, "type %s%s struct{ proto.Message }\n", outer, m.GetName())
	for _, nested := range m.GetNestedType() {
		stubMessage(code, nested, outer+m.GetName()+"_")
	}
}

// stubClient takes any request, as far as types go.
func stubClient(code *strings.Builder, s *descriptorpb.ServiceDescriptorProto) {
	fmt.Fprintf(code, "type %sClient interface {\n", goName(s.GetName()))
	for _, m := range s.GetMethod() {
		if m.GetOutputType() == ".google.longrunning.Operation" {
			fmt.Fprintf(code, "%s(context.Context, proto.Message, ...grpc.CallOption) (*longrunningpb.Operation, error)\n", goName(m.GetName()))
		}
	}
	code.WriteString("}\n")
}

// goName answers how protoc-gen-go spells a name in snake or camel case.
func goName(name string) string {
	parts := strings.Split(name, "_")
	for i, p := range parts {
		parts[i] = strings.ToUpper(p[:1]) + p[1:]
	}
	return strings.Join(parts, "")
}
