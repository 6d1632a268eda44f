package filter_test

import (
	"math"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/longrunning-go/longrunning/lro/internal/filter"
)

// A value is read as what the field is, as it was written.
func TestValues(t *testing.T) {
	t.Parallel()
	text := func(s string) proto.Message { return wrapperspb.String(s) }
	for _, tt := range []struct {
		filter string
		meta   proto.Message
		want   bool
	}{
		{"value = 1.10", text("1.10"), true},
		{"value != 1.10", text("1.1"), true},
		{"value = 007", text("007"), true},
		{"value = 0xff", text("255"), false},
		{"value = 98765432109876543210", text("98765432109876543210"), true},
		{"value = us-east1", text("us-east1"), true},
		{"value = 3fa85f64-5717", text("3fa85f64-5717"), true},
		{"value = -", text("-"), true},
		{"value = it's", text("it's"), true},
		{"value = a:b/c?d!e", text("a:b/c?d!e"), true},
		{`value = "a b"`, text("a b"), true},
		{`value = 'say "so"'`, text(`say "so"`), true},
		{`value = "\"\\"`, text(`"\`), true},
		{"value = ü*r", text("über"), true},
		{"value = ü*r", text("üb"), false},
		{"value = a*c", text("abc"), true},
		{"value = a*c", text("abd"), false},
		{"value != a*c", text("abc"), false},
		{"value = aa*aa", text("aaa"), false},
		{`value = "a\*c"`, text("abc"), false},
		{`value = "a\*c"`, text("a*c"), true},
		{"value < b", text("a"), true},
		{"value = true", wrapperspb.Bool(true), true},
		{"value != false", wrapperspb.Bool(true), true},
		{"value = ab", wrapperspb.Bytes([]byte("ab")), true},

		{"value = 010", wrapperspb.Int64(10), true},
		{"value = 1e3", wrapperspb.Int64(1000), true},
		{"value = 1.50e1", wrapperspb.Int64(15), true},
		{"value = 9007199254740993.0", wrapperspb.Int64(9007199254740993), true},
		{"value < 1", wrapperspb.Int64(-1), true},
		{"value < -1", wrapperspb.Int64(-2), true},
		{"value > -9223372036854775808", wrapperspb.Int64(math.MinInt64), false},
		{"value = -9223372036854775808", wrapperspb.Int64(math.MinInt64), true},
		{"value < 18446744073709551615", wrapperspb.Int64(math.MaxInt64), true},
		{"value = 18446744073709551615", wrapperspb.UInt64(math.MaxUint64), true},
		{"value > 9223372036854775807", wrapperspb.UInt64(math.MaxUint64), true},
		{"value > -1", wrapperspb.UInt32(0), true},

		{"value = 0.1", wrapperspb.Float(0.1), true},
		{"value > 0.1", wrapperspb.Float(0.1), false},
		{"value = 134217728", wrapperspb.Float(1 << 27), true},
		{"value = 1152921504606846976", wrapperspb.Double(1 << 60), true},
		{"value <= 2.997e9", wrapperspb.Double(2.997e9), true},
		{"value > 5", wrapperspb.Double(math.Inf(1)), true},
		{"value = Infinity", wrapperspb.Double(math.Inf(1)), true},
		{"value != 5", wrapperspb.Double(math.NaN()), true},
		{"value < 5", wrapperspb.Double(math.NaN()), false},

		{"retry_delay > -5s", &errdetails.RetryInfo{RetryDelay: durationpb.New(0)}, true},
		{"retry_delay < 315576000000s", &errdetails.RetryInfo{RetryDelay: &durationpb.Duration{Seconds: 315_575_999_999}}, true},
		{"retry_delay > 1.000000001s", &errdetails.RetryInfo{RetryDelay: &durationpb.Duration{Seconds: 1, Nanos: 2}}, true},
		{"seconds:*", &timestamppb.Timestamp{Nanos: 1}, false},
	} {
		f, err := filter.Parse("metadata."+tt.filter, []protoreflect.MessageDescriptor{tt.meta.ProtoReflect().Descriptor()})
		if err != nil {
			t.Errorf("%s: got error %v", tt.filter, err)
			continue
		}
		if got := f.Matches(setup(tt.meta)); got != tt.want {
			t.Errorf("%s: matches %v, want %v of %v", tt.filter, got, tt.want, tt.meta)
		}
	}
}

// What generated code has seldom: two names of one enum value, times that are no
// Go type of their own, and a field that another type of metadata has repeated.
func TestDescriptors(t *testing.T) {
	t.Parallel()
	var file descriptorpb.FileDescriptorProto
	must(t, prototext.Unmarshal([]byte(`
		name: "job.proto" syntax: "proto3" dependency: "google/protobuf/timestamp.proto"
		message_type {
			name: "Job"
			field { name: "state" number: 1 type: TYPE_ENUM type_name: ".State" label: LABEL_OPTIONAL }
			field { name: "due" number: 2 type: TYPE_MESSAGE type_name: ".google.protobuf.Timestamp" label: LABEL_OPTIONAL }
			field { name: "tag" number: 3 type: TYPE_STRING label: LABEL_OPTIONAL }
			field { name: "by" number: 4 type: TYPE_STRING label: LABEL_OPTIONAL }
		}
		message_type {
			name: "Jobs"
			field { name: "by" number: 4 type: TYPE_MESSAGE type_name: ".Job" label: LABEL_OPTIONAL }
			field { name: "tag" number: 3 type: TYPE_STRING label: LABEL_REPEATED }
		}
		enum_type {
			name: "State" options { allow_alias: true }
			value { name: "NONE" number: 0 } value { name: "OLD" number: 1 } value { name: "NEW" number: 1 }
		}`), &file))
	desc, err := protodesc.NewFile(&file, protoregistry.GlobalFiles)
	must(t, err)
	message := func(name protoreflect.Name, text string) proto.Message {
		m := dynamicpb.NewMessage(desc.Messages().ByName(name))
		must(t, prototext.Unmarshal([]byte(text), m))
		return m
	}
	job := message("Job", `state: OLD due { seconds: 60 } tag: "a" by: "tag"`)
	jobs := message("Jobs", `tag: ["a", "b"] by { tag: "c" }`)
	for _, tt := range []struct {
		filter string
		meta   proto.Message
		want   bool
	}{
		{"state = OLD", job, true},
		{"state = NEW", job, true},
		{"state != NEW", job, false},
		{"state:*", job, true},
		{"state:*", message("Job", ""), false},
		{"due = 1970-01-01T00:01:00Z", job, true},
		{"due < 1970-01-01T00:01:00+00:01", job, false},
		{"tag = a", job, true},
		{"tag = a", jobs, false},
		{"tag != a", jobs, false},
		{"tag:b", jobs, true},
		{"tag:*", jobs, true},
		// A string in one, and a message in the other.
		{"by:tag", job, true},
		{"by:tag", jobs, true},
		{"by:due", job, false},
		{"by:due", jobs, false},
		{"by:ann", job, false},
		{"by:ann", jobs, false},
		{"by = tag", job, true},
		{"by.tag = c", jobs, true},
	} {
		f, err := filter.Parse("metadata."+tt.filter, []protoreflect.MessageDescriptor{desc.Messages().Get(0), desc.Messages().Get(1)})
		must(t, err)
		if got := f.Matches(setup(tt.meta)); got != tt.want {
			t.Errorf("%s: matches %v, want %v of %v", tt.filter, got, tt.want, tt.meta)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
