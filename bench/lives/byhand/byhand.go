// Package byhand is what most services have where this library could be: a map, a
// mutex, and a goroutine for each operation. It forgets nothing but what it loses
// with the process.
package byhand

import (
	"context"
	"sync"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// Work is what an operation does, on a goroutine of its own. It may report
// metadata as it goes on.
type Work func(report func(proto.Message) error) (proto.Message, error)

// A Manager has operations. Its methods are safe for concurrent use, and what they
// answer must not be modified.
type Manager struct {
	mu  sync.Mutex
	ops map[string]*operation
}

type operation struct {
	latest *longrunningpb.Operation // replaced, never modified
	done   chan struct{}
}

// New makes a Manager without operations.
func New() *Manager { return &Manager{ops: make(map[string]*operation)} }

// Start answers an operation, and does its work.
func (m *Manager) Start(work Work) (*longrunningpb.Operation, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, status.Errorf(codes.Internal, "make an id: %v", err)
	}
	started := &longrunningpb.Operation{Name: "operations/" + id.String()}
	op := &operation{latest: started, done: make(chan struct{})}
	m.mu.Lock()
	m.ops[started.GetName()] = op
	m.mu.Unlock()
	go m.run(op, work)
	return started, nil
}

func (m *Manager) run(op *operation, work Work) {
	res, err := work(func(meta proto.Message) error { return m.report(op, meta) })
	var response *anypb.Any
	if err == nil {
		response, err = anypb.New(res)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	end := &longrunningpb.Operation{Name: op.latest.GetName(), Metadata: op.latest.GetMetadata(), Done: true}
	if err != nil {
		end.Result = &longrunningpb.Operation_Error{Error: status.Convert(err).Proto()}
	} else {
		end.Result = &longrunningpb.Operation_Response{Response: response}
	}
	op.latest = end
	close(op.done)
}

func (m *Manager) report(op *operation, meta proto.Message) error {
	metadata, err := anypb.New(meta)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	op.latest = &longrunningpb.Operation{Name: op.latest.GetName(), Metadata: metadata}
	return nil
}

// Get answers the latest state of an operation.
func (m *Manager) Get(name string) (*longrunningpb.Operation, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	op, ok := m.ops[name]
	if !ok {
		return nil, status.Errorf(codes.NotFound, "operation %q not found", name)
	}
	return op.latest, nil
}

// Wait answers an operation that is done, or its latest state when ctx ends.
func (m *Manager) Wait(ctx context.Context, name string) (*longrunningpb.Operation, error) {
	m.mu.Lock()
	op, ok := m.ops[name]
	m.mu.Unlock()
	if ok {
		select {
		case <-op.done:
		case <-ctx.Done():
		}
	}
	return m.Get(name)
}
