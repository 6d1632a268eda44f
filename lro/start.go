package lro

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/longrunning-go/longrunning/store"
)

// StartOptions say what a new operation carries besides its request. Nil means
// the zero value of every field.
type StartOptions struct {
	// Parent is the resource whose operation it is, such as "projects/p1": the
	// name becomes {Parent}/operations/{id}. Default: none, operations/{id}.
	Parent string
	// RequestID makes a repeated Start idempotent (AIP-155): as long as the
	// earlier operation of this Parent and method is kept, an equal request
	// answers that one, and another is INVALID_ARGUMENT. A deleted operation still
	// stands for its id for as long as it is kept: Start answers it, though it
	// cannot be read any more. At most 128 bytes.
	RequestID string
	// Metadata is what the operation shows until the handler reports.
	Metadata proto.Message
	// ValidateOnly checks everything that Start checks and answers a done
	// operation that has no name and is not stored (AIP-163). Its response is
	// empty; StartDone gives it one.
	ValidateOnly bool
	// Authorize, if set, is asked for VerbGet before an earlier operation of this
	// RequestID is answered; what it returns is the error of Start. Set it where
	// not every caller who may start operations of Parent may see all of them.
	Authorize Authorizer
}

// CreateOptions describe an operation without a method. Nil means the defaults.
type CreateOptions struct {
	// Parent, RequestID and Metadata are as in StartOptions.
	Parent    string
	RequestID string
	Metadata  proto.Message
	// Timeout bounds the operation from start to done. Default 24 h; negative:
	// none.
	Timeout time.Duration
}

// Create makes an operation that has no method and no handler: Complete or Fail
// ends it, from this process or another. Its errors are those of Start.
func (m *Manager) Create(ctx context.Context, opts *CreateOptions) (*longrunningpb.Operation, error) {
	opts = cmp.Or(opts, &CreateOptions{})
	h := &method{opts: MethodOptions{Timeout: cmp.Or(opts.Timeout, defaultTimeout), External: true}}
	start := &StartOptions{Parent: opts.Parent, RequestID: opts.RequestID, Metadata: opts.Metadata}
	rec, err := m.newRecord(ctx, h, nil, start)
	if err != nil {
		return nil, err
	}
	return m.admit(ctx, h, rec, start)
}

func (m *Manager) start(ctx context.Context, h *method, req proto.Message, opts *StartOptions) (*longrunningpb.Operation, error) {
	opts = cmp.Or(opts, &StartOptions{})
	if opts.ValidateOnly {
		return m.startDone(ctx, h, req, h.res, opts)
	}
	rec, err := m.newRecord(ctx, h, req, opts)
	if err != nil {
		return nil, err
	}
	return m.admit(ctx, h, rec, opts)
}

func (m *Manager) startDone(ctx context.Context, h *method, req, res proto.Message, opts *StartOptions) (*longrunningpb.Operation, error) {
	opts = cmp.Or(opts, &StartOptions{})
	rec, err := m.newRecord(ctx, h, req, opts)
	if err != nil {
		return nil, err
	}
	r, err := m.response(h, res)
	if err != nil {
		return nil, err
	}
	rec.State, rec.Response, rec.ExpireIn = store.Done, r.response, h.opts.Retention
	if opts.ValidateOnly {
		rec.Name = ""
		return m.operation(ctx, rec)
	}
	return m.admit(ctx, h, rec, opts)
}

// newRecord checks what a caller gave and makes the record of it.
func (m *Manager) newRecord(ctx context.Context, h *method, req proto.Message, opts *StartOptions) (*store.Record, error) {
	if h.req != nil && !valid(req) {
		return nil, m.invalid(reasonInvalid, "request", "the request of %s is nil", h.name)
	}
	if err := checkParent(opts.Parent); err != nil {
		return nil, m.invalid(reasonInvalid, "parent", "%v", err)
	}
	if err := checkText(opts.RequestID, maxRequestID); err != nil {
		return nil, m.invalid(reasonInvalid, "request_id", "the request id %v", err)
	}
	unique, err := uuid.NewV7()
	if err != nil {
		return nil, m.storeError(ctx, "", err)
	}
	id := unique.String()
	rec := &store.Record{
		Name:      operationName(opts.Parent, id),
		Parent:    opts.Parent,
		ID:        id,
		Method:    h.name,
		RequestID: opts.RequestID,
		State:     store.Pending,
		Timeout:   max(0, h.opts.Timeout),
	}
	if carrier := m.opts.Inject(ctx); len(carrier) > 0 {
		rec.Carrier = maps.Clone(carrier)
	}
	if h.opts.External {
		rec.State = store.External
	}
	if h.req != nil {
		if rec.Request, err = m.payload("request", req); err != nil {
			return nil, err
		}
	}
	if opts.Metadata != nil {
		if rec.Metadata, err = m.metadataOf(h, opts.Metadata); err != nil {
			return nil, err
		}
	}
	return rec, nil
}

