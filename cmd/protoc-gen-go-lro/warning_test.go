package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

const (
	clients = "library_poller.pb.go"
	servers = "library_lro.pb.go"
)

// library asks for a service Library with these methods, which stand in the
// lines 10, 20 and so on. Beside its file there is one that it does not import.
func library(t *testing.T, methods ...string) *pluginpb.CodeGeneratorRequest {
	t.Helper()
	var locations strings.Builder
	for i := range methods {
		fmt.Fprintf(&locations, "location { path: [6, 0, 2, %d] span: [%d, 2, 60] }\n", i, 10*(i+1)-1)
	}
	text := `
		name: "library.proto" package: "library.v1" syntax: "proto3"
		dependency: "google/longrunning/operations.proto"
		dependency: "google/protobuf/struct.proto"
		options { go_package: "example.com/librarypb" }
		message_type { name: "Book" }
		message_type { name: "LargeBook" }
		message_type { name: "PrintRequest" }
		message_type { name: "PrintResponse" }
		message_type {
			name: "PrintMetadata"
			field { name: "pages" number: 1 type: TYPE_MESSAGE label: LABEL_REPEATED type_name: ".library.v1.PrintMetadata.PagesEntry" }
			nested_type {
				name: "PagesEntry"
				field { name: "key" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
				field { name: "value" number: 2 type: TYPE_STRING label: LABEL_OPTIONAL }
				options { map_entry: true }
			}
		}
		message_type { name: "SortResponse" }
		enum_type { name: "Size" value { name: "SIZE_UNSPECIFIED" number: 0 } }
		service { name: "Library" method { ` + strings.Join(methods, "} method {") + ` } }
		source_code_info {` + locations.String() + `}`
	file, shelf := &descriptorpb.FileDescriptorProto{}, &descriptorpb.FileDescriptorProto{}
	must(t, prototext.Unmarshal([]byte(text), file))
	must(t, prototext.Unmarshal([]byte(`
		name: "shelf.proto" package: "shelf.v1" syntax: "proto3"
		options { go_package: "example.com/shelfpb" }
		message_type { name: "Shelf" }`), shelf))
	return &pluginpb.CodeGeneratorRequest{
		FileToGenerate: []string{"library.proto", "shelf.proto"},
		ProtoFile:      []*descriptorpb.FileDescriptorProto{file, shelf},
		Parameter:      new("paths=source_relative"),
	}
}

// rpc describes a method, in text format, that takes PrintRequest and returns an
// operation.
func rpc(name, info string) string {
	return fmt.Sprintf(`name: %q input_type: ".library.v1.PrintRequest" output_type: ".google.longrunning.Operation" %s`, name, info)
}

func info(response, metadata string) string {
	return fmt.Sprintf(`options { [google.longrunning.operation_info] { response_type: %q metadata_type: %q } }`, response, metadata)
}

