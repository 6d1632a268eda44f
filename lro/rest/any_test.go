package rest_test

import (
	"strings"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/longrunning-go/longrunning/lro/rest"
)

// supplied are types that no test links: of a message that holds Anys, in a list
// and in a map.
func supplied(t *testing.T) (*dynamicpb.Types, protoreflect.MessageDescriptor) {
	t.Helper()
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: new("supplied.proto"), Package: new("supplied"), Syntax: new("proto3"), Dependency: []string{"google/protobuf/any.proto"},
		MessageType: []*descriptorpb.DescriptorProto{{Name: new("Box"), Field: []*descriptorpb.FieldDescriptorProto{
			{Name: new("text"), Number: new(int32(1)), Type: descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(), JsonName: new("text")},
			{
				Name: new("in"), Number: new(int32(2)), Type: descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(), TypeName: new(".google.protobuf.Any"),
				Label: descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum(), JsonName: new("in"),
			},
			{
				Name: new("by"), Number: new(int32(3)), Type: descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(), TypeName: new(".supplied.Box.ByEntry"),
				Label: descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum(), JsonName: new("by"),
			},
		}, NestedType: []*descriptorpb.DescriptorProto{{
			Name: new("ByEntry"), Options: &descriptorpb.MessageOptions{MapEntry: new(true)}, Field: []*descriptorpb.FieldDescriptorProto{
				{Name: new("key"), Number: new(int32(1)), Type: descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(), JsonName: new("key")},
				{Name: new("value"), Number: new(int32(2)), Type: descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(), TypeName: new(".google.protobuf.Any"), JsonName: new("value")},
			},
		}}}},
	}, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	files := new(protoregistry.Files)
	if err := files.RegisterFile(file); err != nil {
		t.Fatal(err)
	}
	return dynamicpb.NewTypes(files), file.Messages().ByName("Box")
}

