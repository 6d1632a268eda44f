package rest_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/longrunning-go/longrunning/lro/rest"
)

// supplied are types that no test links: of a message that holds Anys.
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
		}}},
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
	response := pack(t, outer)
	h := rest.NewHandler(&recorder{op: op(nil, response)}, &rest.Options{Resolver: types})
	const innerJSON = `{"@type":"type.googleapis.com/supplied.Box","text":"Emma"}`
	want := `{"name":"operations/x","done":true,"response":{"@type":"type.googleapis.com/supplied.Box","in":[` + innerJSON + `,` + unlinkedJSON + `]}}`
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

// deepMessage has JSON that is nested 12,000 deep; encoding/json reads 10,000.
func deepMessage(t *testing.T) *anypb.Any {
	t.Helper()
	d := new(descriptorpb.DescriptorProto)
	for range 6000 {
		d = &descriptorpb.DescriptorProto{NestedType: []*descriptorpb.DescriptorProto{d}}
	}
	return pack(t, d)
}

// A list holds what Get answers, however deep.
func TestDeepMessageInList(t *testing.T) {
	t.Parallel()
	want := &longrunningpb.ListOperationsResponse{
		Operations: []*longrunningpb.Operation{op(nil, deepMessage(t)), op(pack(t, &spb.Status{Code: 5, Message: "gone"}), nil)}, NextPageToken: "more",
	}
	for _, bad := range []bool{false, true} {
		list := proto.CloneOf(want)
		if bad {
			list.Operations[1].Metadata = unlinked()
		}
		w := httptest.NewRecorder()
		rest.NewHandler(&recorder{list: list}, nil).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/v1/operations", nil))
		if w.Code != 200 {
			t.Errorf("a list with a deep message: got %d %.200s, want 200", w.Code, w.Body)
			continue
		}
		if bad {
			if !strings.Contains(w.Body.String(), unlinkedJSON) {
				t.Errorf("a list with a deep message: got %d bytes without the hidden Any, want it in them", w.Body.Len())
			}
			continue
		}
		got := new(longrunningpb.ListOperationsResponse)
		if err := (protojson.UnmarshalOptions{RecursionLimit: 100_000}).Unmarshal(w.Body.Bytes(), got); err != nil || !proto.Equal(got, want) {
			t.Errorf("a list with a deep message: got another list (%v), want the one that was sent", err)
		}
	}
}

// An error keeps its code, status and message whatever its details are: those
// that readers of JSON refuse are left out.
func TestDeepDetail(t *testing.T) {
	t.Parallel()
	st := status.FromProto(&spb.Status{Code: 9, Message: "no", Details: []*anypb.Any{deepMessage(t)}})
	a := call(t, rest.NewHandler(&recorder{err: st.Err()}, nil), "GET", "/v1/operations/x", "")
	want := fmt.Sprintf(`{"error":{"code":%d,"message":"no","status":"FAILED_PRECONDITION"}}`, a.Code)
	if got := a.compact(); a.Code != 400 || got != want {
		t.Errorf("got %d %.200s, want 400 %s", a.Code, got, want)
	}
}