// TestWarnings: what breaks AIP-151 or the naming convention is told, with the
// line, the rule and what to do; what can still be generated is.
func TestWarnings(t *testing.T) {
	t.Parallel()
	const ofPrint = "library.proto:10: warning: library.v1.Library.Print: "
	for _, c := range []struct {
		name, method string
		want         string   // on standard error
		generated    []string // which files have the method
	}{
		{
			"all is well", rpc("Print", info("PrintResponse", "PrintMetadata")),
			"",
			[]string{servers, clients},
		}, {
			"full names, imported types", rpc("Print", info("library.v1.PrintResponse", "google.protobuf.Struct")),
			"",
			[]string{servers, clients},
		}, {
			"a standard method answers the resource", rpc("UpdateBook", info("Book", "PrintMetadata")),
			"",
			[]string{servers, clients},
		}, {
			"a custom method answers its resource, as AIP-136 allows", rpc("ArchiveBook", info("Book", "PrintMetadata")),
			"",
			[]string{servers, clients},
		}, {
			"Undelete answers the resource, by AIP-164", rpc("UndeleteBook", info("Book", "PrintMetadata")),
			"",
			[]string{servers, clients},
		}, {
			"Delete that only marks the resource answers it, by AIP-164", rpc("DeleteBook", info("Book", "PrintMetadata")),
			"",
			[]string{servers, clients},
		}, {
			"operation_info where there is no operation",
			`name: "Print" input_type: ".library.v1.PrintRequest" output_type: ".library.v1.PrintResponse"` + info("PrintResponse", "PrintMetadata"),
			ofPrint + "it has google.longrunning.operation_info, which AIP-151 has for methods that return google.longrunning.Operation, " +
				"and returns library.v1.PrintResponse: return the operation, or remove the option\n", nil,
		}, {
			"a stream of operations", rpc("Print", "server_streaming: true "+info("PrintResponse", "PrintMetadata")),
			ofPrint + "it streams, and by AIP-151 a method that returns google.longrunning.Operation is unary: remove the word stream; nothing is generated for it\n", nil,
		}, {
			"a stream of requests", rpc("Print", "client_streaming: true "+info("PrintResponse", "PrintMetadata")),
			ofPrint + "it streams, and by AIP-151 a method that returns google.longrunning.Operation is unary: remove the word stream; nothing is generated for it\n", nil,
		}, {
			"no operation_info", rpc("Print", ""),
			ofPrint + "it has no google.longrunning.operation_info, which AIP-151 demands; by the naming convention it was taken to be " +
				`{response_type: "PrintResponse" metadata_type: "PrintMetadata"}: add the option` + "\n",
			[]string{servers, clients},
		}, {
			"no operation_info, Delete", rpc("DeletePrint", ""),
			"library.proto:10: warning: library.v1.Library.DeletePrint: it has no google.longrunning.operation_info, which AIP-151 demands; by the naming convention it was taken to be " +
				`{response_type: "google.protobuf.Empty" metadata_type: "google.protobuf.Empty"}: add the option` + "\n",
			[]string{servers, clients},
		}, {
			"no operation_info, and no such response", rpc("Bind", ""),
			"library.proto:10: warning: library.v1.Library.Bind: it has no google.longrunning.operation_info, which AIP-151 demands, and the proto knows no message BindResponse, " +
				"which would be its response by the naming convention of operations.proto: add the option; nothing is generated for it\n", nil,
		}, {
			"no metadata_type", rpc("Print", info("PrintResponse", "")),
			ofPrint + `its operation_info has no metadata_type, and AIP-151 demands both types: write "PrintMetadata", by the naming convention, or what is right; ` +
				"until then package lro refuses the method, and only code for clients is generated\n",
			[]string{clients},
		}, {
			"no response_type", rpc("Print", info("", "google.protobuf.Struct")),
			ofPrint + `its operation_info has no response_type, and AIP-151 demands both types: write "PrintResponse", by the naming convention, or what is right; ` +
				"until then package lro refuses the method, and only code for clients is generated\n",
			[]string{clients},
		}, {
			"no response_type, and nothing to take instead", rpc("Bind", info("", "PrintMetadata")),
			`library.proto:10: warning: library.v1.Library.Bind: its operation_info has no response_type, and AIP-151 demands both types: ` +
				`write the message's name, or "google.protobuf.Empty" if there is none; nothing is generated for it` + "\n", nil,
		}, {
			"an unknown response_type", rpc("Print", info("PrintReponse", "PrintMetadata")),
			ofPrint + `its response_type is "PrintReponse", and neither the proto nor what it imports has a message library.v1.PrintReponse: ` +
				"import the file that has it and, by AIP-151, write its full name if it is in another package; nothing is generated for it\n", nil,
		}, {
			"a metadata_type that is no message", rpc("Print", info("PrintResponse", "Size")),
			ofPrint + `its metadata_type is "Size", and neither the proto nor what it imports has a message library.v1.Size: ` +
				"import the file that has it and, by AIP-151, write its full name if it is in another package; nothing is generated for it\n", nil,
		}, {
			"a metadata_type that is a map's entry, which Go has no type for", rpc("Print", info("PrintResponse", "library.v1.PrintMetadata.PagesEntry")),
			ofPrint + `its metadata_type is "library.v1.PrintMetadata.PagesEntry", and neither the proto nor what it imports has a message library.v1.PrintMetadata.PagesEntry: ` +
				"import the file that has it and, by AIP-151, write its full name if it is in another package; nothing is generated for it\n", nil,
		}, {
			"a type of another package by its short name", rpc("Print", info("PrintResponse", "Struct")),
			ofPrint + `its metadata_type is "Struct", and neither the proto nor what it imports has a message library.v1.Struct: ` +
				"import the file that has it and, by AIP-151, write its full name if it is in another package; nothing is generated for it\n", nil,
		}, {
			"a type that is not imported", rpc("Print", info("PrintResponse", "shelf.v1.Shelf")),
			ofPrint + `its metadata_type is "shelf.v1.Shelf" of shelf.proto, and AIP-151 demands that it stands in the same file or in one that it imports: import "shelf.proto"` + "\n",
			[]string{servers, clients},
		}, {
			"a response against the convention", rpc("Print", info("SortResponse", "PrintMetadata")),
			ofPrint + `its response_type is "SortResponse", and by the naming convention of operations.proto, at Operation.response, it should be "PrintResponse": ` +
				"use that, unless the API has clients, which the change would break\n",
			[]string{servers, clients},
		}, {
			"a standard method that answers no resource", rpc("CreateBook", info("PrintResponse", "PrintMetadata")),
			`library.proto:10: warning: library.v1.Library.CreateBook: its response_type is "PrintResponse", and by the naming convention of operations.proto, at Operation.response, ` +
				`it should be "Book": use that, unless the API has clients, which the change would break` + "\n",
			[]string{servers, clients},
		}, {
			"a standard method that answers another resource", rpc("UpdateLargeBook", info("Book", "PrintMetadata")),
			`library.proto:10: warning: library.v1.Library.UpdateLargeBook: its response_type is "Book", and by the naming convention of operations.proto, at Operation.response, ` +
				`it should be "LargeBook": use that, unless the API has clients, which the change would break` + "\n",
			[]string{servers, clients},
		}, {
			"Delete that answers something else", rpc("DeleteBook", info("PrintResponse", "PrintMetadata")),
			`library.proto:10: warning: library.v1.Library.DeleteBook: its response_type is "PrintResponse", and by the naming convention of operations.proto, at Operation.response, ` +
				`it should be "google.protobuf.Empty": use that, unless the API has clients, which the change would break` + "\n",
			[]string{servers, clients},
		},
	} {
		r := setup(t, library(t, c.method))
		if r.err != "" || r.warnings != c.want {
			t.Errorf("%s: got error %q and on standard error\n%swant no error and\n%s", c.name, r.err, r.warnings, c.want)
		}
		var generated []string
		for name := range r.files {
			generated = append(generated, name[strings.LastIndexByte(name, '/')+1:])
		}
		slices.Sort(generated)
		if !slices.Equal(generated, c.generated) {
			t.Errorf("%s: generated %q, want %q", c.name, generated, c.generated)
		}
	}
}

