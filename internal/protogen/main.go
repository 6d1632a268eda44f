// Command protogen writes the Go code of every proto file in this repository,
// with nothing but Go: no protoc, no include path, no network once the modules
// are downloaded. From the root of the repository:
//
//	go run -C internal/protogen .
//
// A proto's path from the root is its import path, and its code is written
// beside it. Google's protos are taken from the Go packages that register
// them, so that what is compiled against is what is linked later. The plugins
// are tools of this module, which pins their versions, and our own; the same
// protos therefore give the same bytes on every machine. The folder compilers
// runs our own under protoc and buf, too.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/linker"
	"github.com/bufbuild/protocompile/protoutil"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	// The protos that ours may import, and what these import in turn.
	_ "cloud.google.com/go/longrunning/autogen/longrunningpb"
	_ "google.golang.org/genproto/googleapis/api/annotations"
	_ "google.golang.org/protobuf/types/known/anypb"
	_ "google.golang.org/protobuf/types/known/durationpb"
	_ "google.golang.org/protobuf/types/known/emptypb"
	_ "google.golang.org/protobuf/types/known/fieldmaskpb"
	_ "google.golang.org/protobuf/types/known/structpb"
	_ "google.golang.org/protobuf/types/known/timestamppb"
	_ "google.golang.org/protobuf/types/known/wrapperspb"
)

func main() {
	root := flag.String("root", filepath.Join("..", ".."), "root of the repository")
	flag.Parse()
	if err := generate(context.Background(), *root); err != nil {
		fmt.Fprintln(os.Stderr, "protogen:", err)
		os.Exit(1)
	}
}

// generate compiles every proto below root and runs the plugins on them.
func generate(ctx context.Context, root string) error {
	protos, err := find(root)
	if err != nil {
		return err
	}
	files, err := compile(ctx, root, protos)
	if err != nil {
		return err
	}
	// What lro is tested with breaks on purpose the rules that our plugin warns
	// about, and nobody uses it as a client.
	services := slices.DeleteFunc(slices.Clone(protos), func(path string) bool { return strings.HasPrefix(path, "internal/testpb/") })
	for _, plugin := range []struct {
		command []string
		folder  string // where it runs
		protos  []string
	}{
		{[]string{"go", "tool", "protoc-gen-go"}, ".", protos},
		{[]string{"go", "tool", "protoc-gen-go-grpc"}, ".", protos},
		{[]string{"go", "run", "./cmd/protoc-gen-go-lro"}, root, services},
	} {
		cmd := exec.CommandContext(ctx, plugin.command[0], plugin.command[1:]...)
		cmd.Dir = plugin.folder
		err := run(cmd, root, &pluginpb.CodeGeneratorRequest{
			FileToGenerate: plugin.protos,
			ProtoFile:      closure(files),
			Parameter:      new("paths=source_relative"),
		})
		if err != nil {
			return fmt.Errorf("%s: %w", strings.Join(plugin.command, " "), err)
		}
	}
	return nil
}

// find answers the proto files below root, in order, as slashed paths from
// root; hidden folders, and those that the go command ignores, are left out.
func find(root string) ([]string, error) {
	var protos []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && path != root && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "node_modules") {
			return fs.SkipDir
		}
		if d.IsDir() || filepath.Ext(name) != ".proto" {
			return nil
		}
		rel, err := filepath.Rel(root, path)
		protos = append(protos, filepath.ToSlash(rel))
		return err
	})
	if err == nil && len(protos) == 0 {
		return nil, fmt.Errorf("no proto file below %s: is that the root of the repository?", root)
	}
	return protos, err
}

// compile parses and links protos: ours from disk, all others as registered.
func compile(ctx context.Context, root string, protos []string) (linker.Files, error) {
	compiler := protocompile.Compiler{
		Resolver: protocompile.CompositeResolver{
			&protocompile.SourceResolver{ImportPaths: []string{root}},
			protocompile.ResolverFunc(func(path string) (protocompile.SearchResult, error) {
				file, err := protoregistry.GlobalFiles.FindFileByPath(path)
				return protocompile.SearchResult{Desc: file}, err
			}),
		},
		SourceInfoMode: protocompile.SourceInfoStandard, // comments go into the Go code
	}
	return compiler.Compile(ctx, protos...)
}

// closure answers files and all that they import, imports first, as plugins
// demand.
func closure(files linker.Files) []*descriptorpb.FileDescriptorProto {
	var all []*descriptorpb.FileDescriptorProto
	seen := make(map[string]bool)
	var add func(protoreflect.FileDescriptor)
	add = func(file protoreflect.FileDescriptor) {
		if seen[file.Path()] {
			return
		}
		seen[file.Path()] = true
		imports := file.Imports()
		for i := range imports.Len() {
			add(imports.Get(i).FileDescriptor)
		}
		all = append(all, protoutil.ProtoFromFileDescriptor(file))
	}
	for _, file := range files {
		add(file)
	}
	return all
}

// run hands req to a plugin and writes what it answers; its warnings are shown.
func run(plugin *exec.Cmd, root string, req *pluginpb.CodeGeneratorRequest) error {
	in, err := proto.MarshalOptions{Deterministic: true}.Marshal(req)
	if err != nil {
		return err
	}
	plugin.Stdin, plugin.Stderr = bytes.NewReader(in), os.Stderr
	out, err := plugin.Output()
	if err != nil {
		return err
	}
	var res pluginpb.CodeGeneratorResponse
	if err := proto.Unmarshal(out, &res); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	if res.Error != nil {
		return errors.New(res.GetError())
	}
	for _, file := range res.GetFile() {
		path := filepath.Join(root, filepath.FromSlash(file.GetName()))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(file.GetContent()), 0o644); err != nil {
			return err
		}
	}
	return nil
}
