package sqlitestore

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"github.com/longrunning-go/longrunning/internal/group"
	"github.com/longrunning-go/longrunning/internal/hints"
	"github.com/longrunning-go/longrunning/store"
)

// A Store is a [store.Store] in a SQLite file, and a [store.Notifier]. It is safe
// for concurrent use. Close it.
type Store struct {
	file    *file
	log     *slog.Logger
	secret  []byte
	origin  string // of the hints that it writes
	writer  *writer
	writes  *group.Writer[change]
	readers *readers
	hub     *hints.Hub

	closing chan struct{} // closed by Close

	mu     sync.RWMutex
	closed bool
	calls  sync.WaitGroup // those under way; none is added once closed is set
}

var (
	_ store.Store    = (*Store)(nil)
	_ store.Notifier = (*Store)(nil)
)

// Open opens the file at path, which is that of a file and no URI; nil options
// mean the defaults. Close the Store when it is no longer needed.
//
// Open fails where the file is not there, is no database, is one of another
// application or cannot be written, and where its schema is older than this
// library (see Options.Migrate) or too new for it.
func Open(ctx context.Context, path string, opts *Options) (*Store, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("sqlitestore: Open not begun: %w", err)
	}
	opts = opts.withDefaults()
	if err := opts.validate(); err != nil {
		return nil, err
	}
	f, err := newFile(path, opts)
	if err != nil {
		return nil, err
	}
	if opts.Migrate {
		if migrateErr := f.migrate(ctx); migrateErr != nil {
			return nil, migrateErr
		}
	}
	c, secret, err := f.openWriter(ctx)
	if err != nil {
		return nil, err
	}
	if f.opened, err = os.Stat(f.path); err != nil {
		return nil, errors.Join(f.failed("open", err), c.close())
	}
	s := &Store{file: f, log: opts.Logger, secret: secret, origin: rand.Text(), readers: newReaders(f), closing: make(chan struct{})}
	s.hub = hints.New(s.listen)
	s.writes = &group.Writer[change]{Max: opts.MaxBatch, MaxSize: maxBytes, Size: func(c change) int { return c.size }}
	s.writer = &writer{file: f, log: opts.Logger, origin: s.origin, max: opts.MaxBatch, more: s.writes.More, publish: s.hub.Publish, conn: c}
	s.writes.Commit, s.writes.Inline = s.writer.commit, s.writer.beginAtOnce
	return s, nil
}

// Close turns later calls away, ends those of Notify and waits for the others. A
// second Close does nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	again := s.closed
	s.closed = true
	s.mu.Unlock()
	if again {
		return nil
	}
	close(s.closing)
	s.writes.Close(errClosed)
	s.calls.Wait()
	return errors.Join(s.readers.close(), s.writer.close())
}

// begin turns away a call that cannot begin, before anything is written, and
// answers what to call at its end.
func (s *Store) begin(ctx context.Context, call string) (end func(), err error) {
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("sqlitestore: %s not begun: %w", call, err)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, errClosed
	}
	s.calls.Add(1)
	return s.calls.Done, nil
}

// Notify implements [store.Notifier]. It answers an error once the Store is
// closed.
func (s *Store) Notify(ctx context.Context, fn func(store.Hint)) error {
	if ctx.Err() != nil {
		return nil
	}
	end, err := s.begin(ctx, "Notify")
	if err != nil {
		return err
	}
	defer end()
	listening, stop := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		select {
		case <-s.closing:
			stop()
		case <-listening.Done():
		}
	})
	err = s.hub.Notify(listening, fn)
	stop()
	watching.Wait()
	if err == nil && ctx.Err() == nil {
		return errClosed
	}
	return err
}

// Secret implements [store.Store].
func (s *Store) Secret(ctx context.Context) ([]byte, error) {
	end, err := s.begin(ctx, "Secret")
	if err != nil {
		return nil, err
	}
	defer end()
	return bytes.Clone(s.secret), nil
}
