package sqlitestore

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/longrunning-go/longrunning/store"
)

// Get implements [store.Store].
func (s *Store) Get(ctx context.Context, names ...string) ([]*store.Record, error) {
	if len(names) == 1 {
		return s.read(ctx, "Get", selectOne, names[0])
	}
	encoded, err := encode(names)
	if err != nil {
		return nil, fmt.Errorf("sqlitestore: Get: %w", err)
	}
	return s.read(ctx, "Get", selectMany, encoded)
}

// List implements [store.Store].
func (s *Store) List(ctx context.Context, q *store.Query) ([]*store.Record, error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	sql, args := listing(q, time.Now())
	return s.read(ctx, "List", sql, args...)
}

// read answers the records that sql selects; "" selects none.
func (s *Store) read(ctx context.Context, call, sql string, args ...driver.Value) ([]*store.Record, error) {
	end, err := s.begin(ctx, call)
	if err != nil {
		return nil, err
	}
	defer end()
	if sql == "" {
		return nil, nil
	}
	querying := ctx
	if sql == selectOne {
		// For a context that can end the driver starts a goroutine, which takes longer
		// than to find one record by its key. Nothing holds that up but another process
		// that recovers the log, and then BusyTimeout bounds it.
		querying = context.WithoutCancel(ctx)
	}
	var found []*store.Record
	err = s.readers.use(ctx, func(c *conn) error {
		return c.query(querying, func(row []driver.Value) error {
			found = append(found, scan(row))
			return nil
		}, sql, args...)
	})
	switch {
	case err == nil:
		return found, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("sqlitestore: %s: its context ended: %w", call, context.Cause(ctx))
	default:
		return nil, fmt.Errorf("sqlitestore: %s: %w", call, explained(err))
	}
}

// encode answers the JSON of what json_each is to yield. What no column can hold is
// left out, since JSON would make another text of it.
func encode(texts []string) (string, error) {
	known := make([]string, 0, len(texts))
	for _, s := range texts {
		if utf8.ValidString(s) && !strings.ContainsRune(s, 0) {
			known = append(known, s)
		}
	}
	encoded, err := json.Marshal(known)
	return string(encoded), err
}
