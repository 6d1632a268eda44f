package lrotest_test

import (
	"context"
	"time"

	"github.com/longrunning-go/longrunning/lro/lrotest"
)

// A once starts an operation for a request id.
type once func(ctx context.Context, s *shop, id string) (*operation, error)

func onceBy(start once) func(*shop, *lrotest.Target) {
	return func(s *shop, tg *lrotest.Target) {
		tg.StartOnce = func(ctx context.Context, id string) (*operation, error) { return start(ctx, s, id) }
	}
}

// lookThenStart keeps the id some time after it looked.
func lookThenStart() once {
	seen := new(memory[string])
	return func(ctx context.Context, s *shop, id string) (*operation, error) {
		if name, ok := seen.get(id); ok {
			return s.Get(ctx, name)
		}
		time.Sleep(time.Millisecond)
		op, err := s.start("once", here)(ctx)
		if err == nil {
			seen.put(id, op.GetName())
		}
		return op, err
	}
}

// findLast takes an operation that still runs for that of any id.
func findLast() once {
	last := new(memory[string])
	return func(ctx context.Context, s *shop, id string) (*operation, error) {
		if name, ok := last.get("last"); ok {
			if op, err := s.Get(ctx, name); err == nil {
				return op, nil
			}
		}
		op, err := s.once(ctx, id)
		if err == nil {
			last.put("last", op.GetName())
		}
		return op, err
	}
}