// TestWarningLine: a warning stands at the option, if the method has it.
func TestWarningLine(t *testing.T) {
	t.Parallel()
	req := library(t, rpc("Print", ""), rpc("Sort", info("PrintResponse", "PrintMetadata")))
	source := req.GetProtoFile()[0].GetSourceCodeInfo()
	source.Location = append(source.Location, &descriptorpb.SourceCodeInfo_Location{Path: []int32{6, 0, 2, 1, 4, 1049}, Span: []int32{22, 4, 60}})
	lines := strings.Split(setup(t, req).warnings, "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "library.proto:10: ") || !strings.HasPrefix(lines[1], "library.proto:23: ") {
		t.Errorf("got %q, want a warning for line 10, and one for line 23 where the option is", lines)
	}
	source.Location = nil
	if got := setup(t, req).warnings; !strings.HasPrefix(got, "library.proto: warning: ") {
		t.Errorf("without source information: got %q, want the file alone", got)
	}
}

// TestWarningsOfImports: protos that others wrote are not ours to correct.
func TestWarningsOfImports(t *testing.T) {
	t.Parallel()
	req := library(t, rpc("Print", ""))
	req.FileToGenerate = []string{"shelf.proto"}
	req.ProtoFile[1].Dependency = []string{"library.proto"}
	if r := setup(t, req); r.warnings != "" || r.err != "" || len(r.files) != 0 {
		t.Errorf("got warnings %q, error %q and %d files, want none", r.warnings, r.err, len(r.files))
	}
}

// TestPublicImports: what a file imports publicly is imported by who imports it,
// and nothing else is.
func TestPublicImports(t *testing.T) {
	t.Parallel()
	for _, public := range []bool{true, false} {
		req := library(t, rpc("Print", info("PrintResponse", "shelf.v1.Shelf")))
		between := &descriptorpb.FileDescriptorProto{Name: new("between.proto"), Dependency: []string{"shelf.proto"}, Options: req.GetProtoFile()[1].GetOptions()}
		if public {
			between.PublicDependency = []int32{0}
		}
		req.ProtoFile[0].Dependency = append(req.ProtoFile[0].Dependency, "between.proto")
		req.ProtoFile = append(req.ProtoFile, between)
		r := setup(t, req)
		if warned := strings.Contains(r.warnings, `import "shelf.proto"`); r.err != "" || warned == public {
			t.Errorf("imported publicly %v: got error %q and warnings %q, want a warning where it is not", public, r.err, r.warnings)
		}
	}
}
