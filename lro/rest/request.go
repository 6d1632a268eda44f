package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
)

// maxBody bounds a body, in bytes: a timeout, and the longest name, escaped.
const maxBody = 16 << 10

// A binding fills the request of an RPC with what a request of HTTP says.
type binding struct {
	h     *handler
	route *route
	in    protoreflect.Message
}

// query binds the parameters of a query.
func (b *binding) query(raw string) error {
	given := map[protoreflect.FieldNumber]bool{}
	for k, v := range params(raw) {
		key, keyErr := url.QueryUnescape(k)
		value, valueErr := url.QueryUnescape(v)
		switch {
		case keyErr != nil:
			return b.h.invalid(k, "the query parameter %s is not escaped as a URL demands: a %% must be written %%25", quote(k))
		case valueErr != nil:
			return b.h.invalid(key, "the value of the query parameter %s is not escaped as a URL demands: a %% must be written %%25", quote(key))
		case isAlt(key) && value != altJSON && value != altNumbers:
			return b.h.invalid(key, "%s is %s; it must be %s or %s: answers are JSON", quote(key), quote(value), altJSON, altNumbers)
		case isSystem(key):
			continue
		}
		field := b.field(key)
		switch {
		case field == nil || !b.route.takes(field):
			return b.h.invalid(key, "unknown query parameter %s: %s", quote(key), b.known())
		case given[field.Number()]:
			return b.h.invalid(string(field.Name()), "%s is given twice; write it once", quote(key))
		}
		given[field.Number()] = true
		parsed, want := parse(field, value)
		if want != "" {
			return b.h.invalid(string(field.Name()), "%s is %s; it must be %s", quote(key), quote(value), want)
		}
		b.in.Set(field, parsed)
	}
	return nil
}

// known says which parameters there are.
func (b *binding) known() string {
	var names []string
	for field := range b.route.query() {
		names = append(names, field.JSONName())
	}
	switch {
	case b.route.waits && b.route.hasBody():
		return b.route.rpc + ` has none here: write {"timeout": "1.500s"} into the body`
	case len(names) == 0:
		return b.route.rpc + " has none here"
	}
	return fmt.Sprintf("those of %s are %s", b.route.rpc, strings.Join(names, ", "))
}

// field finds a field by either of its names.
func (b *binding) field(key string) protoreflect.FieldDescriptor {
	fields := b.in.Descriptor().Fields()
	if field := fields.ByJSONName(key); field != nil {
		return field
	}
	return fields.ByTextName(key)
}

// body binds a JSON object. A request whose fields stand in the path or the query
// has no body, and one that has is not what its client meant.
func (b *binding) body(w http.ResponseWriter, r *http.Request) error {
	if r.ContentLength == 0 {
		return nil
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return b.h.tooLarge()
	}
	switch {
	case err != nil:
		return b.h.invalid("", "the body could not be read to its end")
	case len(text) == 0:
		return nil
	case !b.route.hasBody():
		return b.h.invalid("", "%s %s takes no body: leave it empty", b.route.method, b.route.path)
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return b.h.notJSON(r.Header.Get("Content-Type"))
	}
	in, example := b.in.New(), "{}"
	if b.route.waits {
		example = `{"timeout": "1.500s"}`
	}
	if err := protojson.Unmarshal(text, in.Interface()); err != nil {
		return b.h.invalid("", "the body must be a %s in JSON, such as %s; found %s", b.in.Descriptor().FullName(), example, short(reasonOf(err)))
	}
	name := in.Descriptor().Fields().ByName("name")
	inBody, inPath := in.Get(name).String(), b.in.Get(name).String()
	if inBody != "" && inBody != inPath {
		return b.h.invalid("name", "the name in the body is %s and that in the path %s: leave it out of the body", quote(inBody), quote(inPath))
	}
	proto.Merge(b.in.Interface(), in.Interface())
	return nil
}

// reasonOf is an error of protojson's without what it begins with.
func reasonOf(err error) string {
	return strings.TrimSpace(strings.TrimPrefix(err.Error(), "proto:")) // the space varies
}

// parse answers the value, or what text should have been.
func parse(field protoreflect.FieldDescriptor, text string) (value protoreflect.Value, want string) {
	switch field.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(text), ""
	case protoreflect.BoolKind:
		if text != "true" && text != "false" {
			return value, "true or false"
		}
		return protoreflect.ValueOfBool(text == "true"), ""
	case protoreflect.Int32Kind:
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return value, "a whole number of at most 32 bits"
		}
		return protoreflect.ValueOfInt32(int32(n)), ""
	default: // the only message among them
		d := new(durationpb.Duration)
		quoted, err := json.Marshal(text)
		if err != nil || protojson.Unmarshal(quoted, d) != nil {
			return value, "a number of seconds, such as 1.500s"
		}
		return protoreflect.ValueOfMessage(d.ProtoReflect()), ""
	}
}
