package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	// What the protos of the tests import.
	_ "google.golang.org/protobuf/types/known/structpb"
)

// A result is what a run of the plugin gave.
type result struct {
	files    map[string]string
	warnings string
	err      string
}

// setup runs the plugin on a request, to which it adds what the files import
// and this program links.
func setup(t *testing.T, req *pluginpb.CodeGeneratorRequest) result {
	t.Helper()
	req.ProtoFile = withImports(t, req.GetProtoFile())
	// As it comes from protoc: the plugin unmarshals it.
	wire, err := proto.Marshal(req)
	must(t, err)
	received := &pluginpb.CodeGeneratorRequest{}
	must(t, proto.Unmarshal(wire, received))
	gen, err := options().New(received)
	if err != nil {
		return result{err: err.Error()}
	}
	var warnings strings.Builder
	if err := generate(gen, &warnings); err != nil {
		gen.Error(err)
	}
	res := gen.Response()
	r := result{files: map[string]string{}, warnings: warnings.String(), err: res.GetError()}
	for _, file := range res.GetFile() {
		r.files[file.GetName()] = file.GetContent()
	}
	return r
}

// withImports answers files with all that they import before them.
func withImports(t *testing.T, files []*descriptorpb.FileDescriptorProto) []*descriptorpb.FileDescriptorProto {
	t.Helper()
	var all []*descriptorpb.FileDescriptorProto
	var add func(protoreflect.FileDescriptor)
	add = func(file protoreflect.FileDescriptor) {
		for i := range file.Imports().Len() {
			add(file.Imports().Get(i).FileDescriptor)
		}
		if !slices.ContainsFunc(slices.Concat(files, all), func(f *descriptorpb.FileDescriptorProto) bool { return f.GetName() == file.Path() }) {
			all = append(all, protodesc.ToFileDescriptorProto(file))
		}
	}
	for _, file := range files {
		for _, path := range file.GetDependency() {
			if linked, err := protoregistry.GlobalFiles.FindFileByPath(path); err == nil {
				add(linked)
			}
		}
	}
	return append(all, files...)
}

// request reads a CodeGeneratorRequest in text format.
func request(t *testing.T, path string) *pluginpb.CodeGeneratorRequest {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	req := &pluginpb.CodeGeneratorRequest{}
	must(t, prototext.Unmarshal(text, req))
	return req
}

// linked asks for the code of a proto that this program links.
func linked(file protoreflect.FileDescriptor, parameter string) *pluginpb.CodeGeneratorRequest {
	return &pluginpb.CodeGeneratorRequest{
		FileToGenerate: []string{file.Path()},
		Parameter:      &parameter,
		ProtoFile:      []*descriptorpb.FileDescriptorProto{protodesc.ToFileDescriptorProto(file)},
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
