package database

import (
	"context"
	"errors"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/longrunning-go/longrunning/internal/pgtest"
	"github.com/longrunning-go/longrunning/store/pgstore"
)

// Postgres is a private cluster, made when the first database is asked for. It
// waits for the disk as a cluster in production does. Checkpoints come as rarely as
// in one that is tuned for writes, since one of them would take all of a round, and
// they keep the segments of the log to be written again: a new one is 16 MB of zeros
// for which everybody waits.
type Postgres struct {
	mu      sync.Mutex
	cluster *pgtest.Cluster
	made    []string // their URLs
}

// Name implements [System].
func (s *Postgres) Name() string { return "postgres" }

// Version implements [System].
func (s *Postgres) Version(ctx context.Context) (version string, err error) {
	db, err := s.New(ctx)
	if err != nil {
		return "", err
	}
	err = withPool(ctx, db.Address(), func(pool *pgxpool.Pool) error {
		return pool.QueryRow(ctx, "SELECT 'Postgres ' || current_setting('server_version')").Scan(&version)
	})
	return version, err
}

// New implements [System].
func (s *Postgres) New(ctx context.Context) (Database, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cluster == nil {
		cluster, err := pgtest.Start(ctx, "fsync=on", "full_page_writes=on", "synchronous_commit=on",
			"shared_buffers=128MB", "min_wal_size=4GB", "max_wal_size=8GB", "checkpoint_timeout=1h")
		if err != nil {
			return nil, err
		}
		s.cluster = cluster
	}
	url, err := s.cluster.CreateDatabase(ctx)
	if err != nil {
		return nil, err
	}
	s.made = append(s.made, url)
	return postgresDatabase(url), withPool(ctx, url, func(pool *pgxpool.Pool) error {
		return pgstore.Migrate(ctx, pool, nil)
	})
}

// Clear implements [System].
func (s *Postgres) Clear(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.made) == 0 {
		return nil
	}
	return withPool(ctx, s.cluster.URL("postgres"), func(pool *pgxpool.Pool) error {
		for ; len(s.made) > 0; s.made = s.made[1:] {
			config, err := pgx.ParseConfig(s.made[0])
			if err != nil {
				return err
			}
			if _, err := pool.Exec(ctx, "DROP DATABASE "+pgx.Identifier{config.Database}.Sanitize()+" WITH (FORCE)"); err != nil {
				return err
			}
		}
		return nil
	})
}

// Close implements [System].
func (s *Postgres) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cluster == nil {
		return nil
	}
	return s.cluster.Stop()
}

// A postgresDatabase is its URL.
type postgresDatabase string

func (d postgresDatabase) Address() string { return string(d) }

func (d postgresDatabase) Analyze(ctx context.Context) error {
	return errors.Join(d.exec(ctx, "ANALYZE"), d.exec(ctx, "CHECKPOINT"))
}

// fillPostgres makes 2 running records of each hundred. Autovacuum would make
// statistics.
const fillPostgres = `
ALTER TABLE lro_operations SET (autovacuum_enabled = off);
INSERT INTO lro_operations (name, parent, id, method, request_id, request, carrier,
	version, epoch, create_time, update_time, end_time, deadline, due_time, expire_time,
	state, owner, released, retried, cancel_requested, deleted, metadata, checkpoint, response, error)
SELECT 'operations/' || id, '', id, '/bench.v1.Bench/Fill', '', decode(repeat('ab', 400), 'hex'), NULL,
	2, 1, at, at, CASE WHEN NOT running THEN at END, at + interval '1 day', NULL, CASE WHEN NOT running THEN at + interval '30 days' END,
	CASE WHEN running THEN 2 ELSE 4 END, CASE WHEN running THEN 'somebody' ELSE '' END, 0, 0, false, false,
	$2::bytea, NULL, CASE WHEN NOT running THEN $3::bytea END, NULL
FROM (
	SELECT i, '01990000-' || lpad(to_hex(i), 8, '0') || '-7000-8000-000000000000' AS id,
		i % 50 = 0 AS running, now() + i * interval '1 millisecond' AS at
	FROM generate_series(1, $1::int) i OFFSET 0
) o`

// Fill leaves no records to be written to the disk later, beside what is measured.
func (d postgresDatabase) Fill(ctx context.Context, n int) error {
	if err := d.exec(ctx, fillPostgres, n, metadata, response); err != nil {
		return err
	}
	return d.exec(ctx, "CHECKPOINT")
}

func (d postgresDatabase) exec(ctx context.Context, sql string, args ...any) error {
	return withPool(ctx, string(d), func(pool *pgxpool.Pool) error {
		_, err := pool.Exec(ctx, sql, append([]any{pgx.QueryExecModeSimpleProtocol}, args...)...)
		return err
	})
}

func openPostgres(ctx context.Context, url string, set Settings) (*Store, error) {
	pool, err := newPool(ctx, url, set.Conns)
	if err != nil {
		return nil, err
	}
	st, err := pgstore.New(ctx, pool, &pgstore.Options{MaxBatch: set.MaxBatch})
	if err != nil {
		pool.Close()
		return nil, err
	}
	return &Store{st, st, func() error {
		st.Close()
		pool.Close()
		return nil
	}}, nil
}

func newPool(ctx context.Context, url string, conns int) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.MaxConns = int32(max(1, conns))
	return pgxpool.NewWithConfig(ctx, config)
}

func withPool(ctx context.Context, url string, fn func(*pgxpool.Pool) error) error {
	pool, err := newPool(ctx, url, 1)
	if err != nil {
		return err
	}
	defer pool.Close()
	return fn(pool)
}
