package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
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
	name  string                            // in the path
	given map[protoreflect.FieldNumber]bool // what query or body have set
}

func (b *binding) setName(name string) {
	b.name = name
	b.in.Set(b.in.Descriptor().Fields().ByName("name"), protoreflect.ValueOfString(name))
}

// query binds the parameters of a query. They are read here since Google's
// $alt=json;enum-encoding=int has a semicolon, which net/url refuses.
func (b *binding) query(raw string) error {
	for raw != "" {
		var param string
		param, raw, _ = strings.Cut(raw, "&")
		if param == "" {
			continue
		}
		k, v, _ := strings.Cut(param, "=")
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
		if field == nil || b.route.hasBody() || b.route.named() && field.Name() == "name" {
			return b.h.invalid(key, "unknown query parameter %s: %s", quote(key), b.known())
		}
		if err := b.set(key, field, value); err != nil {
			return err
		}
	}
	return nil
}

// known says which parameters there are.
func (b *binding) known() string {
	var names []string
	for field := range b.route.query() {
		names = append(names, field.JSONName())
	}
	if len(names) == 0 {
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

// body binds the members of a JSON object. A request whose fields stand in the
// path or the query has no body, and one that has is not what its client meant.
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
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil || members == nil {
		return b.h.invalid("", `the body is not a JSON object: write one such as {"timeout": "1.500s"}, or leave it empty`)
	}
	for _, key := range slices.Sorted(maps.Keys(members)) {
		if err := b.member(key, members[key]); err != nil {
			return err
		}
	}
	return nil
}

func (b *binding) member(key string, raw json.RawMessage) error {
	field := b.field(key)
	if field == nil {
		return b.h.invalid(key, "the body has the unknown field %s: remove it, or spell it as %s does", quote(key), b.in.Descriptor().FullName())
	}
	var value *string // all fields of these requests are strings in JSON
	if err := json.Unmarshal(raw, &value); err != nil {
		return b.h.invalid(string(field.Name()), "the field %s is %s; it must be a string", quote(key), quote(string(raw)))
	}
	if value == nil { // null is unset
		return nil
	}
	if field.Name() == "name" && *value != b.name {
		return b.h.invalid("name", "the name in the body is %s and that in the path %s: leave it out of the body", quote(*value), quote(b.name))
	}
	return b.set(key, field, *value)
}

// set gives a field the value that text stands for.
func (b *binding) set(key string, field protoreflect.FieldDescriptor, text string) error {
	if b.given[field.Number()] {
		return b.h.invalid(string(field.Name()), "%s is given twice; write it once", quote(key))
	}
	if b.given == nil {
		b.given = map[protoreflect.FieldNumber]bool{}
	}
	b.given[field.Number()] = true
	value, want := parse(field, text)
	if want != "" {
		return b.h.invalid(string(field.Name()), "%s is %s; it must be %s", quote(key), quote(text), want)
	}
	b.in.Set(field, value)
	return nil
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