// Types that the program does not link come from the Resolver, in operations and
// in errors; what it does not know is hidden wherever it stands.
func TestResolver(t *testing.T) {
	t.Parallel()
	types, box := supplied(t)
	inner := dynamicpb.NewMessage(box)
	inner.Set(box.Fields().ByName("text"), protoreflect.ValueOfString("Emma"))
	outer := dynamicpb.NewMessage(box)
	in := outer.Mutable(box.Fields().ByName("in")).List()
	for _, a := range []*anypb.Any{pack(t, inner), unlinked()} {
		in.Append(protoreflect.ValueOfMessage(a.ProtoReflect()))
	}
	by := outer.Mutable(box.Fields().ByName("by")).Map()
	by.Set(protoreflect.ValueOfString("a").MapKey(), protoreflect.ValueOfMessage(unlinked().ProtoReflect()))
	by.Set(protoreflect.ValueOfString("b").MapKey(), protoreflect.ValueOfMessage(pack(t, inner).ProtoReflect()))
	response := pack(t, outer)
	h := rest.NewHandler(&recorder{op: op(nil, response)}, &rest.Options{Resolver: types})
	const innerJSON = `{"@type":"type.googleapis.com/supplied.Box","text":"Emma"}`
	want := `{"name":"operations/x","done":true,"response":{"@type":"type.googleapis.com/supplied.Box","in":[` + innerJSON + `,` + unlinkedJSON + `],"by":{"a":` + unlinkedJSON + `,"b":` + innerJSON + `}}}`
	if got := call(t, h, "GET", "/v1/operations/x", "").compact(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	st := status.FromProto(&spb.Status{Code: 9, Message: "no", Details: []*anypb.Any{pack(t, inner)}})
	h = rest.NewHandler(&recorder{err: st.Err()}, &rest.Options{Resolver: types})
	if got := call(t, h, "GET", "/v1/operations/x", "").compact(); !strings.Contains(got, `"details":[`+innerJSON+`]`) {
		t.Errorf("a detail: got %s, want %s in it", got, innerJSON)
	}
}

// nested is an Any with an Any in it and so on, n in all. The innermost is empty.
func nested(t *testing.T, n int) *anypb.Any {
	t.Helper()
	a := new(anypb.Any)
	for range n {
		a = pack(t, a)
	}
	return a
}

// A counter is a Resolver that counts what it is asked.
type counter struct {
	rest.Resolver
	asked int
}

func (c *counter) FindMessageByURL(url string) (protoreflect.MessageType, error) {
	c.asked++
	return c.Resolver.FindMessageByURL(url)
}

// Each Any reads all that is in it, so Anys in Anys cost the square of their size
// if all are opened. The number that is opened does not grow with their depth.
func TestDeepAny(t *testing.T) {
	t.Parallel()
	asked := map[int]int{}
	for _, depth := range []int{100, 3000} {
		deep := nested(t, depth)
		types := &counter{Resolver: protoregistry.GlobalTypes}
		h := rest.NewHandler(&recorder{op: op(deep, deep)}, &rest.Options{Resolver: types})
		if a := call(t, h, "GET", "/v1/operations/x", ""); a.Code != 200 {
			t.Errorf("%d Anys in each other: got %d %s, want 200", depth, a.Code, a.Body)
		}
		asked[depth] = types.asked
	}
	if asked[100] != asked[3000] {
		t.Errorf("types looked up: got %d for 100 Anys in each other and %d for 3000, want the same", asked[100], asked[3000])
	}
	// In a list the bound is that of each operation.
	many := make([]*longrunningpb.Operation, 100)
	for i := range many {
		many[i] = op(nested(t, 1), nil)
	}
	counts := map[int]int{}
	for _, depth := range []int{100, 3000} {
		types := &counter{Resolver: protoregistry.GlobalTypes}
		many[0] = op(nested(t, depth), nil)
		call(t, rest.NewHandler(&recorder{list: &longrunningpb.ListOperationsResponse{Operations: many}}, &rest.Options{Resolver: types}), "GET", "/v1/operations", "")
		counts[depth] = types.asked
	}
	if counts[100] != counts[3000] || counts[100] > asked[100]+len(many) {
		t.Errorf("types looked up in a list of %d: got %d and %d, want the same, and at most %d more than for the deep one", len(many), counts[100], counts[3000], len(many))
	}
}

// Up to 32 Anys in each other are written, and so is any number beside each other.
func TestDepth(t *testing.T) {
	t.Parallel()
	for n, hidden := range map[int]bool{31: false, 32: false, 33: true} {
		for what, h := range map[string]*recorder{
			"alone":            {op: op(nested(t, n), nil)},
			"beside a bad one": {op: op(nested(t, n), unlinked())},
			"beside itself":    {op: op(nested(t, n), nested(t, n))},
		} {
			a := call(t, rest.NewHandler(h, nil), "GET", "/v1/operations/x", "")
			metadata := a.body["metadata"]
			for range n - 1 {
				m, _ := metadata.(map[string]any)
				metadata = m["value"]
			}
			_, shown := metadata.(map[string]any)
			m, _ := metadata.(map[string]any)
			if _, bytes := m["value"].(string); !shown || bytes != hidden {
				t.Errorf("the innermost of %d Anys in each other, %s: got %v, want it hidden: %t", n, what, metadata, hidden)
			}
		}
	}
	wide := &spb.Status{}
	for range 100 {
		wide.Details = append(wide.Details, nested(t, 1))
	}
	a := call(t, rest.NewHandler(&recorder{op: op(pack(t, wide), nil)}, nil), "GET", "/v1/operations/x", "")
	if got := strings.Count(a.compact(), `{"@type":"type.googleapis.com/google.protobuf.Any","value":{}}`); got != 100 {
		t.Errorf("100 Anys beside each other: got %d of them, want all", got)
	}
}

// deep is an Any whose JSON is nested 2n+1 deep.
func deep(t *testing.T, n int) *anypb.Any {
	t.Helper()
	d := new(descriptorpb.DescriptorProto)
	for range n {
		d = &descriptorpb.DescriptorProto{NestedType: []*descriptorpb.DescriptorProto{d}}
	}
	return pack(t, d)
}

// What is nested so deep that readers of JSON refuse it is hidden alone, so it
// costs neither its list nor its error anything.
func TestDeepMessage(t *testing.T) {
	t.Parallel()
	wide := &descriptorpb.DescriptorProto{}
	for range 20_000 {
		wide.NestedType = append(wide.NestedType, new(descriptorpb.DescriptorProto))
	}
	for what, tt := range map[string]struct {
		any    *anypb.Any
		hidden bool
	}{
		"9,800 deep": {deep(t, 4900), false}, "9,997 deep, but with what is around it": {deep(t, 4998), true}, "12,000 deep": {deep(t, 6000), true}, "wide": {pack(t, wide), false},
		"9,800 deep, in an Any": {pack(t, deep(t, 4900)), false},
	} {
		failed := &longrunningpb.Operation{Name: "operations/y", Done: true, Result: &longrunningpb.Operation_Error{
			Error: &spb.Status{Code: 9, Message: "no", Details: []*anypb.Any{tt.any}},
		}}
		list := &longrunningpb.ListOperationsResponse{Operations: []*longrunningpb.Operation{op(tt.any, pack(t, &spb.Status{Code: 5})), failed}}
		st := status.FromProto(failed.GetError())
		for where, h := range map[string]*recorder{"/v1/operations/x": {op: list.Operations[0]}, "/v1/operations": {list: list}, "/v1/operations/y": {err: st.Err()}} {
			a := call(t, rest.NewHandler(h, nil), "GET", where, "") // which reads the answer
			if code := map[bool]int{true: 400, false: 200}[h.err != nil]; a.Code != code {
				t.Errorf("%s, %s: got %d %.200s, want %d", what, where, a.Code, a.Body, code)
			}
			if got := strings.Contains(a.compact(), `DescriptorProto","value":"`); got != tt.hidden {
				t.Errorf("%s, %s: got it hidden: %t, want %t", what, where, got, tt.hidden)
			}
			if h.err == nil && !strings.Contains(a.compact(), `{"@type":"type.googleapis.com/google.rpc.Status","code":5}`) {
				t.Errorf("%s, %s: got %.200s, want the Any beside it as it is", what, where, a.Body)
			}
		}
	}
}
