package main

import "google.golang.org/protobuf/compiler/protogen"

const pollerText = `
{{comment .Name " calls the method " .RPC " and answers the poller that follows its operation. Ops is the Operations service of the same server, as longrunningpb.NewOperationsClient(conn) answers it. The error is that of the call; the poller says what becomes of the operation. See [" .Poller ".New] for the options, and for when it panics." -}}
{{.Notes -}}
func {{.Name}}({{local "ctx"}} {{.Context}}.Context, {{local "client"}} {{.Client}}, {{local "ops"}} {{.Poller}}.Client, {{local "req"}} *{{.Req}}, {{local "opts"}} *{{.Poller}}.Options, {{local "callOpts"}} ...{{.GRPC}}.CallOption) (*{{.Poller}}.Poller[*{{.Res}}], error) {
	{{local "op"}}, {{local "err"}} := {{local "client"}}.{{.GoName}}({{local "ctx"}}, {{local "req"}}, {{local "callOpts"}}...)
	if {{local "err"}} != nil {
		return nil, {{local "err"}}
	}
	return {{.Poller}}.New[*{{.Res}}]({{local "ops"}}, {{local "op"}}, {{local "opts"}}), nil
}

{{comment "Resume" .Name " follows the operation of that name, which [" .Name "] started in this program or in another. It calls nothing yet. See [" .Poller ".Resume]." -}}
{{.ShortNotes -}}
func Resume{{.Name}}({{local "ops"}} {{.Poller}}.Client, {{local "name"}} string, {{local "opts"}} *{{.Poller}}.Options) *{{.Poller}}.Poller[*{{.Res}}] {
	return {{.Poller}}.Resume[*{{.Res}}]({{local "ops"}}, {{local "name"}}, {{local "opts"}})
}
{{- if .Meta}}

{{comment .Name "Metadata answers the metadata of an operation that [" .Name "] started, such as its progress. See [" .Poller ".Metadata]." -}}
{{.ShortNotes -}}
func {{.Name}}Metadata({{local "op"}} *{{.Operation}}) (*{{.Meta}}, error) {
	return {{.Poller}}.Metadata[*{{.Meta}}]({{local "op"}})
}
{{- end}}`

// generatePoller generates what clients of a file's methods use.
func generatePoller(gen *protogen.Plugin, file *protogen.File, methods []*method) error {
	if len(methods) == 0 {
		return nil
	}
	o := newOutput(gen, file, "poller", "starts the operations of "+file.Desc.Path()+" and follows them.")
	for _, m := range methods {
		data := map[string]string{
			"Name":       m.name,
			"RPC":        string(m.Desc.FullName()),
			"GoName":     m.GoName,
			"Notes":      notes(m, true),
			"ShortNotes": notes(m, false),
			"Context":    o.alias(contextPackage),
			"GRPC":       o.alias(grpcPackage),
			"Poller":     o.alias(pollerPackage),
			"Client":     o.ident(m.file.GoImportPath.Ident(m.Parent.GoName + "Client")), // of protoc-gen-go-grpc
			"Req":        o.ident(m.Input.GoIdent),
			"Res":        o.ident(m.response.ident),
		}
		if m.hasMetadata() {
			data["Meta"] = o.ident(m.metadata.ident)
			data["Operation"] = o.ident(m.Output.GoIdent)
		}
		if err := o.execute(pollerText, data); err != nil {
			return err
		}
	}
	return nil
}
