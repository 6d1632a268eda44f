package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// A PgBouncer is a pooler in transaction mode in front of a cluster: each
// transaction runs in whichever session is free, so that nothing which a
// session remembers (settings, LISTEN, prepared statements, advisory locks)
// can be relied on.
type PgBouncer struct {
	server *url.URL
	stop   func() error
}

// PgBouncer starts the pgbouncer that is on the PATH or in /usr/sbin. It takes
// anybody, and lets them in as postgres. Call its Stop before that of the
// cluster.
func (c *Cluster) PgBouncer(ctx context.Context) (*PgBouncer, error) {
	program, err := findPgBouncer()
	if err != nil {
		return nil, err
	}
	s, err := newServer(ctx, "")
	if err != nil {
		return nil, err
	}
	b := &PgBouncer{stop: sync.OnceValue(s.end)}
	err = onFreePort(ctx, func(port string) error {
		at := *c.server
		at.Host = "127.0.0.1:" + port
		b.server = &at
		config := filepath.Join(s.dir, "pgbouncer.ini")
		if err := os.WriteFile(config, []byte(c.poolOn(port)), 0o644); err != nil {
			return fmt.Errorf("pgtest: %w", err)
		}
		return s.start(ctx, func(ctx context.Context) error { return answers(ctx, b.server, c.data()) }, program, config)
	})
	if err != nil {
		return nil, errors.Join(err, b.Stop())
	}
	return b, nil
}

// URL answers the URL of one database of the cluster, through the pooler.
func (b *PgBouncer) URL(database string) string { return databaseURL(b.server, database) }

// Stop stops the pooler, which breaks its connections. A second Stop does
// nothing and answers what the first one did.
func (b *PgBouncer) Stop() error { return b.stop() }

// poolOn is the configuration of a pooler on a port.
func (c *Cluster) poolOn(port string) string {
	return fmt.Sprintf(`[databases]
* = host=127.0.0.1 port=%s user=postgres
[pgbouncer]
pool_mode = transaction
listen_addr = 127.0.0.1
listen_port = %s
unix_socket_dir =
auth_type = any
max_client_conn = 300
`, c.server.Port(), port)
}

func findPgBouncer() (string, error) {
	found, err := exec.LookPath("pgbouncer")
	if err != nil {
		found, err = exec.LookPath("/usr/sbin/pgbouncer") // not on everyone's PATH
	}
	if err != nil {
		return "", errors.New("pgtest: want pgbouncer on the PATH or in /usr/sbin, found none: install it (Debian: apt-get install pgbouncer; macOS: brew install pgbouncer)")
	}
	return filepath.Abs(found)
}
