package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/lro"
	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/memstore"
)

func secondEndByName(ctx context.Context, b *bench) (bool, string, error) {
	s, err := b.open(ctx)
	if err != nil {
		return false, "", err
	}
	p, err := newProcess(s)
	if err != nil {
		return false, "", err
	}
	op, err := p.Create(ctx, nil)
	if err != nil {
		return false, "", err
	}
	var errs []error
	for _, text := range []string{"first", "first", "second"} {
		errs = append(errs, p.Complete(ctx, op.GetName(), &testpb.PrintResponse{Text: text}))
	}
	text, err := printed(ctx, p, op.GetName())
	if err != nil {
		return false, "", err
	}
	seen := fmt.Sprintf("answers %v, stored is the %s result", errs, text)
	switch {
	case errs[0] == nil && errs[1] == nil && errors.Is(errs[2], lro.ErrDone) && text == "first":
		return true, seen, nil
	case errors.Join(errs...) == nil && text == "second":
		return false, seen, nil
	}
	return false, "", errors.New(seen)
}

// missedEnd completes an operation when a Wait has just read it.
func missedEnd(ctx context.Context, _ *bench) (bool, string, error) {
	p, err := newProcess(memstore.New())
	if err != nil {
		return false, "", err
	}
	go func() { _ = p.Run(ctx) }()
	if _, err := p.prints.Start(ctx, &testpb.PrintRequest{}, nil); err != nil {
		return false, "", err
	}
	if _, err := next(ctx, p); err != nil { // it runs now
		return false, "", err
	}
	op, err := p.Create(ctx, nil)
	if err != nil {
		return false, "", err
	}
	read := make(chan struct{})
	var once sync.Once
	p.store.hook(func(names []string) {
		if slices.Contains(names, op.GetName()) {
			once.Do(func() { close(read) })
		}
	}, nil)
	var completing sync.WaitGroup
	var completeErr error
	completing.Go(func() {
		<-read
		completeErr = p.Complete(ctx, op.GetName(), &testpb.PrintResponse{})
	})
	waiting, stop := context.WithTimeout(ctx, 5*time.Second) // more than two rounds of re-reading
	defer stop()
	began := time.Now()
	seen, err := p.Wait(waiting, op.GetName())
	completing.Wait()
	if err = errors.Join(err, completeErr); err != nil {
		return false, "", err
	}
	return seen.GetDone(), fmt.Sprintf("after %v the waiter saw done %v", time.Since(began).Round(10*time.Millisecond), seen.GetDone()), nil
}

func sameRequestTwice(ctx context.Context, b *bench) (bool, string, error) {
	var stores [2]store.Store
	for i := range stores {
		var err error
		if stores[i], err = b.open(ctx); err != nil {
			return false, "", err
		}
	}
	var recs [3]*store.Record
	var errs [3]error
	var creates sync.WaitGroup
	create := func(i int, s store.Store) {
		id := strconv.Itoa(i)
		recs[i], errs[i] = s.Create(ctx, &store.Record{
			Name: "operations/" + id, ID: id, Method: "/m", RequestID: "r", State: store.Pending, Request: []byte("request"),
		})
	}
	for i, s := range stores {
		creates.Go(func() { create(i, s) })
	}
	creates.Wait()
	create(2, stores[0]) // by now all look and find
	if err := errors.Join(errs[:]...); err != nil {
		return false, "", err
	}
	seen := fmt.Sprintf("made at once: %s and %s; found later: %s, with %q", recs[0].ID, recs[1].ID, recs[2].ID, recs[2].Request)
	if recs[2].ID == "2" || string(recs[2].Request) != "request" {
		return false, "", errors.New(seen)
	}
	return recs[0].ID == recs[1].ID, seen, nil
}
