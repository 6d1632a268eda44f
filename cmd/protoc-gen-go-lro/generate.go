package main

import (
	"io"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// A method is an RPC that starts operations.
type method struct {
	*protogen.Method

	file     *protogen.File
	name     string // in what is generated
	response message
	metadata message // google.protobuf.Empty if there is none
	partial  bool    // operation_info lacks a type, and so package lro refuses it
}

// generate does what gen asks for, and writes warnings about its protos.
func generate(gen *protogen.Plugin, warnings io.Writer) error {
	gen.SupportedFeatures = uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL | pluginpb.CodeGeneratorResponse_FEATURE_SUPPORTS_EDITIONS)
	gen.SupportedEditionsMinimum = descriptorpb.Edition_EDITION_PROTO2
	gen.SupportedEditionsMaximum = descriptorpb.Edition_EDITION_2024

	known := knownMessages(gen)
	files := map[*protogen.File][]*method{}
	packages := map[protogen.GoImportPath][]*method{}
	for _, file := range gen.Files {
		f := &finder{file: file, messages: known, warnings: warnings}
		if !file.Generate {
			f.warnings = io.Discard // only its names count
		}
		files[file] = f.methods()
		packages[file.GoImportPath] = append(packages[file.GoImportPath], files[file]...)
	}
	for _, file := range gen.Files {
		if !file.Generate {
			continue
		}
		if err := assignNames(packages[file.GoImportPath]); err != nil {
			return err
		}
		if err := generatePoller(gen, file, files[file]); err != nil {
			return err
		}
		if err := generateServer(gen, file, files[file]); err != nil {
			return err
		}
	}
	return nil
}
