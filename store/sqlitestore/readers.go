package sqlitestore

import (
	"context"
	"errors"
	"runtime"
	"sync"
)

// readers are connections that only read, opened as they are needed.
type readers struct {
	file  *file
	slots chan struct{} // one for each connection in use

	mu   sync.Mutex
	idle []*conn // the one that was used last is the next
}

func newReaders(f *file) *readers {
	return &readers{file: f, slots: make(chan struct{}, max(4, runtime.GOMAXPROCS(0)))}
}

// use waits for a free connection, or for the end of ctx, and lends it to fn.
func (r *readers) use(ctx context.Context, fn func(*conn) error) error {
	select {
	case r.slots <- struct{}{}:
	default: // a context may set its timer when it is first asked for Done
		select {
		case r.slots <- struct{}{}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	defer func() { <-r.slots }()
	c, err := r.take(ctx)
	if err != nil {
		return err
	}
	if err := fn(c); err != nil {
		return errors.Join(err, c.close()) // which may be broken, or interrupted
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.idle = append(r.idle, c)
	return nil
}

func (r *readers) take(ctx context.Context) (*conn, error) {
	r.mu.Lock()
	if last := len(r.idle) - 1; last >= 0 {
		c := r.idle[last]
		r.idle = r.idle[:last]
		r.mu.Unlock()
		return c, nil
	}
	r.mu.Unlock()
	return r.file.open(ctx, reading)
}

// close closes the connections; none is in use any more.
func (r *readers) close() error {
	var errs []error
	for _, c := range r.idle {
		errs = append(errs, c.close())
	}
	return errors.Join(errs...)
}
