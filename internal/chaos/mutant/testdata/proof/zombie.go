package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store"
)

const leaseTTL = time.Second // the least there is

type (
	task     = *lro.Task[*testpb.PrintMetadata]
	printing = *lro.Method[*testpb.PrintRequest, *testpb.PrintResponse, *testpb.PrintMetadata]
)

// An execution is what a handler was called with.
type execution struct {
	ctx  context.Context
	task task
	end  chan struct{} // closed to let the handler return an error
}

// A process is a Manager with a store of its own; its handlers hand their
// executions over and wait.
type process struct {
	*lro.Manager
	store    *pausable
	prints   printing
	executed chan execution
}

func newProcess(s store.Store) (*process, error) {
	p := &process{store: &pausable{Store: s}, executed: make(chan execution, 10)}
	var err error
	p.Manager, err = lro.New(p.store, &lro.Options{LeaseTTL: leaseTTL, DrainTimeout: time.Millisecond})
	if err != nil {
		return nil, err
	}
	p.prints = lro.Handle(p.Manager, func(ctx context.Context, t task, _ *testpb.PrintRequest) (*testpb.PrintResponse, error) {
		e := execution{ctx, t, make(chan struct{})}
		p.executed <- e
		<-e.end
		return nil, errors.New("nothing was printed")
	}, nil)
	return p, nil
}

// An adoption is an operation that one process has adopted while the other was
// paused; both execute it, and the zombie is awake again.
type adoption struct {
	zombie, heir       *process
	zombieOwn, heirOwn execution
}

// adopted leads to an adoption. before is called with the heir's execution, before
// the zombie wakes.
func adopted(ctx context.Context, b *bench, before func(execution) error) (*adoption, error) {
	a := &adoption{}
	for _, p := range []**process{&a.zombie, &a.heir} {
		s, err := b.open(ctx)
		if err != nil {
			return nil, err
		}
		if *p, err = newProcess(s); err != nil {
			return nil, err
		}
	}
	go func() { _ = a.zombie.Run(ctx) }()
	if _, err := a.zombie.prints.Start(ctx, &testpb.PrintRequest{}, nil); err != nil {
		return nil, err
	}
	var err error
	if a.zombieOwn, err = next(ctx, a.zombie); err != nil {
		return nil, err
	}
	a.zombie.store.pause()
	go func() { _ = a.heir.Run(ctx) }()
	if a.heirOwn, err = next(ctx, a.heir); err != nil {
		return nil, err
	}
	err = before(a.heirOwn)
	a.zombie.store.wake()
	return a, err
}

func next(ctx context.Context, p *process) (execution, error) {
	select {
	case e := <-p.executed:
		return e, nil
	case <-ctx.Done():
		return execution{}, fmt.Errorf("waiting for an execution: %w", context.Cause(ctx))
	}
}

// told reports whether the handler learns within d that it shall stop.
func (e execution) told(d time.Duration) bool {
	select {
	case <-e.ctx.Done():
		return true
	case <-time.After(d):
		return false
	}
}

func staleCheckpoint(ctx context.Context, b *bench) (bool, string, error) {
	a, err := adopted(ctx, b, func(execution) error { return nil })
	if err != nil {
		return false, "", err
	}
	told := a.zombieOwn.told(3 * leaseTTL)
	err = a.zombieOwn.task.Save(ctx, &testpb.Checkpoint{})
	seen := fmt.Sprintf("zombie told %v, its checkpoint answered %v", told, err)
	switch {
	case told && errors.Is(err, lro.ErrLeaseLost):
		return true, seen, nil
	case !told && err == nil:
		return false, seen, nil
	}
	return false, "", errors.New(seen)
}

func secondEndByAttempt(ctx context.Context, b *bench) (bool, string, error) {
	a, err := adopted(ctx, b, func(heir execution) error {
		return heir.task.Complete(ctx, &testpb.PrintResponse{Text: "heir"})
	})
	if err != nil {
		return false, "", err
	}
	told := a.zombieOwn.told(3 * leaseTTL)
	err = a.zombieOwn.task.Complete(ctx, &testpb.PrintResponse{Text: "zombie"})
	text, getErr := printed(ctx, a.heir, a.heirOwn.task.Name())
	if getErr != nil {
		return false, "", getErr
	}
	seen := fmt.Sprintf("zombie told %v, its result answered %v, stored is that of %s", told, err, text)
	switch {
	case told && err != nil && text == "heir":
		return true, seen, nil
	case !told && err == nil && text == "zombie":
		return false, seen, nil
	}
	return false, "", errors.New(seen)
}

func untoldAttempt(ctx context.Context, b *bench) (bool, string, error) {
	a, err := adopted(ctx, b, func(execution) error { return nil })
	if err != nil {
		return false, "", err
	}
	told := a.zombieOwn.told(5 * leaseTTL)
	// Its writes are fenced either way.
	err = a.zombieOwn.task.Save(ctx, &testpb.Checkpoint{})
	alive := a.zombie.store.alive()
	seen := fmt.Sprintf("zombie told %v, its checkpoint answered %v, its owner alive: %v", told, err, alive)
	if !errors.Is(err, lro.ErrLeaseLost) || !told && !alive {
		return false, "", errors.New(seen)
	}
	return told, seen, nil
}

// printed answers the text of the response of a done operation.
func printed(ctx context.Context, p *process, name string) (string, error) {
	op, err := p.Get(ctx, name)
	if err != nil {
		return "", err
	}
	res := new(testpb.PrintResponse)
	if err := op.GetResponse().UnmarshalTo(res); err != nil {
		return "", err
	}
	return res.GetText(), nil
}
