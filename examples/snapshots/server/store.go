package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/memstore"
	"github.com/longrunning-go/longrunning/store/pgstore"
	"github.com/longrunning-go/longrunning/store/sqlitestore"
)

// memory is the store that dies with the process.
const memory = "memory"

// An opened is a store that was opened.
type opened struct {
	store store.Store
	name  string       // for people: without a password
	close func() error // for when nobody uses the store any more
}

// openStore opens the store that spec, the value of -store, names, and makes or
// updates its tables. No error of it shows a password.
func openStore(ctx context.Context, spec string) (*opened, error) {
	kind, rest, _ := strings.Cut(spec, ":")
	switch {
	case spec == memory:
		return &opened{memstore.New(), memory, func() error { return nil }}, nil
	case kind == "sqlite":
		return openSQLite(ctx, rest)
	case kind == "postgres", kind == "postgresql":
		return openPostgres(ctx, spec)
	}
	found := spec
	if i := strings.IndexFunc(spec, func(r rune) bool { return !unicode.IsLetter(r) }); i >= 0 {
		found = spec[:i] + "…" // what follows may hold a password
	}
	return nil, fmt.Errorf("-store: expected memory, sqlite:FILE or postgres://USER:PASSWORD@HOST:PORT/DATABASE, found %q", found)
}

func openSQLite(ctx context.Context, file string) (*opened, error) {
	if _, err := os.Stat(filepath.Dir(file)); err != nil {
		return nil, fmt.Errorf("-store sqlite:%s: the folder of the file must be there: %w", file, err)
	}
	st, err := sqlitestore.Open(ctx, file, &sqlitestore.Options{Migrate: true, Logger: slog.Default()})
	if err != nil {
		return nil, fmt.Errorf("-store sqlite:%s: %w", file, err)
	}
	return &opened{st, "sqlite:" + file, st.Close}, nil
}

// connectTimeout bounds the wait for a Postgres that does not answer, unless
// connect_timeout in its URL does.
const connectTimeout = 10 * time.Second

func openPostgres(ctx context.Context, spec string) (*opened, error) {
	if _, err := url.Parse(spec); err != nil {
		// Not err, which quotes what it stumbled over.
		return nil, errors.New("-store: expected a URL, postgres://USER:PASSWORD@HOST:PORT/DATABASE; percent-encode what is special in the password, or leave it to PGPASSWORD")
	}
	config, err := pgxpool.ParseConfig(spec)
	if err != nil {
		return nil, fmt.Errorf("-store postgres://…: %w", cmp.Or(errors.Unwrap(err), err)) // the outer one repeats the URL
	}
	config.ConnConfig.ConnectTimeout = cmp.Or(config.ConnConfig.ConnectTimeout, connectTimeout)
	name := nameOf(config.ConnConfig)
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("-store %s: %w", name, err)
	}
	st, err := pgstore.New(ctx, pool, &pgstore.Options{Migrate: true})
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("-store %s: %w", name, err)
	}
	return &opened{st, name, func() error {
		st.Close()
		pool.Close()
		return nil
	}}, nil
}

// nameOf answers the URL of a database without what is secret in it.
func nameOf(c *pgx.ConnConfig) string {
	database := url.URL{
		Scheme: "postgres",
		User:   url.User(c.User),
		Host:   net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))),
		Path:   "/" + c.Database,
	}
	return database.String()
}
