package filter_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/longrunning-go/longrunning/lro/internal/filter"
)

var noon = time.Date(2030, 1, 31, 12, 0, 0, 0, time.UTC)

// setup answers an operation that failed an hour after noon, on its second
// attempt, and what else the tests want of it.
func setup(meta proto.Message) *filter.Operation {
	return &filter.Operation{
		Name: "projects/p1/operations/o1", Method: "/x.v1.X/Do", Done: true,
		Create: noon, Update: noon.Add(time.Hour), End: noon.Add(time.Hour), Attempt: 2,
		Error:       func() *spb.Status { return &spb.Status{Code: 5, Message: "no such volume"} },
		HasMetadata: meta != nil,
		Metadata: func() protoreflect.Message {
			if meta == nil {
				return nil
			}
			return meta.ProtoReflect()
		},
	}
}

func parse(text string) (*filter.Filter, error) {
	return filter.Parse(text, []protoreflect.MessageDescriptor{
		(&errdetails.RetryInfo{}).ProtoReflect().Descriptor(),
		(&errdetails.ErrorInfo{}).ProtoReflect().Descriptor(),
		(&errdetails.QuotaFailure{}).ProtoReflect().Descriptor(),
		(&descriptorpb.FieldDescriptorProto{}).ProtoReflect().Descriptor(),
		(&wrapperspb.FloatValue{}).ProtoReflect().Descriptor(),
	})
}

func TestMatches(t *testing.T) {
	t.Parallel()
	info := &errdetails.ErrorInfo{Reason: "SLOW", Metadata: map[string]string{"zone": "a", "k-1": "b c"}}
	quota := &errdetails.QuotaFailure{Violations: []*errdetails.QuotaFailure_Violation{{Subject: "cpu", FutureQuotaValue: new(int64(7))}}}
	label := &descriptorpb.FieldDescriptorProto{Label: descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()}
	delay := &errdetails.RetryInfo{RetryDelay: durationpb.New(20 * time.Second)}
	for _, tt := range []struct {
		filter string
		meta   proto.Message
		want   bool
	}{
		{"", nil, true},
		{"done", nil, true},
		{"NOT done", nil, false},
		{"-done", nil, false},
		{"done = true", nil, true},
		{"done != true", nil, false},
		{"cancel_requested = false", nil, true},
		{`name = "projects/p1/operations/o1"`, nil, true},
		{`name = "projects/*/operations/*"`, nil, true},
		{`name = "*o2"`, nil, false},
		{`name != "*o2"`, nil, true},
		{`method:"/x.v1.X/*"`, nil, true},
		{"attempt = 2", nil, true},
		{"attempt > 2", nil, false},
		{"attempt >= 1 AND attempt < 3", nil, true},
		{"create_time = 2030-01-31T12:00:00Z", nil, true},
		{`create_time = "2030-01-31T13:00:00+01:00"`, nil, true},
		{"create_time < 2030-01-31T12:00:00.5Z", nil, true},
		{"end_time >= 2030-01-31T13:00:00Z", nil, true},
		{"expire_time != 2030-01-31T12:00:00Z", nil, false}, // there is none
		{"expire_time:*", nil, false},
		{"end_time:*", nil, true},
		{"error:*", nil, true},
		{"error.code = 5", nil, true},
		{"error.code = NOT_FOUND", nil, true},
		{"error.code != NOT_FOUND", nil, false},
		{`error.message = "no such*"`, nil, true},
		// OR binds tighter than AND.
		{"attempt = 2 OR attempt = 3 AND NOT done", nil, false},
		{"NOT done AND attempt = 3 OR attempt = 2", nil, false},
		{"(NOT done AND attempt = 3) OR attempt = 2", nil, true},
		{"done attempt = 2", nil, true},
		{"done attempt = 3", nil, false},
		{"NOT attempt = 3 -attempt = 4", nil, true},
		{"done AND attempt = 3 attempt = 2 OR done", nil, false},
		{"\t( done )\n AND( attempt = 2)", nil, true},
		{"NOT(done)", nil, false},
		{"-(done AND attempt = 3)", nil, true},
		{"(done) (cancel_requested)", nil, false},
		{"done\u00a0AND\vdone", nil, true},
		{"metadata.reason = AND_MORE", nil, false},

		{"done:*", nil, true},
		{`method:"\*"`, nil, false},
		{"create_time = 2030-01-31t12:00:00z", nil, true},
		{"cancel_requested:*", nil, false},
		{"method:*", nil, true},
		{"attempt:*", nil, true},
		{"error:code", nil, true},

		{"metadata:*", nil, false},
		{"metadata:*", info, true},
		{"metadata.reason = SLOW", info, true},
		{"metadata.reason != SLOW", info, false},
		{"metadata.reason = SLOW", nil, false},
		{"metadata.reason != SLOW", nil, false},
		{"metadata.reason != SLOW", delay, false}, // another type
		{"metadata.metadata.zone = a", info, true},
		{`metadata.metadata."k-1" = "b c"`, info, true},
		{"metadata.metadata.missing != a", info, false},
		{"metadata.metadata:zone", info, true},
		{"metadata.metadata:missing", info, false},
		{"metadata:reason", info, true},
		{"metadata:domain", info, false},
		{"metadata.reason:*", info, true},
		{"metadata.domain:*", info, false},
		{"metadata.domain = ''", info, true},
		{`metadata.metadata."k-1":*`, info, true},
		{"metadata.retry_delay = 20s", delay, true},
		{"metadata.retryDelay > 19.5s", delay, true},
		{"metadata.retry_delay = 20s", &errdetails.RetryInfo{}, false},
		{"metadata.retry_delay != 20s", &errdetails.RetryInfo{}, false},
		{"metadata.retry_delay:*", delay, true},
		{"metadata.violations:*", quota, true},
		{"metadata.violations.subject:cpu", quota, true},
		{"metadata.violations.subject:gpu", quota, false},
		{"metadata.violations.future_quota_value:7", quota, true},
		{"metadata.label = LABEL_REPEATED", label, true},
		{"metadata.label != LABEL_REPEATED", label, false},
	} {
		f, err := parse(tt.filter)
		if err != nil {
			t.Errorf("%s: got error %v", tt.filter, err)
			continue
		}
		if got := f.Matches(setup(tt.meta)); got != tt.want {
			t.Errorf("%s: matches %v, want %v", tt.filter, got, tt.want)
		}
	}
}

func TestConjuncts(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                               "",
		"done=true":                      "done",
		"NOT done":                       "open",
		"done != true":                   "open",
		"attempt=1 AND done=false":       "open",
		`done AND name="a/operations/1"`: "done a/operations/1",
		`name="a/operations/*"`:          "",
		"done OR attempt=1":              "",
		"NOT (done AND attempt=1)":       "",
		`name!="a/operations/1"`:         "",
	} {
		f, err := parse(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		c := f.Conjuncts()
		var got []string
		if c.Done != nil {
			got = append(got, map[bool]string{true: "done", false: "open"}[*c.Done])
		}
		if c.Name != "" {
			got = append(got, c.Name)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got the conjuncts %q, want %q", text, got, want)
		}
	}
}
