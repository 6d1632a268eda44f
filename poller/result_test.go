package poller_test

import (
	"errors"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/longrunning-go/longrunning/poller"
	"github.com/longrunning-go/longrunning/poller/pollertest"
)

// result answers what a poller of T makes of a done operation.
func result[T proto.Message](op *longrunningpb.Operation) (T, error) {
	return poller.New[T](&pollertest.Client{}, op, nil).Result()
}

// answered is a done operation with that response.
func answered(a *anypb.Any) *longrunningpb.Operation {
	return &longrunningpb.Operation{Name: name, Done: true, Result: &longrunningpb.Operation_Response{Response: a}}
}

func notLinked() *anypb.Any {
	return &anypb.Any{TypeUrl: "type.googleapis.com/acme.NotLinked", Value: []byte{1}}
}

func TestResultBeforeTheEnd(t *testing.T) {
	t.Parallel()
	_, err := result[*wrapperspb.StringValue](running())
	if !errors.Is(err, poller.ErrNotDone) {
		t.Errorf("got error %v, want ErrNotDone", err)
	}
	wantText(t, err, name)
}

func TestResultBelongsToTheCaller(t *testing.T) {
	t.Parallel()
	p := poller.New[*wrapperspb.StringValue](&pollertest.Client{}, succeeded(), nil)
	res, err := p.Result()
	wantResponse(t, res, err)
	res.Value = "mine"
	res, err = p.Result()
	wantResponse(t, res, err)
}

func TestResultOfAnotherTypeNamesBoth(t *testing.T) {
	t.Parallel()
	for what, tt := range map[string]struct {
		response *anypb.Any
		want     string
	}{
		"another type":     {succeeded().GetResponse(), "google.protobuf.StringValue"},
		"not linked":       {notLinked(), "acme.NotLinked"},
		"no type":          {&anypb.Any{}, `""`},
		"no response":      {nil, `""`},
		"no type URL":      {&anypb.Any{TypeUrl: "what is this?"}, "what is this?"},
		"another envelope": {&anypb.Any{TypeUrl: "example.com/google.protobuf.Int64Value2"}, "google.protobuf.Int64Value2"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			res, err := result[*wrapperspb.Int64Value](answered(tt.response))
			if res != nil {
				t.Errorf("got response %v, want none", res)
			}
			wantText(t, err, "poller: ", name, "expected a response of type google.protobuf.Int64Value", tt.want)
			if _, ok := errors.AsType[*poller.Error](err); ok {
				t.Error("the wrong type is reported as *poller.Error: the operation did not fail")
			}
		})
	}
}

func TestResultThatCannotBeDecoded(t *testing.T) {
	t.Parallel()
	broken := &anypb.Any{TypeUrl: "type.googleapis.com/google.protobuf.StringValue", Value: []byte{0xff}}
	_, err := result[*wrapperspb.StringValue](answered(broken))
	wantText(t, err, name, "decoding", "google.protobuf.StringValue")
	_, err = result[proto.Message](answered(broken))
	wantText(t, err, name, "decoding", "google.protobuf.StringValue")
}

// The host in a type URL says nothing about the type.
func TestResultWithAnotherTypeURLPrefix(t *testing.T) {
	t.Parallel()
	op := succeeded()
	op.GetResponse().TypeUrl = "types.example.com/v2/google.protobuf.StringValue"
	res, err := result[*wrapperspb.StringValue](op)
	wantResponse(t, res, err)
}

func TestResultOfAnyType(t *testing.T) {
	t.Parallel()
	res, err := result[proto.Message](succeeded())
	wantResponse(t, res, err)

	_, err = result[proto.Message](answered(notLinked()))
	wantText(t, err, name, "acme.NotLinked", "not linked")

	type named interface {
		proto.Message
		GetNothing() string
	}
	_, err = result[named](succeeded())
	wantText(t, err, "named", "google.protobuf.StringValue")
}

func TestDoneWithoutResult(t *testing.T) {
	t.Parallel()
	none := &longrunningpb.Operation{Name: name, Done: true}
	_, err := result[*wrapperspb.StringValue](none)
	if !errors.Is(err, poller.ErrNoResult) {
		t.Errorf("got error %v, want ErrNoResult", err)
	}
	wantText(t, err, name)
	if _, err := result[proto.Message](none); !errors.Is(err, poller.ErrNoResult) {
		t.Errorf("got error %v, want ErrNoResult", err)
	}
	// operations.proto lets services provide none, and Empty says nothing.
	if res, err := result[*emptypb.Empty](none); err != nil || res == nil {
		t.Errorf("got %v, %v; want an Empty: there is nothing to miss", res, err)
	}
}

func TestWaitEndsWithoutResult(t *testing.T) {
	t.Parallel()
	p, c := setup(t, nil, pollertest.Step{Operation: &longrunningpb.Operation{Name: name, Done: true}})
	if _, err := p.Wait(t.Context()); !errors.Is(err, poller.ErrNoResult) {
		t.Errorf("got error %v, want ErrNoResult", err)
	}
	if got := len(c.Calls()); got != 1 {
		t.Errorf("got %d calls, want 1", got)
	}
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	op := pollertest.Running(name, progress(40))
	if got, err := poller.Metadata[*wrapperspb.Int64Value](op); err != nil || got.GetValue() != 40 {
		t.Errorf("got metadata %v, %v; want 40", got, err)
	}
	if got, err := poller.Metadata[proto.Message](op); err != nil || !proto.Equal(got, progress(40)) {
		t.Errorf("got metadata %v, %v; want 40", got, err)
	}
	_, err := poller.Metadata[*wrapperspb.StringValue](op)
	wantText(t, err, name, "metadata", "google.protobuf.Int64Value", "google.protobuf.StringValue")

	op.Metadata = notLinked()
	_, err = poller.Metadata[*wrapperspb.StringValue](op)
	wantText(t, err, name, "acme.NotLinked", "google.protobuf.StringValue")
}

func TestNoMetadataIsEmpty(t *testing.T) {
	t.Parallel()
	for _, op := range []*longrunningpb.Operation{nil, running()} {
		got, err := poller.Metadata[*wrapperspb.Int64Value](op)
		if err != nil || got == nil || got.Value != 0 {
			t.Errorf("got metadata %v, %v of %v; want an empty message", got, err, op)
		}
		if got, err := poller.Metadata[proto.Message](op); err != nil || got != nil {
			t.Errorf("got metadata %v, %v of %v; want nil", got, err, op)
		}
	}
}
