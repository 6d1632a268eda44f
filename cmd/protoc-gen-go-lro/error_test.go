package main

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// TestErrors: what cannot be generated fails, with what to change.
func TestErrors(t *testing.T) {
	t.Parallel()
	parameter := library(t, rpc("Print", info("PrintResponse", "PrintMetadata")))
	parameter.Parameter = new("paths=source_relative,servers=false")

	// Once with their services' names: Library+ArchivePrint and LibraryArchive+Print.
	clash := library(t, rpc("Print", info("PrintResponse", "PrintMetadata")), rpc("ArchivePrint", info("PrintResponse", "PrintMetadata")))
	services := clash.GetProtoFile()[0]
	other := proto.CloneOf(services.GetService()[0])
	other.Name = new("LibraryArchive")
	services.Service = append(services.Service, other)

	// Camel case makes them one.
	camel := library(t, rpc("print_all", info("PrintResponse", "PrintMetadata")), rpc("PrintAll", info("PrintResponse", "PrintMetadata")))

	for _, c := range []struct {
		name string
		req  *pluginpb.CodeGeneratorRequest
		want string
	}{
		{"an unknown parameter", parameter, "expected the parameters paths, module or M<file>, found servers=false: remove it"},
		{
			"names that collide with their services' names too", clash,
			`library.v1.Library.ArchivePrint and library.v1.LibraryArchive.Print would both be generated as LibraryArchivePrint beside package "example.com/librarypb": rename one of the methods or services`,
		},
		{
			"names that camel case makes one", camel,
			`library.v1.Library.print_all and library.v1.Library.PrintAll would both be generated as LibraryPrintAll beside package "example.com/librarypb": rename one of the methods or services`,
		},
	} {
		if r := setup(t, c.req); r.err != c.want || len(r.files) != 0 {
			t.Errorf("%s: got error %q and %d files, want %q and none", c.name, r.err, len(r.files), c.want)
		}
	}
}

// TestFeatures: protoc asks before it hands over optional fields and editions.
func TestFeatures(t *testing.T) {
	t.Parallel()
	req := library(t, rpc("Print", info("PrintResponse", "PrintMetadata")))
	req.ProtoFile = withImports(t, req.GetProtoFile())
	gen, err := options().New(req)
	must(t, err)
	must(t, generate(gen, t.Output()))
	res := gen.Response()
	want := uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL | pluginpb.CodeGeneratorResponse_FEATURE_SUPPORTS_EDITIONS)
	if res.GetSupportedFeatures() != want || res.GetMinimumEdition() != int32(descriptorpb.Edition_EDITION_PROTO2) || res.GetMaximumEdition() != int32(descriptorpb.Edition_EDITION_2024) {
		t.Errorf("got features %b, editions %d to %d, want %b, those from proto2 to 2024",
			res.GetSupportedFeatures(), res.GetMinimumEdition(), res.GetMaximumEdition(), want)
	}
}
