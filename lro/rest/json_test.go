package rest_test

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro/rest"
)

// unlinked is an Any of a type that no test links.
func unlinked() *anypb.Any {
	return &anypb.Any{TypeUrl: "type.googleapis.com/not.linked.Type", Value: []byte{0, 1, 255}}
}

const unlinkedJSON = `{"@type":"type.googleapis.com/not.linked.Type","value":"AAH/"}`

func pack(t *testing.T, msg proto.Message) *anypb.Any {
	t.Helper()
	a, err := anypb.New(msg)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// An Any that cannot be written fails nothing: it is shown by its type and the
// base64 of its bytes, wherever it stands, and all else as it is.
func TestUnwritable(t *testing.T) {
	t.Parallel()
	printed := pack(t, &testpb.PrintResponse{Text: "Emma"})
	const printedJSON = `{"@type":"type.googleapis.com/lro.test.v1.PrintResponse","text":"Emma"}`
	corrupt := &anypb.Any{TypeUrl: printed.GetTypeUrl(), Value: []byte{10, 200}}
	const corruptJSON = `{"@type":"type.googleapis.com/lro.test.v1.PrintResponse","value":"Csg="}`
	deep := unlinked()
	for range 1000 {
		deep = pack(t, deep)
	}
	for _, tt := range []struct {
		name string
		op   *longrunningpb.Operation
		want string // "" for all that is valid JSON
	}{
		{"metadata", op(unlinked(), printed), `{"name":"operations/x","metadata":` + unlinkedJSON + `,"done":true,"response":` + printedJSON + `}`},
		{"response", op(printed, unlinked()), `{"name":"operations/x","metadata":` + printedJSON + `,"done":true,"response":` + unlinkedJSON + `}`},
		{
			"details",
			&longrunningpb.Operation{Name: "operations/x", Done: true, Result: &longrunningpb.Operation_Error{
				Error: &spb.Status{Code: 9, Message: "no", Details: []*anypb.Any{printed, unlinked()}},
			}},
			`{"name":"operations/x","done":true,"error":{"code":9,"message":"no","details":[` + printedJSON + `,` + unlinkedJSON + `]}}`,
		},
		{
			"in a linked message", op(pack(t, &spb.Status{Code: 5, Details: []*anypb.Any{unlinked(), printed}}), printed),
			`{"name":"operations/x","metadata":{"@type":"type.googleapis.com/google.rpc.Status","code":5,"details":[` + unlinkedJSON + `,` + printedJSON + `]},"done":true,"response":` + printedJSON + `}`,
		},
		{
			"in an Any", op(nil, pack(t, unlinked())),
			`{"name":"operations/x","done":true,"response":{"@type":"type.googleapis.com/google.protobuf.Any","value":` + unlinkedJSON + `}}`,
		},
		{"bytes that are no such message", op(unlinked(), corrupt), `{"name":"operations/x","metadata":` + unlinkedJSON + `,"done":true,"response":` + corruptJSON + `}`},
		{
			"no type", op(&anypb.Any{Value: []byte{1}}, printed),
			`{"name":"operations/x","metadata":{"@type":"type.googleapis.com/google.protobuf.BytesValue","value":"AQ=="},"done":true,"response":` + printedJSON + `}`,
		},
		{
			"a time that JSON cannot say", op(nil, pack(t, &timestamppb.Timestamp{Seconds: math.MaxInt64})),
			`{"name":"operations/x","done":true,"response":{"@type":"type.googleapis.com/google.protobuf.Timestamp","value":"CP//////////fw=="}}`,
		},
		{
			"a number that JSON cannot say", op(nil, pack(t, structpb.NewNumberValue(math.NaN()))),
			`{"name":"operations/x","done":true,"response":{"@type":"type.googleapis.com/google.protobuf.Value","value":"EQEAAAAAAPh/"}}`,
		},
		{"a good one beside a bad one of its type", op(corrupt, printed), `{"name":"operations/x","metadata":` + corruptJSON + `,"done":true,"response":` + printedJSON + `}`},
		{
			"the same in a message", op(nil, pack(t, &spb.Status{Details: []*anypb.Any{printed, corrupt, pack(t, &spb.Status{Details: []*anypb.Any{corrupt, printed}})}})),
			`{"name":"operations/x","done":true,"response":{"@type":"type.googleapis.com/google.rpc.Status","details":[` + printedJSON + `,` + corruptJSON + `,` +
				`{"@type":"type.googleapis.com/google.rpc.Status","details":[` + corruptJSON + `,` + printedJSON + `]}]}}`,
		},
		{"empty ones", op(new(anypb.Any), corrupt), `{"name":"operations/x","metadata":{},"done":true,"response":` + corruptJSON + `}`},
		{"a type URL that is no text", op(&anypb.Any{TypeUrl: "x/\xff"}, nil), ""},
		{"very deep", op(deep, nil), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			before := proto.CloneOf(tt.op)
			a := call(t, rest.NewHandler(&recorder{op: tt.op}, nil), "GET", "/v1/operations/x", "")
			if got := a.compact(); a.Code != 200 || tt.want != "" && got != tt.want {
				t.Errorf("got  %d %s\nwant 200 %s", a.Code, got, tt.want)
			}
			if !proto.Equal(tt.op, before) {
				t.Errorf("the server's message is %v afterwards, want it untouched", tt.op)
			}
			list := &longrunningpb.ListOperationsResponse{
				Operations: []*longrunningpb.Operation{op(printed, corrupt), tt.op, op(printed, printed)}, NextPageToken: "more",
			}
			page := call(t, rest.NewHandler(&recorder{list: list}, nil), "GET", "/v1/operations", "")
			got := page.compact()
			for _, want := range []string{tt.want, `"metadata":` + printedJSON + `,"done":true,"response":` + printedJSON, `"nextPageToken":"more"`} {
				if page.Code != 200 || !strings.Contains(got, want) {
					t.Errorf("in a list: got %d %s, want 200 and %s", page.Code, got, want)
				}
			}
		})
	}
}

