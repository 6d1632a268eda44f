package lro

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"unicode/utf8"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/longrunning-go/longrunning/store"
)

type tooLargeError struct{ size, limit int }

func (e *tooLargeError) Error() string {
	return fmt.Sprintf("%d bytes, at most %d are allowed", e.size, e.limit)
}

// The fields of an Any.
const (
	urlField   protowire.Number = 1
	valueField protowire.Number = 2
)

const urlPrefix = "type.googleapis.com/"

// encode serializes msg as an Any, within the cap: what proto.Marshal makes of
// anypb.New, written at once instead of by way of an Any.
func (m *Manager) encode(msg proto.Message) ([]byte, error) {
	name, size := typeOf(msg), proto.Size(msg)
	url := len(urlPrefix) + len(name)
	whole := protowire.SizeTag(urlField) + protowire.SizeBytes(url)
	if size > 0 {
		whole += protowire.SizeTag(valueField) + protowire.SizeBytes(size)
	}
	if whole > m.opts.MaxPayload {
		return nil, &tooLargeError{whole, m.opts.MaxPayload}
	}
	b := protowire.AppendTag(make([]byte, 0, whole), urlField, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(url))
	b = append(append(b, urlPrefix...), name...)
	if size > 0 {
		b = protowire.AppendTag(b, valueField, protowire.BytesType)
		b = protowire.AppendVarint(b, uint64(size))
	}
	head := len(b)
	b, err := proto.MarshalOptions{}.MarshalAppend(b, msg)
	switch {
	case err != nil:
		return nil, err
	case len(b) != head+size:
		return m.encodeAny(msg)
	}
	return b, nil
}

// encodeAny is encode by way of an Any, for a message of which proto.Size counts
// more than is written: as it may of a field that is decoded lazily, and that
// somebody reads meanwhile.
func (m *Manager) encodeAny(msg proto.Message) ([]byte, error) {
	wrapped, err := anypb.New(msg)
	if err != nil {
		return nil, err
	}
	b, err := proto.Marshal(wrapped)
	if err == nil && len(b) > m.opts.MaxPayload {
		err = &tooLargeError{len(b), m.opts.MaxPayload}
	}
	return b, err
}

// decode reads a serialized Any as a T.
func decode[T proto.Message](b []byte) (T, error) {
	var zero T
	msg := zero.ProtoReflect().New().Interface().(T)
	return msg, decodeInto(b, msg)
}

func decodeInto(b []byte, msg proto.Message) error {
	if url, value, ok := cutAny(b); ok && isURLOf(url, msg) {
		return proto.Unmarshal(value, msg)
	}
	wrapped := new(anypb.Any)
	if err := proto.Unmarshal(b, wrapped); err != nil {
		return err
	}
	return wrapped.UnmarshalTo(msg)
}

func typeOf(msg proto.Message) protoreflect.FullName {
	return msg.ProtoReflect().Descriptor().FullName()
}

func typeURL(msg proto.Message) string { return urlPrefix + string(typeOf(msg)) }

// isURLOf reports whether url is what encode writes for a message of this type.
func isURLOf(url []byte, msg proto.Message) bool {
	name, ok := bytes.CutPrefix(url, []byte(urlPrefix))
	return ok && string(name) == string(typeOf(msg))
}

// operationOf answers what clients see of a record of h, which may be nil. Payloads
// are passed on without a look inside: their types need not be linked. They share
// their bytes with the record.
func operationOf(rec *store.Record, h *method) (*longrunningpb.Operation, error) {
	var whole struct { // allocated at once
		op                 longrunningpb.Operation
		result             longrunningpb.Operation_Response
		metadata, response anypb.Any
	}
	op := &whole.op
	var responseURL, metadataURL string
	if h != nil {
		responseURL, metadataURL = h.responseURL, h.metadataURL
	}
	op.Name, op.Done = rec.Name, rec.State == store.Done
	if rec.Metadata != nil {
		op.Metadata = &whole.metadata
		if err := readAny(op.Metadata, rec.Metadata, metadataURL); err != nil {
			return nil, fmt.Errorf("lro: stored metadata of operation %q: %w", rec.Name, err)
		}
	}
	switch {
	case rec.Response != nil:
		whole.result.Response = &whole.response
		if err := readAny(&whole.response, rec.Response, responseURL); err != nil {
			return nil, fmt.Errorf("lro: stored response of operation %q: %w", rec.Name, err)
		}
		op.Result = &whole.result
	case rec.Error != nil:
		st := new(spb.Status)
		if err := proto.Unmarshal(rec.Error, st); err != nil {
			return nil, fmt.Errorf("lro: stored error of operation %q: %w", rec.Name, err)
		}
		op.Result = &longrunningpb.Operation_Error{Error: st}
	}
	return op, nil
}

// readAny reads a serialized Any into an empty one, which shares its value with b.
// What encode writes is a type URL, nearly always the one that is expected, and a
// value. To cut it in two takes a fraction of the time of Unmarshal, which reads
// everything else: most answers of Get have two of them.
func readAny(a *anypb.Any, b []byte, expectedURL string) error {
	url, value, ok := cutAny(b)
	if !ok || !utf8.Valid(url) {
		return proto.Unmarshal(b, a)
	}
	a.TypeUrl, a.Value = expectedURL, slices.Clip(value)
	if string(url) != expectedURL {
		a.TypeUrl = string(url)
	}
	return nil
}

// cutAny answers both fields of a serialized Any that has them in order and nothing
// else.
func cutAny(b []byte) (url, value []byte, ok bool) {
	url, rest, hasURL := cutField(b, urlField)
	value, rest, hasValue := cutField(rest, valueField)
	return url, value, hasURL && hasValue && len(rest) == 0
}

// cutField answers the bytes of a field of this number, at most 15, if b begins
// with one, and what follows.
func cutField(b []byte, number protowire.Number) (value, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != byte(number)<<3|byte(protowire.BytesType) {
		return nil, b, false
	}
	value, n := protowire.ConsumeBytes(b[1:])
	if n < 0 {
		return nil, b, false
	}
	return value, b[1+n:], true
}

// operation is operationOf for a caller, who sees nothing of what is wrong.
func (m *Manager) operation(ctx context.Context, rec *store.Record) (*longrunningpb.Operation, error) {
	op, err := operationOf(rec, m.methodOf(rec.Method))
	if err != nil {
		m.log.ErrorContext(ctx, "lro: a stored operation cannot be read", "operation", rec.Name, "error", err)
		return nil, m.errorf(codes.DataLoss, reasonInternal, "operation %q cannot be read", rec.Name)
	}
	return op, nil
}
