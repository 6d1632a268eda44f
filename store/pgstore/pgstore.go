package pgstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/longrunning-go/longrunning/internal/hints"
	"github.com/longrunning-go/longrunning/store"
)

// A Store is a [store.Store] in Postgres. It is safe for concurrent use.
type Store struct {
	pool     *pgxpool.Pool // the application's
	reserved *pgxpool.Pool // ours: see doc.go
	opts     *Options
	log      *slog.Logger
	channel  string // of NOTIFY
	sql      *queries
	id       pgtype.UUID // of the schema
	secret   []byte

	creates lane[*creation]
	updates lane[*update]
	hub     *hints.Hub
	closed  atomic.Bool
}

var (
	_ store.Store         = (*Store)(nil)
	_ store.Notifier      = (*Store)(nil)
	_ store.Transactional = (*Store)(nil)
)

// reservedConns are the two lanes of writes, the listener, and two for
// heartbeats, of which there is one at a time unless Managers share the Store.
const reservedConns = 5

// New answers a store on the database of pool, which stays the caller's to close,
// after the Store. It fails where the server is too old or a standby, and where the
// tables are missing, of another version, or not for this user to write.
func New(ctx context.Context, pool *pgxpool.Pool, opts *Options) (*Store, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	if pool == nil {
		return nil, errors.New("pgstore: New was called without a pool: make one with pgxpool.New")
	}
	s := &Store{
		pool: pool, opts: o, log: o.Logger,
		channel: o.channel(), sql: newQueries(o),
	}
	if err := checkServer(ctx, pool); err != nil {
		return nil, err
	}
	if o.Migrate {
		err = migrate(ctx, pool, o, latest)
	}
	if err == nil {
		err = s.checkSchema(ctx)
	}
	if err != nil {
		return nil, err
	}
	if s.reserved, err = s.reserve(ctx); err != nil {
		return nil, failure("New", err)
	}
	s.creates.call, s.creates.statement, s.creates.look = "Create", s.createStatement, s.earlierStatement
	s.updates.call, s.updates.statement, s.updates.look = "Update", s.updateStatement, s.versionsStatement
	s.creates.start(s)
	s.updates.start(s)
	s.hub = hints.New(s.listen)
	return s, nil
}

// checkServer turns away a database that no call could succeed on.
func checkServer(ctx context.Context, pool *pgxpool.Pool) error {
	var version int
	var encoding string
	var standby bool
	err := pool.QueryRow(ctx, `SELECT current_setting('server_version_num')::int, current_setting('server_encoding'), pg_is_in_recovery()`).
		Scan(&version, &encoding, &standby)
	switch {
	case err != nil:
		return failure("connecting", err)
	case version < 130000:
		return fmt.Errorf("pgstore: the server is Postgres %d; version 13 or later is needed", version/10000)
	case encoding != "UTF8":
		return fmt.Errorf("pgstore: the encoding of the database is %s; create one with ENCODING 'UTF8'", encoding)
	case standby:
		return errors.New("pgstore: the server is a read-only standby; connect to the primary (target_session_attrs=read-write in the URL finds it)")
	}
	return nil
}

var errClosed = errors.New("pgstore: the store is closed")

// Close waits for the writes under way and closes the connections of the Store,
// but not the pool. Call it when Notify has returned, as it has after the Run of a
// Manager. Calls after it fail.
func (s *Store) Close() {
	s.creates.group.Close(errClosed)
	s.updates.group.Close(errClosed)
	s.closed.Store(true)
	s.reserved.Close()
}

// Secret implements [store.Store].
func (s *Store) Secret(context.Context) ([]byte, error) { return s.secret, nil }

// Notify implements [store.Notifier].
func (s *Store) Notify(ctx context.Context, fn func(store.Hint)) error { return s.hub.Notify(ctx, fn) }
