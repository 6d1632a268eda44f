package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// A Cluster is a Postgres server with its data. Its methods may be called at
// any time and by any number of goroutines, but Restart only by one, and not
// at the same time as Stop.
type Cluster struct {
	bin    string   // the folder with Postgres's programs
	server *url.URL // of the database postgres
	runs   *server
	stop   func() error
}

// defaults come first in the settings of a cluster. What makes it fast here is
// unsafe only if the machine dies, and that the files do not survive anyway.
const defaults = `
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
logging_collector = off
max_connections = 300
shared_buffers = 32MB
jit = off
fsync = off
full_page_writes = off
`

// Start starts a cluster, in about a second. Settings are those of
// postgresql.conf, like "fsync=on". Unless they say otherwise, fsync,
// full_page_writes and jit are off, there may be 300 connections, and
// shared_buffers is 32MB. The files are on disk, in the folder of temporary
// ones. The superuser is postgres, who needs no password; the
// encoding is UTF-8, the collation C.
//
// The end of ctx ends the starting, not the cluster: call Stop.
func Start(ctx context.Context, settings ...string) (*Cluster, error) {
	return startIn(ctx, "", settings)
}

func startIn(ctx context.Context, folder string, settings []string) (*Cluster, error) {
	bin, err := findBinaries()
	if err != nil {
		return nil, err
	}
	return launch(ctx, bin, folder, settings, func(data string, s *server) error {
		return s.run(ctx, filepath.Join(bin, "initdb"), "--pgdata="+data, "--username=postgres", "--auth=trust",
			"--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
	})
}

// launch starts a cluster on the data that fill provides.
func launch(ctx context.Context, bin, folder string, settings []string, fill func(data string, s *server) error) (*Cluster, error) {
	s, err := newServer(ctx, folder)
	if err != nil {
		return nil, err
	}
	c := &Cluster{bin: bin, runs: s, stop: sync.OnceValue(s.end)}
	if err = fill(c.data(), s); err == nil {
		err = c.configure(settings)
	}
	if err == nil {
		err = onFreePort(ctx, func(port string) error {
			c.server = &url.URL{Scheme: "postgres", User: url.User("postgres"), Host: "127.0.0.1:" + port, Path: "/postgres", RawQuery: "sslmode=disable"}
			return c.start(ctx)
		})
	}
	if err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

// URL answers the URL of one database of the cluster, over TCP; the database
// postgres always exists.
func (c *Cluster) URL(database string) string { return databaseURL(c.server, database) }

// CreateDatabase makes an empty database and answers its URL.
func (c *Cluster) CreateDatabase(ctx context.Context) (string, error) {
	name, err := createDatabase(ctx, c.server)
	return c.URL(name), err
}

// Restart lets the server crash, which breaks every connection (pg_ctl's mode
// immediate), and starts it on the same data and port. After an error only
// Stop may be called.
func (c *Cluster) Restart(ctx context.Context) error {
	if err := c.runs.quit(ctx); err != nil {
		return err
	}
	return c.start(ctx)
}

// Stop stops the server and removes its files. A second Stop does nothing and
// answers what the first one did.
func (c *Cluster) Stop() error { return c.stop() }

func (c *Cluster) data() string { return filepath.Join(c.runs.dir, "data") }

// start starts the server and returns when it answers.
func (c *Cluster) start(ctx context.Context) error {
	return c.runs.start(ctx, func(ctx context.Context) error { return answers(ctx, c.server, c.data()) },
		filepath.Join(c.bin, "postgres"), "-D", c.data(), "-p", c.server.Port())
}

// answers returns nil if a server with that data is at the URL, and not
// another one that took the port.
func answers(ctx context.Context, server *url.URL, data string) error {
	found, err := query(ctx, server, "SHOW data_directory")
	if err == nil && found != data {
		err = fmt.Errorf("pgtest: want the server of %s at %s, found that of %s", data, server.Host, found)
	}
	return err
}

// configure adds settings to those that the data has: the last one counts.
func (c *Cluster) configure(settings []string) error {
	var text strings.Builder
	text.WriteString(defaults)
	quoted := strings.NewReplacer(`\`, `\\`, `'`, `''`)
	for _, setting := range settings {
		name, value, ok := strings.Cut(setting, "=")
		if !ok {
			return fmt.Errorf("pgtest: a setting must look like fsync=on, found %q", setting)
		}
		fmt.Fprintf(&text, "%s = '%s'\n", name, quoted.Replace(value))
	}
	file, err := os.OpenFile(filepath.Join(c.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("pgtest: %w", err)
	}
	_, err = file.WriteString(text.String())
	return errors.Join(err, file.Close())
}
