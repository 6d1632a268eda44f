package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/longrunning-go/longrunning/internal/convention"
)

const (
	operationsPackage protoreflect.FullName = "google.longrunning"
	operationType                           = operationsPackage + ".Operation"
)

// A message is a type that operation_info may name.
type message struct {
	name  protoreflect.FullName
	file  string
	ident protogen.GoIdent
}

// empty is known whether or not a proto imports it.
func empty() message {
	return message{convention.Empty, "google/protobuf/empty.proto", protogen.GoIdent{
		GoName: "Empty", GoImportPath: "google.golang.org/protobuf/types/known/emptypb",
	}}
}

func (m *method) hasMetadata() bool { return m.metadata.name != convention.Empty }

// knownMessages answers all messages of the request, nested ones too, by name.
func knownMessages(gen *protogen.Plugin) map[protoreflect.FullName]message {
	known := map[protoreflect.FullName]message{convention.Empty: empty()}
	var add func(file string, messages []*protogen.Message)
	add = func(file string, messages []*protogen.Message) {
		for _, m := range messages {
			if m.Desc.IsMapEntry() {
				continue // Go has no type for it
			}
			known[m.Desc.FullName()] = message{m.Desc.FullName(), file, m.GoIdent}
			add(file, m.Messages)
		}
	}
	for _, file := range gen.Files {
		add(file.Desc.Path(), file.Messages)
	}
	return known
}

// A finder finds the methods of a file that start operations, and their types.
type finder struct {
	file     *protogen.File
	messages map[protoreflect.FullName]message
	warnings io.Writer
}

func (f *finder) methods() []*method {
	var found []*method
	for _, service := range f.file.Services {
		for _, rpc := range service.Methods {
			if !f.startsOperations(rpc) {
				continue
			}
			m := &method{Method: rpc, file: f.file}
			if f.findTypes(m) {
				found = append(found, m)
			}
		}
	}
	return found
}

func (f *finder) startsOperations(rpc *protogen.Method) bool {
	switch {
	case rpc.Output.Desc.FullName() != operationType:
		if operationInfo(rpc) != nil {
			f.warn(rpc, "it has google.longrunning.operation_info, which AIP-151 has for methods that return %s, and returns %s: return the operation, or remove the option",
				operationType, rpc.Output.Desc.FullName())
		}
		return false
	case rpc.Input.Desc.ParentFile().Package() == operationsPackage:
		return false // it is about operations, as GetOperation is
	case rpc.Desc.IsStreamingClient() || rpc.Desc.IsStreamingServer():
		f.warn(rpc, "it streams, and by AIP-151 a method that returns %s is unary: remove the word stream; nothing is generated for it", operationType)
		return false
	default:
		return true
	}
}

func operationInfo(rpc *protogen.Method) *longrunningpb.OperationInfo {
	if !proto.HasExtension(rpc.Desc.Options(), longrunningpb.E_OperationInfo) {
		return nil
	}
	return proto.GetExtension(rpc.Desc.Options(), longrunningpb.E_OperationInfo).(*longrunningpb.OperationInfo)
}

// findTypes sets the types of m. It reports whether there are such messages.
func (f *finder) findTypes(m *method) bool {
	info := operationInfo(m.Method)
	if info == nil {
		return f.guessTypes(m)
	}
	var ok bool
	if m.response, ok = f.declaredType(m, "response_type", info.GetResponseType(), f.guessResponse); !ok {
		return false
	}
	if m.metadata, ok = f.declaredType(m, "metadata_type", info.GetMetadataType(), f.guessMetadata); !ok {
		return false
	}
	if want := f.conventional(m); !convention.Follows(m.response.name, want) && !m.answersResource(want) {
		f.warn(m.Method, "its response_type is %q, and by the naming convention of operations.proto, at Operation.response, it should be %q: use that, unless the API has clients, which the change would break",
			info.GetResponseType(), want)
	}
	return true
}

// answersResource reports whether the response is the message that the method's
// name ends in, as Book is of UndeleteBook. AIP-164 has Undelete answer it, and
// Delete where the resource is only marked; AIP-136 allows it to custom methods.
// Where the convention wants a resource, none but that one will do.
func (m *method) answersResource(conventional protoreflect.FullName) bool {
	verb, ok := strings.CutSuffix(string(m.Desc.Name()), string(m.response.name.Name()))
	return ok && verb != "" && (conventional == convention.Empty || conventional.Name() == m.Desc.Name()+"Response")
}

