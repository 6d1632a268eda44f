package rest_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/longrunning-go/longrunning/lro/rest"
)

// A document is what these tests read of an OpenAPI document.
type document struct {
	OpenAPI    string
	Info       struct{ Title, Version string }
	Paths      map[string]map[string]documented
	Components struct{ Schemas map[string]any }
}

type documented struct {
	OperationID string
	Parameters  []struct {
		Name, In string
		Schema   struct{ Type string }
	}
	RequestBody *struct{ Content map[string]any }
	Responses   map[string]struct {
		Description string
		Content     map[string]any
	}
}

func describe(t *testing.T) (*document, string) {
	t.Helper()
	a := call(t, rest.NewHandler(new(recorder), nil), "GET", "/openapi.json", "")
	doc := new(document)
	if err := json.Unmarshal(a.Body.Bytes(), doc); err != nil {
		t.Fatal(err)
	}
	return doc, a.Body.String()
}

// The document has every route and no other, and what it says of each is so: a
// client that is made from it, which escapes a name as one parameter, gets
// through with all parameters that it knows.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	doc, _ := describe(t)
	want := map[string]string{ // the table in the package's doc
		"GET /v1/operations": "*longrunningpb.ListOperationsRequest", "GET /v1/{name}/operations": "*longrunningpb.ListOperationsRequest",
		"GET /v1/{name}": "*longrunningpb.GetOperationRequest", "DELETE /v1/{name}": "*longrunningpb.DeleteOperationRequest",
		"POST /v1/{name}:cancel": "*longrunningpb.CancelOperationRequest", "POST /v1/{name}:wait": "*longrunningpb.WaitOperationRequest",
		"GET /": "*longrunningpb.WaitOperationRequest",
	}
	ids := map[string]bool{}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			what := strings.ToUpper(method) + " " + path
			if want[what] == "" {
				t.Errorf("%s: documented, and no route", what)
			}
			ids[op.OperationID] = true
			name := "projects/p1/operations/x"
			if strings.HasSuffix(path, "}/operations") {
				name = "projects/p1"
			}
			target, body, query := path, "", url.Values{}
			for _, p := range op.Parameters {
				value := map[string]string{"string": "x", "integer": "3", "boolean": "false"}[p.Schema.Type]
				switch {
				case p.In == "path":
					target = strings.ReplaceAll(target, "{"+p.Name+"}", url.PathEscape(name))
				case p.Name == "timeout":
					query.Set(p.Name, "1.500s")
				case p.Name == "name":
					query.Set(p.Name, name)
				default:
					query.Set(p.Name, value)
				}
			}
			if op.RequestBody != nil {
				body = "{}"
			}
			rec := new(recorder)
			a := call(t, rest.NewHandler(rec, nil), strings.ToUpper(method), target+"?"+query.Encode(), body)
			if got := typeName(rec.got); a.Code != http.StatusOK || got != want[what] {
				t.Errorf("%s, called as it is documented: got %d %s and a %s, want 200 and a %s", what, a.Code, a.Body, got, want[what])
			}
			if got := nameOf(rec.got); path != "/v1/operations" && got != name {
				t.Errorf("%s, called as it is documented: the server saw the name %q, want %q", what, got, name)
			}
			if op.Responses["200"].Content["application/json"] == nil || op.Responses["default"].Content["application/json"] == nil {
				t.Errorf("%s: got the responses %v, want 200 and default", what, op.Responses)
			}
			delete(want, what)
		}
	}
	if len(want) > 0 {
		t.Errorf("not documented: %q", slices.Collect(maps.Keys(want)))
	}
	if len(ids) != 7 || ids[""] {
		t.Errorf("operation ids: got %v, want one for each route", ids)
	}
}

// OpenAPI demands a version, a title, and that references lead somewhere.
func TestOpenAPIDocument(t *testing.T) {
	t.Parallel()
	doc, text := describe(t)
	if doc.OpenAPI != "3.0.3" || doc.Info.Title == "" || doc.Info.Version == "" {
		t.Errorf("got version %q, title %q, API version %q, want all three", doc.OpenAPI, doc.Info.Title, doc.Info.Version)
	}
	parts := strings.Split(text, `"$ref":"`)
	if len(parts) < 5 {
		t.Errorf("got %d references, want those to Operation, Status and the requests", len(parts)-1)
	}
	for _, part := range parts[1:] {
		ref, _, _ := strings.Cut(part, `"`)
		name, ok := strings.CutPrefix(ref, "#/components/schemas/")
		if !ok || doc.Components.Schemas[name] == nil {
			t.Errorf("reference %s leads nowhere", ref)
		}
	}
	for _, name := range []string{"Operation", "ListOperationsResponse", "Status", "Error"} {
		if doc.Components.Schemas[name] == nil {
			t.Errorf("schemas: got %q, want %s among them", slices.Sorted(maps.Keys(doc.Components.Schemas)), name)
		}
	}
}
