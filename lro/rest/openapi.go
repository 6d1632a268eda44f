package rest

import (
	"encoding/json"
	"net/http"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

type object = map[string]any

// openAPI is the OpenAPI document of the routes. A name is one parameter, so
// clients made from it escape its slashes, as the handler accepts.
func openAPI(routes []*route) []byte {
	paths, s := object{}, schemas{}
	for _, rt := range routes {
		item, ok := paths[rt.path].(object)
		if !ok {
			item = object{}
			paths[rt.path] = item
		}
		item[strings.ToLower(rt.method)] = operation(rt, s)
	}
	s["Error"] = object{
		"description": "An error, as AIP-193 has it.",
		"type":        "object",
		"properties": object{"error": object{
			"type": "object",
			"properties": object{
				"code":    object{"type": "integer", "format": "int32", "description": "The HTTP code."},
				"message": object{"type": "string"},
				"status":  object{"type": "string", "description": "The name of the google.rpc.Code, such as NOT_FOUND."},
				"details": object{"type": "array", "items": s.of("google.protobuf.Any")},
			},
		}},
	}
	b, err := json.Marshal(object{
		"openapi": "3.0.3",
		"info": object{
			"title": "google.longrunning.Operations", "version": "v1",
			"description": "Gets, lists, cancels, deletes and waits for long-running operations (AIP-151).",
		},
		"paths":      paths,
		"components": object{"schemas": s},
	})
	if err != nil {
		panic(err) // not of strings and maps
	}
	return b
}

func operation(rt *route, s schemas) object {
	op := object{
		"operationId": rt.id,
		"tags":        []string{"Operations"},
		"summary":     "google.longrunning.Operations." + rt.rpc,
		"responses": object{
			"200":     object{"description": "OK", "content": jsonOf(s.message(rt.out.Descriptor()))},
			"default": object{"description": "The error", "content": jsonOf(object{"$ref": "#/components/schemas/Error"})},
		},
	}
	if params := parameters(rt, s); len(params) > 0 {
		op["parameters"] = params
	}
	if rt.method == http.MethodPost {
		op["requestBody"] = object{"required": false, "content": jsonOf(s.message(rt.in.Descriptor()))}
	}
	return op
}

func jsonOf(schema object) object { return object{"application/json": object{"schema": schema}} }

func parameters(rt *route, s schemas) []object {
	var params []object
	if strings.Contains(rt.path, "{name}") {
		text := "The operation: {parent}/operations/{id}, or operations/{id}."
		if rt.path == parentPath {
			text = "The parent, such as projects/p1."
		}
		params = append(params, object{
			"name": "name", "in": "path", "required": true, "description": text, "schema": object{"type": "string"},
		})
	}
	for field := range rt.query() {
		params = append(params, object{
			"name": field.JSONName(), "in": "query", "required": field.Name() == "name", "schema": s.field(field),
		})
	}
	return params
}

// schemas are the components that the document refers to, by name.
type schemas object

// of is the schema of a well-known type, by its full name; nil for any other.
func (schemas) of(name protoreflect.FullName) object {
	switch name {
	case "google.protobuf.Any":
		return object{
			"type": "object", "properties": object{"@type": object{"type": "string"}}, "additionalProperties": true,
		}
	case "google.protobuf.Duration":
		return object{"type": "string", "description": "Seconds, such as 1.500s."}
	case "google.protobuf.Empty":
		return object{"type": "object"}
	default:
		return nil
	}
}

func (s schemas) message(d protoreflect.MessageDescriptor) object {
	if known := s.of(d.FullName()); known != nil {
		return known
	}
	name := string(d.Name())
	if s[name] == nil {
		properties := object{}
		s[name] = object{"type": "object", "description": string(d.FullName()), "properties": properties}
		for i := range d.Fields().Len() {
			field := d.Fields().Get(i)
			properties[field.JSONName()] = s.field(field)
		}
	}
	return object{"$ref": "#/components/schemas/" + name}
}

func (s schemas) field(field protoreflect.FieldDescriptor) object {
	var schema object
	switch field.Kind() {
	case protoreflect.BoolKind:
		schema = object{"type": "boolean"}
	case protoreflect.Int32Kind:
		schema = object{"type": "integer", "format": "int32"}
	case protoreflect.MessageKind:
		schema = s.message(field.Message())
	default: // there are no others in these messages
		schema = object{"type": "string"}
	}
	if field.IsList() {
		return object{"type": "array", "items": schema}
	}
	return schema
}