// metadataOf checks and encodes metadata for an operation of h; h may be nil.
func (m *Manager) metadataOf(h *method, meta proto.Message) ([]byte, error) {
	if !valid(meta) {
		return nil, m.invalid(reasonInvalid, "metadata", "the metadata is nil")
	}
	if h != nil && h.meta != nil && typeOf(meta) != typeOf(h.meta) {
		return nil, m.invalid(reasonInvalid, "metadata", "the metadata is a %s; that of %s is a %s", typeOf(meta), h.name, typeOf(h.meta))
	}
	if h != nil && h.meta != nil && !h.hasMetadata() {
		return nil, nil
	}
	return m.payload("metadata", meta)
}

// admit stores rec, which nobody else has, as claimed by this Manager where it can
// run it now, and starts the attempt; or answers the earlier operation of its
// request id.
func (m *Manager) admit(ctx context.Context, h *method, rec *store.Record, opts *StartOptions) (*longrunningpb.Operation, error) {
	m.warnIdle()
	var a *attempt
	if rec.State == store.Pending && h.run != nil && !m.inTx(ctx) {
		if a = m.reserve(h, rec.Name); a != nil {
			rec.State, rec.Owner = store.Running, a.lease.owner
		}
	}
	if a != nil {
		var stop func()
		ctx, stop = until(ctx, a.run.io)
		defer stop()
	}
	stored, err := m.create(ctx, rec)
	if a != nil {
		if !known(err) {
			m.reconcileSoon()
		}
		if err == nil && a.owns(stored) {
			a.begin(stored) //nolint:contextcheck // the attempt outlives the call
		} else {
			a.drop()
		}
	}
	if err != nil {
		return nil, m.storeError(ctx, rec.Name, err)
	}
	if stored.ID != rec.ID {
		if err := m.sameRequest(ctx, rec, stored, opts); err != nil {
			return nil, err
		}
	}
	return m.operation(ctx, stored)
}

// warnIdle says in the log what is forgotten most easily, once and unless Run
// follows soon.
func (m *Manager) warnIdle() {
	m.update(func(s *state) {
		if s.phase != idle || s.warned {
			return
		}
		s.warned = true
		time.AfterFunc(5*time.Second, func() {
			m.update(func(s *state) {
				if s.phase == idle {
					m.log.Warn("lro: operations are started and Run is not running: this Manager executes nothing and wakes nobody")
				}
			})
		})
	})
}

// create repeats a Create of unknown outcome, unchanged: an earlier try that
// did commit is answered as the existing record.
func (m *Manager) create(ctx context.Context, rec *store.Record) (*store.Record, error) {
	return persist(ctx, m, call{"Create", rec.Name}, patience, func(ctx context.Context) (*store.Record, error) {
		return m.store.Create(ctx, rec)
	})
}

// sameRequest decides whether earlier may answer a repeated request id.
func (m *Manager) sameRequest(ctx context.Context, rec, earlier *store.Record, opts *StartOptions) error {
	if opts.Authorize != nil {
		access := Access{Verb: VerbGet, Name: earlier.Name, Parent: earlier.Parent}
		if err := opts.Authorize(ctx, access); err != nil {
			return m.denied(ctx, access, err)
		}
	}
	if !equalAnys(rec.Request, earlier.Request) {
		return m.invalid(reasonRequestID, "request_id",
			"the request id %q was used for another request, by operation %q; give each request an id of its own", rec.RequestID, earlier.Name)
	}
	return nil
}

// payload encodes what a caller gave, within the cap.
func (m *Manager) payload(field string, msg proto.Message) ([]byte, error) {
	b, err := m.encode(msg)
	if err == nil {
		return b, nil
	}
	if big, ok := errors.AsType[*tooLargeError](err); ok {
		return nil, m.invalid(reasonTooLarge, field, "the %s has %d bytes; at most %d are allowed", field, big.size, m.opts.MaxPayload)
	}
	return nil, m.invalid(reasonInvalid, field, "the %s cannot be marshalled: %v", field, err)
}
