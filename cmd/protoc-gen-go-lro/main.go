// Protoc-gen-go-lro is a plugin of protoc and buf: it generates typed Go code
// for methods that return google.longrunning.Operation.
//
// Install it beside protoc-gen-go and protoc-gen-go-grpc, whose code it uses:
//
//	go install github.com/longrunning-go/longrunning/cmd/protoc-gen-go-lro@latest
//
// and run it on the same protos, with protoc:
//
//	protoc --go_out=. --go_opt=paths=source_relative \
//		--go-grpc_out=. --go-grpc_opt=paths=source_relative \
//		--go-lro_out=. --go-lro_opt=paths=source_relative \
//		library/librarypb/library.proto
//
// or with buf, by buf.gen.yaml:
//
//	version: v2
//	plugins:
//	  - local: protoc-gen-go
//	    out: .
//	    opt: paths=source_relative
//	  - local: protoc-gen-go-grpc
//	    out: .
//	    opt: paths=source_relative
//	  - local: protoc-gen-go-lro
//	    out: .
//	    opt: paths=source_relative
//
// Its parameters are those that all plugins for Go share: paths, module and
// M<file>=<package>. Generate all files of one Go package in one run, so that
// their names can be kept apart.
//
// # What it generates
//
// Two packages, in folders beside the messages, so that a client links no
// server. For a method TakeSnapshot of package snapshotspb they have:
//
//	snapshotspb/snapshotspoller     for clients
//		TakeSnapshot            calls the method and answers its typed poller
//		ResumeTakeSnapshot      follows an operation by its name
//		TakeSnapshotMetadata    reads the typed metadata of an operation
//	snapshotspb/snapshotslro        for servers
//		HandleTakeSnapshot      registers the handler that runs the method
//		DeclareTakeSnapshot     registers a method that is run elsewhere
//		TakeSnapshotMethod      is what both answer, with its types
//		TakeSnapshotTask        is what the handler sees of its operation
//
// A client calls the method and waits for its response, with no type to name:
//
//	operations := longrunningpb.NewOperationsClient(conn)
//	p, err := snapshotspoller.TakeSnapshot(ctx, client, operations, req, nil)
//	...
//	res, err := p.Wait(ctx)
//
// and a server registers its handler, also where methods share a request type:
//
//	s.takeSnapshot = snapshotslro.HandleTakeSnapshot(m, s.runTakeSnapshot, nil)
//
// Packages are named like that of the messages, without its pb. A method without
// metadata has no function for it. Where two services of a package have a method
// TakeSnapshot, or one has a method ResumeTakeSnapshot too, the name of their
// service is put before those of both, or before that of the other:
// SnapshotsTakeSnapshot, SnapshotsResumeTakeSnapshot.
//
// # What the proto should say
//
// The types of response and metadata are those of
// google.longrunning.operation_info:
//
//	rpc TakeSnapshot(TakeSnapshotRequest) returns (google.longrunning.Operation) {
//	  option (google.longrunning.operation_info) = {
//	    response_type: "TakeSnapshotResponse"
//	    metadata_type: "TakeSnapshotMetadata"
//	  };
//	}
//
// A name without a dot is of the proto's own package, any other is a full one.
// Where the option is missing the naming convention decides: Delete answers
// google.protobuf.Empty, a standard Get, Create or Update the resource, any other
// Xxx answers XxxResponse; the metadata is XxxMetadata, if there is such a
// message, or else google.protobuf.Empty.
//
// What breaks AIP-151 or the naming convention is told as a warning, with file
// and line, on standard error. Generation goes on; a method whose types are not
// found is left out.
package main

import (
	"flag"
	"fmt"
	"os"

	"google.golang.org/protobuf/compiler/protogen"
)

// version changes with what is generated.
const version = "0.1.0"

func main() {
	showVersion := flag.Bool("version", false, "print the version and exit")
	flag.Parse()
	if *showVersion {
		_, _ = fmt.Fprintln(os.Stdout, "protoc-gen-go-lro", version)
		return
	}
	options().Run(func(gen *protogen.Plugin) error { return generate(gen, os.Stderr) })
}

func options() protogen.Options {
	return protogen.Options{ParamFunc: func(name, value string) error {
		return fmt.Errorf("expected the parameters paths, module or M<file>, found %s=%s: remove it", name, value)
	}}
}
