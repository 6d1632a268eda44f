package lro_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// panicOf answers the text that f panics with, "" if it does not.
func panicOf(f func()) (text string) {
	defer func() {
		if v := recover(); v != nil {
			text = fmt.Sprint(v)
		}
	}()
	f()
	return ""
}

// handle registers a handler that answers an empty response.
func handle[Req, Res, Meta proto.Message](opts *lro.MethodOptions) func(*lro.Manager) {
	return func(m *lro.Manager) {
		lro.Handle(m, func(context.Context, *lro.Task[Meta], Req) (Res, error) {
			var res Res
			return res.ProtoReflect().New().Interface().(Res), nil
		}, opts)
	}
}

func declare[Req, Res, Meta proto.Message](opts *lro.MethodOptions) func(*lro.Manager) {
	return func(m *lro.Manager) { lro.Declare[Req, Res, Meta](m, opts) }
}

// TestTypes: types that the proto or the convention allows are taken.
func TestTypes(t *testing.T) {
	t.Parallel()
	for name, register := range map[string]func(*lro.Manager){
		"as operation_info says":                 handle[*testpb.PrintRequest, *testpb.PrintResponse, *testpb.PrintMetadata](nil),
		"Declare":                                declare[*testpb.PrintRequest, *testpb.PrintResponse, *testpb.PrintMetadata](nil),
		"Declare External":                       declare[*testpb.PrintRequest, *testpb.PrintResponse, *testpb.PrintMetadata](&lro.MethodOptions{External: true}),
		"Create answers the resource":            handle[*testpb.CreateBookRequest, *testpb.Book, *emptypb.Empty](nil),
		"Delete answers Empty":                   handle[*testpb.DeleteBookRequest, *emptypb.Empty, *emptypb.Empty](nil),
		"a custom method answers XxxResponse":    handle[*testpb.BindRequest, *testpb.BindResponse, *testpb.BindMetadata](nil),
		"Update of no resource, XxxResponse":     handle[*testpb.UpdateAllRequest, *testpb.UpdateAllResponse, *emptypb.Empty](nil),
		"AnyResponse lifts the convention":       handle[*testpb.BindRequest, *testpb.Book, *testpb.BindMetadata](&lro.MethodOptions{AnyResponse: true}),
		"Name tells RPCs of one request apart":   handle[*testpb.SharedRequest, *testpb.SharedResponse, *emptypb.Empty](&lro.MethodOptions{Name: testpb.Library_Move_FullMethodName}),
		"Name of an RPC that is not linked":      handle[*testpb.ScanRequest, *testpb.ScanResponse, *emptypb.Empty](&lro.MethodOptions{Name: "/elsewhere.Press/Scan"}),
		"Get of an RPC not linked, the resource": handle[*testpb.ScanRequest, *testpb.Book, *emptypb.Empty](&lro.MethodOptions{Name: "/elsewhere.Press/GetBook"}),
		"negative Timeout, none":                 handle[*testpb.BindRequest, *testpb.BindResponse, *testpb.BindMetadata](&lro.MethodOptions{Timeout: -1}),
	} {
		m, err := lro.New(memstore.New(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := panicOf(func() { register(m) }); got != "" {
			t.Errorf("%s: panic %q; want none", name, got)
		}
	}
}

// TestTypesContradict: registering types that contradict the proto or the
// convention panics with the message that says what to write.
func TestTypesContradict(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		register func(*lro.Manager)
		want     string
	}{
		{
			"response against operation_info",
			handle[*testpb.PrintRequest, *testpb.BindResponse, *testpb.PrintMetadata](nil),
			`lro: Handle: google.longrunning.operation_info of /lro.test.v1.Library/Print says response_type "PrintResponse", ` +
				`and Res is lro.test.v1.BindResponse; make Res *PrintResponse, or correct the proto`,
		}, {
			"response against the naming convention",
			handle[*testpb.BindRequest, *testpb.PrintResponse, *testpb.BindMetadata](nil),
			`lro: Handle: by the naming convention of google.longrunning /lro.test.v1.Library/Bind answers BindResponse, ` +
				`and Res is lro.test.v1.PrintResponse; make Res *BindResponse, add operation_info to the proto, or set MethodOptions.AnyResponse`,
		}, {
			"metadata against operation_info",
			handle[*testpb.PrintRequest, *testpb.PrintResponse, *emptypb.Empty](nil),
			`lro: Handle: google.longrunning.operation_info of /lro.test.v1.Library/Print says metadata_type "PrintMetadata", ` +
				`and Meta is google.protobuf.Empty; make Meta *PrintMetadata, or correct the proto`,
		}, {
			"AnyResponse does not lift operation_info",
			handle[*testpb.PrintRequest, *testpb.BindResponse, *testpb.PrintMetadata](&lro.MethodOptions{AnyResponse: true}),
			`lro: Handle: google.longrunning.operation_info of /lro.test.v1.Library/Print says response_type "PrintResponse", ` +
				`and Res is lro.test.v1.BindResponse; make Res *PrintResponse, or correct the proto`,
		}, {
			"metadata of another package",
			handle[*testpb.SharedRequest, *testpb.SharedResponse, *testpb.PrintMetadata](&lro.MethodOptions{Name: testpb.Library_Copy_FullMethodName}),
			`lro: Handle: google.longrunning.operation_info of /lro.test.v1.Library/Copy says metadata_type "google.protobuf.Empty", ` +
				`and Meta is lro.test.v1.PrintMetadata; make Meta *emptypb.Empty, or correct the proto`,
		}, {
			"operation_info without metadata_type",
			handle[*testpb.HalfRequest, *testpb.HalfResponse, *emptypb.Empty](nil),
			`lro: Handle: google.longrunning.operation_info of /lro.test.v1.Library/Half has no metadata_type; ` +
				`write the type of Meta there, or "google.protobuf.Empty" if there is none`,
		}, {
			"Create that answers no resource",
			handle[*testpb.CreateBookRequest, *testpb.PrintResponse, *emptypb.Empty](nil),
			`lro: Handle: by the naming convention of google.longrunning /lro.test.v1.Library/CreateBook answers Book, ` +
				`and Res is lro.test.v1.PrintResponse; make Res *Book, add operation_info to the proto, or set MethodOptions.AnyResponse`,
		}, {
			"Delete that answers something",
			handle[*testpb.DeleteBookRequest, *testpb.Book, *emptypb.Empty](nil),
			`lro: Handle: by the naming convention of google.longrunning /lro.test.v1.Library/DeleteBook answers google.protobuf.Empty, ` +
				`and Res is lro.test.v1.Book; make Res *emptypb.Empty, add operation_info to the proto, or set MethodOptions.AnyResponse`,
		}, {
			"Update of no resource",
			handle[*testpb.UpdateAllRequest, *testpb.Book, *emptypb.Empty](nil),
			`lro: Handle: by the naming convention of google.longrunning /lro.test.v1.Library/UpdateAll answers UpdateAllResponse, ` +
				`and Res is lro.test.v1.Book; make Res *UpdateAllResponse, add operation_info to the proto, or set MethodOptions.AnyResponse`,
		}, {
			"Deleted, which is not Delete",
			handle[*testpb.BindRequest, *emptypb.Empty, *emptypb.Empty](&lro.MethodOptions{Name: "/elsewhere.Press/Deleted"}),
			`lro: Handle: by the naming convention of google.longrunning /elsewhere.Press/Deleted answers DeletedResponse, ` +
				`and Res is google.protobuf.Empty; make Res *DeletedResponse, add operation_info to the proto, or set MethodOptions.AnyResponse`,
		}, {
			"Get that answers no resource",
			handle[*testpb.ScanRequest, *testpb.ScanResponse, *emptypb.Empty](&lro.MethodOptions{Name: "/elsewhere.Press/GetBook"}),
			`lro: Handle: by the naming convention of google.longrunning /elsewhere.Press/GetBook answers Book, ` +
				`and Res is lro.test.v1.ScanResponse; make Res *Book, add operation_info to the proto, or set MethodOptions.AnyResponse`,
		},
	} {
		m, err := lro.New(memstore.New(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := panicOf(func() { c.register(m) }); got != c.want {
			t.Errorf("%s: panic\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

// TestMethodRefused: whatever else is wrong with a registration is said there,
// with what to write instead.
func TestMethodRefused(t *testing.T) {
	t.Parallel()
	named := func(name string) func(*lro.Manager) {
		return handle[*testpb.PrintRequest, *testpb.PrintResponse, *testpb.PrintMetadata](&lro.MethodOptions{Name: name, AnyResponse: true})
	}
	negative := func(opts lro.MethodOptions) func(*lro.Manager) {
		return handle[*testpb.PrintRequest, *testpb.PrintResponse, *testpb.PrintMetadata](&opts)
	}
	ok := named("")
	for _, c := range []struct {
		name     string
		register func(*lro.Manager)
		want     []string
	}{
		{
			"request type of two RPCs", handle[*testpb.SharedRequest, *testpb.SharedResponse, *emptypb.Empty](nil),
			[]string{"2 RPCs take lro.test.v1.SharedRequest: /lro.test.v1.Library/Copy, /lro.test.v1.Library/Move", "set MethodOptions.Name"},
		},
		{
			"request type of no RPC", handle[*testpb.Book, *testpb.Book, *emptypb.Empty](nil),
			[]string{"no linked RPC takes lro.test.v1.Book", "google.longrunning.Operation", "set MethodOptions.Name"},
		},
		{
			"request type of an RPC without operation", handle[*testpb.ScanRequest, *testpb.ScanResponse, *emptypb.Empty](nil),
			[]string{"no linked RPC takes lro.test.v1.ScanRequest", "set MethodOptions.Name"},
		},
		{
			"Name of an RPC without operation", handle[*testpb.ScanRequest, *testpb.ScanResponse, *emptypb.Empty](&lro.MethodOptions{Name: testpb.Library_Scan_FullMethodName}),
			[]string{"/lro.test.v1.Library/Scan returns lro.test.v1.ScanResponse", "google.longrunning.Operation"},
		},
		{
			"Name of an RPC with another request", named(testpb.Library_Bind_FullMethodName),
			[]string{"/lro.test.v1.Library/Bind takes lro.test.v1.BindRequest", "lro.test.v1.PrintRequest"},
		},
		{"Name with a mistyped method", named("/lro.test.v1.Library/Pirnt"), []string{"/lro.test.v1.Library/Pirnt", "names no RPC"}},
		{"Name of a message", named("/lro.test.v1/Book"), []string{"/lro.test.v1/Book", "names no RPC"}},
		{"Name without slashes", named("Print"), []string{`"Print"`, "/package.Service/Method"}},
		{"Name without the first slash", named("lro.test.v1.Library/Print"), []string{`"lro.test.v1.Library/Print"`, "/package.Service/Method"}},
		{"Name with a part too many", named("/lro.test.v1.Library/Print/x"), []string{"/package.Service/Method"}},
		{"registered twice", func(m *lro.Manager) { ok(m); ok(m) }, []string{"/lro.test.v1.Library/Print is registered twice", "keep one"}},
		{"handled and declared", func(m *lro.Manager) {
			ok(m)
			lro.Declare[*testpb.PrintRequest, *testpb.PrintResponse, *testpb.PrintMetadata](m, nil)
		}, []string{"/lro.test.v1.Library/Print is registered twice"}},
		{"nil fn", func(m *lro.Manager) {
			lro.Handle[*testpb.PrintRequest, *testpb.PrintResponse, *testpb.PrintMetadata](m, nil, nil)
		}, []string{"fn is nil", "use Declare"}},
		{"External with a handler", negative(lro.MethodOptions{External: true}), []string{"/lro.test.v1.Library/Print", "External", "use Declare"}},
		{"negative MaxAttempts", negative(lro.MethodOptions{MaxAttempts: -1}), []string{"MethodOptions.MaxAttempts is negative"}},
		{"negative Concurrency", negative(lro.MethodOptions{Concurrency: -1}), []string{"MethodOptions.Concurrency is negative"}},
		{"negative CancelGrace", negative(lro.MethodOptions{CancelGrace: -1}), []string{"MethodOptions.CancelGrace is negative"}},
		{"negative Retention", negative(lro.MethodOptions{Retention: -time.Hour}), []string{"MethodOptions.Retention is negative", "leave it 0"}},
		{"negative PollInterval", negative(lro.MethodOptions{PollInterval: -1}), []string{"MethodOptions.PollInterval is negative"}},
		{"an interface for Req", declare[proto.Message, *testpb.PrintResponse, *emptypb.Empty](nil), []string{"lro: Declare", "is an interface", "generated message"}},
		{"an interface for Res", declare[*testpb.PrintRequest, proto.Message, *emptypb.Empty](nil), []string{"is an interface"}},
		{"an interface for Meta", declare[*testpb.PrintRequest, *testpb.PrintResponse, proto.Message](nil), []string{"is an interface"}},
	} {
		m, err := lro.New(memstore.New(), nil)
		if err != nil {
			t.Fatal(err)
		}
		got := panicOf(func() { c.register(m) })
		for _, part := range append(c.want, "lro: ") {
			if !strings.Contains(got, part) {
				t.Errorf("%s: panic %q; want %q in it", c.name, got, part)
			}
		}
	}
}

// TestMethodAfterRun: what runs is fixed by the time Run is called.
func TestMethodAfterRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setup(t, memstore.New(), nil, nil, nil)
		for name, register := range map[string]func(*lro.Manager){
			"Handle":  handle[*testpb.BindRequest, *testpb.BindResponse, *testpb.BindMetadata](nil),
			"Declare": declare[*testpb.BindRequest, *testpb.BindResponse, *testpb.BindMetadata](nil),
		} {
			got := panicOf(func() { register(p.Manager) })
			if !strings.Contains(got, "/lro.test.v1.Library/Bind is registered after Run") || !strings.Contains(got, "register all methods first") {
				t.Errorf("%s after Run: panic %q; want it to say that methods come first", name, got)
			}
		}
		if err := p.stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
		if got := panicOf(func() { handle[*testpb.BindRequest, *testpb.BindResponse, *testpb.BindMetadata](nil)(p.Manager) }); got == "" {
			t.Error("Handle after Run has returned was taken; want a panic")
		}
	})
}

// A Method that a service forgot to keep says so when it is called, instead of
// being a nil pointer somewhere below.
func TestMethodThatWasNotMade(t *testing.T) {
	t.Parallel()
	var method *lro.Method[*testpb.PrintRequest, *testpb.PrintResponse, *testpb.PrintMetadata]
	for name, call := range map[string]func(){
		"Start":     func() { _, _ = method.Start(t.Context(), &testpb.PrintRequest{}, nil) },
		"StartDone": func() { _, _ = method.StartDone(t.Context(), &testpb.PrintRequest{}, &testpb.PrintResponse{}, nil) },
		"Complete":  func() { _ = method.Complete(t.Context(), "operations/x", &testpb.PrintResponse{}) },
	} {
		if got := panicOf(call); !strings.Contains(got, "PrintRequest was not made") || !strings.Contains(got, "Handle or Declare") {
			t.Errorf("%s of a nil Method: got the panic %q, want one that says what to keep", name, got)
		}
	}
}
