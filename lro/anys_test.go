package lro_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/runtime/protoiface"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// A stored payload is what protobuf reads in it, whoever has written it and in
// whichever order, and what protobuf refuses is an error.
func TestStoredAnys(t *testing.T) {
	t.Parallel()
	field := func(number protowire.Number, value string) []byte {
		return protowire.AppendString(protowire.AppendTag(nil, number, protowire.BytesType), value)
	}
	url, value := field(1, "type.example.com/example.Thing"), field(2, "\x08\x01")
	for name, stored := range map[string][]byte{
		"as lro writes it":    slices.Concat(url, value),
		"another prefix":      slices.Concat(field(1, "type.example.com/lro.test.v1.PrintResponse"), value),
		"without a value":     url,
		"without a type":      value,
		"empty":               {},
		"the value first":     slices.Concat(value, url),
		"a value twice":       slices.Concat(url, field(2, "\x08\x02"), value),
		"a type twice":        slices.Concat(field(1, "type.example.com/x"), url, value),
		"a field of later":    slices.Concat(url, value, field(3, "more")),
		"a type of bytes":     slices.Concat(field(1, "\xff"), value),
		"a value of a number": slices.Concat(url, protowire.AppendVarint(protowire.AppendTag(nil, 2, protowire.VarintType), 0)),
		"cut":                 slices.Concat(url, value)[:len(url)+len(value)-1],
		"cut in the type":     url[:len(url)-1],
		"a length too long":   slices.Concat(url, protowire.AppendTag(nil, 2, protowire.BytesType), bytes.Repeat([]byte{0xff}, 11)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				want := new(anypb.Any)
				wantErr := proto.Unmarshal(stored, want)
				st := memstore.New()
				method := testpb.Library_Print_FullMethodName // which is known, and of other types
				rec, err := st.Create(t.Context(), &store.Record{Name: "operations/x", ID: "x", Method: method, State: store.Done, Response: stored, Metadata: stored, ExpireIn: time.Hour})
				if err != nil {
					t.Fatal(err)
				}
				op, err := setupIdle(t, st, echo, nil, nil).Get(t.Context(), rec.Name)
				if (err != nil) != (wantErr != nil) {
					t.Fatalf("got error %v, want one: %t (%v)", err, wantErr != nil, wantErr)
				}
				if err == nil && (!proto.Equal(op.GetResponse(), want) || !proto.Equal(op.GetMetadata(), want)) {
					t.Errorf("got response %v and metadata %v, want %v in both", op.GetResponse(), op.GetMetadata(), want)
				}
			})
		})
	}
}

// An Operation shares the bytes of its payloads with the store, but what a caller
// makes of it is the caller's.
func TestStoredAnysAreNotAppendedTo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := memstore.New()
		room := []byte("\x0a\x01x\x12\x01v" + "spare")
		payload := room[:len(room)-len("spare")]
		rec, err := st.Create(t.Context(), &store.Record{Name: "operations/x", ID: "x", State: store.Done, Response: payload, ExpireIn: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		m := setupIdle(t, st, nil, nil, nil)
		op, err := m.Get(t.Context(), rec.Name)
		if err != nil {
			t.Fatal(err)
		}
		_ = append(op.GetResponse().GetValue(), "other"...)
		if got := string(room[len(payload):]); got != "spare" {
			t.Errorf("behind the stored payload there is %q, want it left alone", got)
		}
	})
}

// What is stored is what protobuf makes of an Any of the message, whatever its size.
func TestWrittenAnys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := memstore.New()
		p := setupIdle(t, st, echo, nil, nil)
		for _, size := range []int{0, 1, 125, 126, 127, 128, 16_383, 20_000} {
			res := &testpb.PrintResponse{Text: strings.Repeat("x", size)}
			op, err := p.print.StartDone(t.Context(), &testpb.PrintRequest{}, res, nil)
			if err != nil {
				t.Fatal(err)
			}
			wrapped, err := anypb.New(res)
			if err != nil {
				t.Fatal(err)
			}
			want, err := proto.Marshal(wrapped)
			if err != nil {
				t.Fatal(err)
			}
			recs, err := st.Get(t.Context(), op.GetName())
			if err != nil || len(recs) != 1 {
				t.Fatalf("got %d records, %v, want 1", len(recs), err)
			}
			if got := recs[0].Response; !bytes.Equal(got, want) {
				t.Errorf("a text of %d bytes: got %.40q… of %d bytes, want %.40q… of %d, as protobuf writes it", size, got, len(got), want, len(want))
			}
		}
	})
}