func op(metadata, response *anypb.Any) *longrunningpb.Operation {
	o := &longrunningpb.Operation{Name: "operations/x", Metadata: metadata, Done: response != nil}
	if response != nil {
		o.Result = &longrunningpb.Operation_Response{Response: response}
	}
	return o
}

// Everything else is protobuf's JSON, and a client reads back what was sent.
func TestProtobufJSON(t *testing.T) {
	t.Parallel()
	want := op(pack(t, &testpb.PrintMetadata{PagesDone: 1 << 60, Stage: "<ink>"}), pack(t, &emptypb.Empty{}))
	a := call(t, rest.NewHandler(&recorder{op: want}, nil), "GET", "/v1/operations/x", "")
	got := new(longrunningpb.Operation)
	if err := protojson.Unmarshal(a.Body.Bytes(), got); err != nil || !proto.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	for target, h := range map[string]*recorder{
		"GET /v1/operations":           {list: new(longrunningpb.ListOperationsResponse)},
		"DELETE /v1/operations/x":      {},
		"POST /v1/operations/x:cancel": {},
		"GET /v1/operations/x":         {}, // a server that answers nothing at all
	} {
		method, path := split(target)
		if got := call(t, rest.NewHandler(h, nil), method, path, "").compact(); got != "{}" {
			t.Errorf("%s: got %s, want {}", target, got)
		}
	}
}

// Google's Go client asks for the numbers of enums, and gets them in operations,
// in what stands beside a hidden Any, and in errors. All others get names.
func TestEnumNumbers(t *testing.T) {
	t.Parallel()
	field := pack(t, &descriptorpb.FieldDescriptorProto{Type: descriptorpb.FieldDescriptorProto_TYPE_BOOL.Enum()})
	servers := map[string]*recorder{
		"an operation":        {op: op(field, nil)},
		"beside a hidden Any": {op: op(field, unlinked())},
		"a list":              {list: &longrunningpb.ListOperationsResponse{Operations: []*longrunningpb.Operation{op(field, nil)}}},
		"an error":            {err: status.FromProto(&spb.Status{Code: 9, Message: "no", Details: []*anypb.Any{field}}).Err()},
	}
	for query, want := range map[string]string{
		"": `"TYPE_BOOL"`, "?alt=json": `"TYPE_BOOL"`, "?$alt=json": `"TYPE_BOOL"`, "?alt=json&fields=json;enum-encoding=int": `"TYPE_BOOL"`,
		"?$alt=json;enum-encoding=int": `8`, "?%24alt=json%3Benum-encoding%3Dint": `8`, "?alt=json;enum-encoding=int": `8`,
	} {
		for what, s := range servers {
			target := "/v1/operations/x"
			if s.list != nil {
				target = "/v1/operations"
			}
			if got := call(t, rest.NewHandler(s, nil), "GET", target+query, "").compact(); !strings.Contains(got, `"type":`+want+`}`) {
				t.Errorf("%s with the query %q: got %s, want the enum as %s", what, query, got, want)
			}
		}
	}
}

// HEAD says how long the body of GET is (RFC 9110, 9.3.2). protojson varies its
// white space, but not within a process.
func TestHead(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"/v1/operations/x", "/v1/operations", "/openapi.json", "/nothing"} {
		h := rest.NewHandler(&recorder{op: op(pack(t, &testpb.PrintMetadata{PagesDone: 7}), nil)}, nil)
		get, head := call(t, h, "GET", target, ""), call(t, h, "HEAD", target, "")
		want := strconv.Itoa(get.Body.Len())
		if got := head.Header().Get("Content-Length"); head.Code != get.Code || got != want || get.Header().Get("Content-Length") != want {
			t.Errorf("%s: HEAD answers %d and the length %q, GET %d and %q, with %s bytes; want the same", target,
				head.Code, got, get.Code, get.Header().Get("Content-Length"), want)
		}
	}
}

// What cannot be written at all is an error, and says nothing of what it was.
func TestUnwritableOperation(t *testing.T) {
	t.Parallel()
	for target, h := range map[string]*recorder{
		"/v1/operations/x": {op: &longrunningpb.Operation{Name: "secret \xff"}},
		"/v1/operations":   {list: &longrunningpb.ListOperationsResponse{NextPageToken: "secret \xff"}},
		"/v1/p/operations": {list: &longrunningpb.ListOperationsResponse{Operations: []*longrunningpb.Operation{{Name: "secret \xff"}}}},
	} {
		a := call(t, rest.NewHandler(h, nil), "GET", target, "")
		a.want(t, target, 500, "INTERNAL", "INTERNAL", "")
		if strings.Contains(a.Body.String(), "secret") {
			t.Errorf("%s: got %s, want nothing of the answer in it", target, a.Body)
		}
	}
}
