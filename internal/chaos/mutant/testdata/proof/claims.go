package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/longrunning-go/longrunning/internal/testpb"
	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/memstore"
)

func orphanFirst(ctx context.Context, b *bench) (bool, string, error) {
	s, err := b.open(ctx)
	if err != nil {
		return false, "", err
	}
	for _, owner := range []string{"dead", "alive"} {
		if _, err := s.Heartbeat(ctx, owner, time.Minute); err != nil {
			return false, "", err
		}
	}
	for i := range 5 {
		rec := &store.Record{Name: fmt.Sprint("operations/", i), ID: strconv.Itoa(i), Method: "/m", State: store.Pending}
		if i == 4 {
			rec.State, rec.Owner = store.Running, "dead"
		}
		if _, err := s.Create(ctx, rec); err != nil {
			return false, "", err
		}
	}
	if _, err := s.Heartbeat(ctx, "dead", 0); err != nil {
		return false, "", err
	}
	var order []string
	for range 5 {
		recs, err := s.Claim(ctx, &store.Claim{Owner: "alive", Methods: []string{"/m"}, Limit: 1, Adopt: true})
		if err != nil || len(recs) != 1 {
			return false, "", fmt.Errorf("claim of one record: got %d, %w", len(recs), err)
		}
		order = append(order, recs[0].ID)
	}
	seen := fmt.Sprintf("the orphan is 4, claimed were %v", order)
	switch {
	case order[0] == "4":
		return true, seen, nil
	case order[4] == "4":
		return false, seen, nil
	}
	return false, "", errors.New(seen)
}

// claimUnanswered loses the answer of the first Claim that takes something.
func claimUnanswered(ctx context.Context, _ *bench) (bool, string, error) {
	p, err := newProcess(memstore.New())
	if err != nil {
		return false, "", err
	}
	var once sync.Once
	lost := make(chan struct{})
	p.store.hook(nil, func(recs []*store.Record) (err error) {
		if len(recs) > 0 {
			once.Do(func() { close(lost); err = errors.New("the connection was cut") })
		}
		return err
	})
	op, err := p.prints.Start(ctx, &testpb.PrintRequest{}, nil) // pending: nothing runs yet
	if err != nil {
		return false, "", err
	}
	go func() { _ = p.Run(ctx) }()
	select {
	case <-lost:
	case <-ctx.Done():
		return false, "", errors.New("the operation was not claimed")
	}
	select {
	case e := <-p.executed:
		return true, fmt.Sprintf("executed, attempt %d", e.task.Attempt()), nil
	case <-time.After(6 * leaseTTL):
	}
	recs, err := p.store.Get(ctx, op.GetName())
	if err != nil || len(recs) != 1 || recs[0].State != store.Running {
		return false, "", fmt.Errorf("want the operation to be stored as running, got %v, %w", recs, err)
	}
	return false, "not executed, and stored as running", nil
}

// buriedSibling lets one Manager come back from an outage before the other.
func buriedSibling(ctx context.Context, _ *bench) (bool, string, error) {
	shared := memstore.New()
	var both [2]*process
	for i := range both {
		var err error
		if both[i], err = newProcess(shared); err != nil {
			return false, "", err
		}
		go func() { _ = both[i].Run(ctx) }()
	}
	first, second := both[0], both[1]
	claims := make(chan struct{})
	var once sync.Once
	rest(ctx, 2*leaseTTL)
	first.store.pause()
	second.store.pause()
	rest(ctx, 3*leaseTTL)
	first.store.hook(nil, func([]*store.Record) error { once.Do(func() { close(claims) }); return nil })
	first.store.wake()
	select {
	case <-claims:
	case <-ctx.Done():
		return false, "", errors.New("the first Manager has claimed nothing after the outage")
	}
	second.store.wake()
	rest(ctx, 2*leaseTTL)
	buried := second.store.buried()
	return !buried, fmt.Sprintf("the second Manager was buried: %v", buried), nil
}

func rest(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
