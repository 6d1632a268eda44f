package sqlitestore

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"time"

	"github.com/longrunning-go/longrunning/internal/hints"
	"github.com/longrunning-go/longrunning/store"
)

const (
	// listenEvery is how often a Store looks whether another has written, and
	// listenSoon how soon after it has found something: where others write they write
	// again, and somebody may wait for each. A look costs a few microseconds while
	// none has.
	listenEvery = 100 * time.Millisecond
	listenSoon  = 10 * time.Millisecond
	// relistenAfter is how long a Store waits after it could not look.
	relistenAfter = time.Second
)

// listen brings the hints of other Stores on the file, until ctx ends.
func (s *Store) listen(ctx context.Context, source *hints.Source) {
	for ctx.Err() == nil {
		err := s.follow(ctx, source)
		source.Deaf()
		if ctx.Err() != nil {
			return
		}
		s.log.WarnContext(ctx, "sqlitestore: changes of other processes are not noticed for now", "error", err)
		select {
		case <-time.After(relistenAfter):
		case <-ctx.Done():
		}
	}
}

// follow listens on one connection until it fails, or ctx ends.
func (s *Store) follow(ctx context.Context, source *hints.Source) (err error) {
	c, err := s.file.open(ctx, reading)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	f := follower{conn: c, origin: s.origin, publish: source.Publish}
	if err := f.start(ctx); err != nil {
		return err
	}
	source.Hears()
	pause := listenEvery
	for {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		found, err := f.look(ctx)
		if err := errors.Join(s.file.unmoved(), err); err != nil {
			return err
		}
		if pause = min(2*pause, listenEvery); found {
			pause = listenSoon
		}
	}
}

// A follower reads the hints that others leave in the file.
type follower struct {
	*conn

	origin  string
	publish func(store.Hint)
	last    int64        // hint that it has read
	changes driver.Value // of the file, when it did
}

func (f *follower) start(ctx context.Context) (err error) {
	// In this order: what comes between the two is read, not lost.
	if f.changes, err = f.one(ctx, selectChanges); err != nil {
		return err
	}
	last, err := f.one(ctx, selectLast)
	f.last = integer(last)
	return err
}

// look publishes what others have left since the last look, and reports whether
// there was anything.
func (f *follower) look(ctx context.Context) (found bool, err error) {
	changes, err := f.one(ctx, selectChanges)
	if err != nil || changes == f.changes {
		return false, err
	}
	f.changes = changes
	var hint store.Hint
	err = f.query(ctx, func(row []driver.Value) error {
		seq := integer(row[0])
		if seq > f.last+1 { // those between were removed before they were read
			hint.All, hint.Due = true, true
		}
		f.last = seq
		if row[1] == nil {
			return nil
		}
		var names []string
		if err := json.Unmarshal([]byte(text(row[1])), &names); err != nil {
			return err
		}
		hint.Names = append(hint.Names, names...)
		hint.Due = hint.Due || integer(row[2]) != 0
		return nil
	}, selectHints, f.origin, f.last)
	if err != nil {
		return false, err
	}
	if found = len(hint.Names) > 0 || hint.Due || hint.All; found {
		f.publish(hint)
	}
	return found, nil
}
