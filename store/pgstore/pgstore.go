package pgstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/longrunning-go/longrunning/internal/hints"
	"github.com/longrunning-go/longrunning/store"
)

// Options change how a Store works. Nil means the defaults.
type Options struct {
	// Schema is the Postgres schema of the tables, whose names begin with lro_.
	// Default "public".
	Schema string
	// Migrate lets New bring the tables to the version of this library, as the
	// function Migrate does. Default: New fails where they are not.
	Migrate bool
	// MaxBatch is how many writes are committed as one at most. Default 256. With 1
	// every write is a transaction of its own, on a connection of the pool.
	MaxBatch int
	// Timeout bounds every statement, in the server too. Default 10 s.
	Timeout time.Duration
	// Logger hears of connections that are lost. Default slog.Default().
	Logger *slog.Logger
}

func (o *Options) withDefaults() (*Options, error) {
	set := *cmp.Or(o, &Options{})
	set.Schema = cmp.Or(set.Schema, "public")
	set.MaxBatch = cmp.Or(set.MaxBatch, 256)
	set.Timeout = cmp.Or(set.Timeout, 10*time.Second)
	set.Logger = cmp.Or(set.Logger, slog.Default())
	switch {
	case len(set.Schema) > maxIdentifier || !isText(set.Schema):
		return nil, fmt.Errorf("pgstore: Options.Schema %q is no name of a schema: want UTF-8 of at most %d bytes", set.Schema, maxIdentifier)
	case set.MaxBatch < 1:
		return nil, fmt.Errorf("pgstore: Options.MaxBatch is %d; want at least 1, or 0 for the default", set.MaxBatch)
	case set.Timeout < time.Millisecond:
		return nil, fmt.Errorf("pgstore: Options.Timeout is %v; want at least 1ms, or 0 for the default", set.Timeout)
	}
	return &set, nil
}

// maxIdentifier is how many bytes of a name Postgres keeps.
const maxIdentifier = 63

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
// after the Store. It fails where the database is too old, read-only, or without
// the tables of this version.
func New(ctx context.Context, pool *pgxpool.Pool, opts *Options) (*Store, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Store{
		pool: pool, opts: o, log: o.Logger,
		channel: "lro_" + o.Schema[:min(len(o.Schema), maxIdentifier-len("lro_"))],
		sql:     newQueries(o),
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
	config := pool.Config()
	config.MaxConns, config.MinConns, config.MinIdleConns = reservedConns, 0, 0
	// The reserved pool outlives ctx; Close ends it.
	if s.reserved, err = pgxpool.NewWithConfig(context.WithoutCancel(ctx), config); err != nil {
		return nil, failure("New", err)
	}
	s.creates.call, s.creates.statement = "Create", s.creation
	s.updates.call, s.updates.statement, s.updates.settle = "Update", s.replacement, s.explain
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
	s.reserved.Close()
}

// Secret implements [store.Store].
func (s *Store) Secret(context.Context) ([]byte, error) { return s.secret, nil }

// Notify implements [store.Notifier].
func (s *Store) Notify(ctx context.Context, fn func(store.Hint)) error { return s.hub.Notify(ctx, fn) }

// queries are all that the Store runs in steady state, for its schema.
type queries struct {
	settings, whose                   string
	create, earlier, update, versions string
	get, getOne                       string
	heartbeat, bury, alive, claim     string
	expire, forget                    string
}

func newQueries(o *Options) *queries {
	in := func(sql string) string { return inSchema(sql, o.Schema) }
	return &queries{
		settings: fmt.Sprintf(settings, o.Timeout.Milliseconds()), whose: in(whose),
		create: in(createSQL), earlier: in(earlierSQL), update: in(updateSQL), versions: in(versionsSQL),
		get: in(getSQL), getOne: in(getOneSQL),
		heartbeat: in(heartbeatSQL), bury: in(burySQL), alive: in(aliveSQL), claim: in(claimSQL),
		expire: in(expireSQL), forget: in(forgetSQL),
	}
}

// inSchema puts the name of the schema into a text of SQL.
func inSchema(sql, schema string) string {
	return strings.ReplaceAll(sql, "{schema}", pgx.Identifier{schema}.Sanitize())
}