// padded says of itself that it is longer than it is, as a message with fields that
// are decoded lazily may.
type padded struct{ *testpb.PrintResponse }

func (p padded) ProtoReflect() protoreflect.Message {
	return paddedReflection{p.PrintResponse.ProtoReflect()}
}

type paddedReflection struct{ protoreflect.Message }

func (r paddedReflection) ProtoMethods() *protoiface.Methods {
	methods := *r.Message.ProtoMethods()
	size, marshal := methods.Size, methods.Marshal
	methods.CheckInitialized = nil
	methods.Size = func(in protoiface.SizeInput) protoiface.SizeOutput {
		in.Message = r.Message
		return protoiface.SizeOutput{Size: size(in).Size + 3}
	}
	methods.Marshal = func(in protoiface.MarshalInput) (protoiface.MarshalOutput, error) {
		in.Message = r.Message
		return marshal(in)
	}
	return &methods
}

func TestWrittenAnyOfUnknownSize(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := setupIdle(t, memstore.New(), echo, nil, nil)
		want := &testpb.PrintResponse{Text: "text"}
		op, err := p.Create(t.Context(), &lro.CreateOptions{Metadata: padded{want}})
		if err != nil {
			t.Fatalf("metadata that is shorter than its Size: got %v, want it stored", err)
		}
		got := new(testpb.PrintResponse)
		if err := op.GetMetadata().UnmarshalTo(got); err != nil || !proto.Equal(got, want) {
			t.Errorf("metadata that is shorter than its Size: got %v, %v, want %v", got, err, want)
		}
	})
}

// A handler is given the request that is stored, whoever has written it; one of
// another type is an error.
func TestStoredRequests(t *testing.T) {
	t.Parallel()
	field := func(number protowire.Number, value string) []byte {
		return protowire.AppendString(protowire.AppendTag(nil, number, protowire.BytesType), value)
	}
	url := field(1, "type.googleapis.com/lro.test.v1.PrintRequest")
	content, err := proto.Marshal(&testpb.PrintRequest{Text: "hello"})
	if err != nil {
		t.Fatal(err)
	}
	value := field(2, string(content))
	for name, tt := range map[string]struct {
		stored []byte
		want   string // "" for an error
	}{
		"as lro writes it": {slices.Concat(url, value), "hello"},
		"another prefix":   {slices.Concat(field(1, "type.example.com/lro.test.v1.PrintRequest"), value), "hello"},
		"the value first":  {slices.Concat(value, url), "hello"},
		"another type":     {slices.Concat(field(1, "type.googleapis.com/lro.test.v1.PrintResponse"), value), ""},
		"a longer type":    {slices.Concat(field(1, "type.googleapis.com/lro.test.v1.PrintRequest2"), value), ""},
		"a cut value":      {slices.Concat(url, field(2, string(content[:len(content)-1]))), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				st := memstore.New()
				rec, err := st.Create(t.Context(), &store.Record{Name: "operations/x", ID: "x", Method: testpb.Library_Print_FullMethodName, State: store.Pending, Request: tt.stored})
				if err != nil {
					t.Fatal(err)
				}
				op := setup(t, st, echo, nil, nil).end(rec.Name)
				if tt.want == "" {
					if op.GetError() == nil {
						t.Errorf("got %v, want an error", op)
					}
				} else if got := responseOf[*testpb.PrintResponse](t, op).GetText(); got != tt.want {
					t.Errorf("the handler was given %q, want %q", got, tt.want)
				}
			})
		})
	}
}
