package main

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
)

const serverText = `
{{comment .Name "Method starts operations of the method " .RPC "."}}type {{.Name}}Method = {{.LRO}}.Method[*{{.Req}}, *{{.Res}}, *{{.Meta}}]

{{comment .Name "Task is what the handler of " .RPC " sees of its operation."}}type {{.Name}}Task = {{.LRO}}.Task[*{{.Meta}}]

{{comment "Handle" .Name " makes fn the handler of the method " .RPC "; see [" .LRO ".Handle], which also says when it panics. Leave MethodOptions.Name empty: it is set here, and any other panics." -}}
{{.Notes -}}
func Handle{{.Name}}({{local "m"}} *{{.LRO}}.Manager, {{local "fn"}} func({{.Context}}.Context, *{{.Name}}Task, *{{.Req}}) (*{{.Res}}, error), {{local "opts"}} *{{.LRO}}.MethodOptions) *{{.Name}}Method {
	return {{.LRO}}.Handle({{local "m"}}, {{local "fn"}}, {{.Named}}({{local "opts"}}, {{printf "%q" .FullMethod}}))
}

{{comment "Declare" .Name " makes the method " .RPC " known, which another process runs or, with MethodOptions.External, Complete and Fail end; see [" .LRO ".Declare]. Leave MethodOptions.Name empty, as for [Handle" .Name "]." -}}
{{.ShortNotes -}}
func Declare{{.Name}}({{local "m"}} *{{.LRO}}.Manager, {{local "opts"}} *{{.LRO}}.MethodOptions) *{{.Name}}Method {
	return {{.LRO}}.Declare[*{{.Req}}, *{{.Res}}, *{{.Meta}}]({{local "m"}}, {{.Named}}({{local "opts"}}, {{printf "%q" .FullMethod}}))
}`

// namedText is there once a file, under a name that no other file of the package has.
const namedText = `
{{comment .Named " answers a copy of opts for the method of that name." -}}
func {{.Named}}({{local "opts"}} *{{.LRO}}.MethodOptions, {{local "name"}} string) *{{.LRO}}.MethodOptions {
	var {{local "named"}} {{.LRO}}.MethodOptions
	if {{local "opts"}} != nil {
		{{local "named"}} = *{{local "opts"}}
	}
	if {{local "named"}}.Name != "" && {{local "named"}}.Name != {{local "name"}} {
		panic({{.Fmt}}.Sprintf("{{.Package}}: MethodOptions.Name is %q, and this is the method %q; leave Name empty, or use lro.Handle or lro.Declare", {{local "named"}}.Name, {{local "name"}}))
	}
	{{local "named"}}.Name = {{local "name"}}
	return &{{local "named"}}
}`

// generateServer generates what servers of a file's methods use.
func generateServer(gen *protogen.Plugin, file *protogen.File, methods []*method) error {
	methods = slices.DeleteFunc(slices.Clone(methods), func(m *method) bool { return m.partial })
	if len(methods) == 0 {
		return nil
	}
	o := newOutput(gen, file, "lro", "registers the methods of "+file.Desc.Path()+" that return operations.")
	named := "named" + strings.TrimPrefix(file.GoDescriptorIdent.GoName, "File")
	for _, m := range methods {
		err := o.execute(serverText, map[string]string{
			"Name":       m.name,
			"RPC":        string(m.Desc.FullName()),
			"FullMethod": fmt.Sprintf("/%s/%s", m.Parent.Desc.FullName(), m.Desc.Name()),
			"Notes":      notes(m, true),
			"ShortNotes": notes(m, false),
			"Named":      named,
			"Context":    o.alias(contextPackage),
			"LRO":        o.alias(lroPackage),
			"Req":        o.ident(m.Input.GoIdent),
			"Res":        o.ident(m.response.ident),
			"Meta":       o.ident(m.metadata.ident),
		})
		if err != nil {
			return err
		}
	}
	return o.execute(namedText, map[string]string{
		"Named":   named,
		"Package": o.pkg,
		"Fmt":     o.alias(fmtPackage),
		"LRO":     o.alias(lroPackage),
	})
}