// guessTypes takes the types of a method without operation_info from its name.
func (f *finder) guessTypes(m *method) bool {
	const demand = "it has no google.longrunning.operation_info, which AIP-151 demands"
	var ok bool
	if m.response, ok = f.guessResponse(m); !ok {
		f.warn(m.Method, demand+", and the proto knows no message %s, which would be its response by the naming convention of operations.proto: add the option; nothing is generated for it",
			f.conventional(m))
		return false
	}
	m.metadata, _ = f.guessMetadata(m)
	f.warn(m.Method, demand+"; by the naming convention it was taken to be {response_type: %q metadata_type: %q}: add the option",
		f.written(m.response), f.written(m.metadata))
	return true
}

// declaredType answers the message that a field of operation_info names or, if
// it is unset, the guessed one.
func (f *finder) declaredType(m *method, field, value string, guess func(*method) (message, bool)) (message, bool) {
	if value == "" {
		m.partial = true
		found, ok := guess(m)
		if !ok {
			f.warn(m.Method, "its operation_info has no %s, and AIP-151 demands both types: write the message's name, or %q if there is none; nothing is generated for it",
				field, convention.Empty)
			return found, false
		}
		f.warn(m.Method, "its operation_info has no %s, and AIP-151 demands both types: write %q, by the naming convention, or what is right; until then package lro refuses the method, and only code for clients is generated",
			field, f.written(found))
		return found, true
	}
	name := protoreflect.FullName(value)
	if !strings.Contains(value, ".") {
		name = f.own(name)
	}
	found, ok := f.messages[name]
	switch {
	case !ok:
		f.warn(m.Method, "its %s is %q, and neither the proto nor what it imports has a message %s: import the file that has it and, by AIP-151, write its full name if it is in another package; nothing is generated for it",
			field, value, name)
	case !f.imports(found.file):
		f.warn(m.Method, "its %s is %q of %s, and AIP-151 demands that it stands in the same file or in one that it imports: import %[3]q", field, value, found.file)
	}
	return found, ok
}

// conventional answers the response that the method should have by its name.
func (f *finder) conventional(m *method) protoreflect.FullName {
	pkg := m.Input.Desc.ParentFile().Package()
	return convention.Response(string(m.Desc.Name()), func(name protoreflect.Name) bool {
		_, ok := f.messages[pkg.Append(name)]
		return ok
	})
}

func (f *finder) guessResponse(m *method) (message, bool) {
	want := f.conventional(m)
	if want == convention.Empty {
		return empty(), true
	}
	if found, ok := f.messages[f.own(want)]; ok {
		return found, true
	}
	found, ok := f.messages[m.Input.Desc.ParentFile().Package().Append(want.Name())]
	return found, ok
}

func (f *finder) guessMetadata(m *method) (message, bool) {
	if found, ok := f.messages[f.own(protoreflect.FullName(m.Desc.Name()+"Metadata"))]; ok {
		return found, true
	}
	return empty(), true
}

func (f *finder) own(name protoreflect.FullName) protoreflect.FullName {
	return f.file.Desc.Package().Append(name.Name())
}

// written answers how operation_info names a message.
func (f *finder) written(m message) string {
	if m.name.Parent() == f.file.Desc.Package() {
		return string(m.name.Name())
	}
	return string(m.name)
}

// imports reports whether path is the file, or one that it imports, publicly
// through another too.
func (f *finder) imports(path string) bool {
	return path == f.file.Desc.Path() || imports(f.file.Desc, path, false)
}

func imports(file protoreflect.FileDescriptor, path string, publicOnly bool) bool {
	for i := range file.Imports().Len() {
		imported := file.Imports().Get(i)
		if publicOnly && !imported.IsPublic {
			continue
		}
		if imported.Path() == path || imports(imported, path, true) {
			return true
		}
	}
	return false
}

// warn tells where rpc stands, at its operation_info if it has one, what is
// wrong there, by which rule, and what to do.
func (f *finder) warn(rpc *protogen.Method, format string, args ...any) {
	const options, info = 4, 1049 // fields of MethodDescriptorProto and MethodOptions
	locations := f.file.Desc.SourceLocations()
	location := locations.ByPath(append(slices.Clone(rpc.Location.Path), options, info))
	if location.Path == nil {
		location = locations.ByPath(rpc.Location.Path)
	}
	where := f.file.Desc.Path()
	if location.Path != nil {
		where = fmt.Sprintf("%s:%d", where, location.StartLine+1)
	}
	_, _ = fmt.Fprintf(f.warnings, "%s: warning: %s: %s\n", where, rpc.Desc.FullName(), fmt.Sprintf(format, args...))
}
