package main

import (
	"log"
	"net/url"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/longrunning-go/longrunning/internal/pgtest"
)

func TestRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		store string
		lease time.Duration
		addr  string
		http  string
		want  string
	}{
		"unknown store":     {store: "redis", want: `found "redis"`},
		"misspelt URL":      {store: "postgress://me:secret@db/app", want: `found "postgress…"`},
		"no URL":            {store: "host=db password=secret", want: `found "host…"`},
		"malformed URL":     {store: "postgres://me:%secret@db/app", want: "percent-encode"},
		"malformed option":  {store: "postgres://me:secret@db/app?sslmode=no&password=secret", want: "sslmode is invalid"},
		"no Postgres there": {store: "postgresql://me:secret@127.0.0.1:1/app", want: "postgres://me@127.0.0.1:1/app: "},
		"no folder":         {store: "sqlite:" + filepath.Join(t.TempDir(), "none", "operations.db"), want: "the folder"},
		"no file":           {store: "sqlite:", want: "path"},
		"short lease":       {store: memory, lease: time.Millisecond, want: "LeaseTTL"},
		"bad address":       {store: memory, addr: "no:such:address", want: "address"},
		"bad HTTP address":  {store: memory, addr: "localhost:0", http: "no:such:address", want: "-http: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := run(t.Context(), &config{store: c.store, lease: c.lease, addr: c.addr, http: c.http, dir: t.TempDir()}, log.New(t.Output(), "", 0))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got error %v, want one with %q", err, c.want)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("got error %v, want one without the password", err)
			}
			t.Log(err)
		})
	}
}

// A server says which database it uses, and not with which password.
func TestPassword(t *testing.T) {
	t.Parallel()
	database, err := url.Parse(pgtest.Database(t))
	must(t, err)
	password, ok := database.User.Password()
	if !ok { // every one will do where the server trusts us
		password = "not-for-your-eyes"
		database.User = url.UserPassword(database.User.Username(), password)
	}
	p := setup(t, "-store", database.String())
	if !strings.Contains(p.line, database.Path) {
		t.Errorf("the first line: got %q, want %s in it", p.line, database.Path)
	}
	must(t, p.cmd.Process.Signal(syscall.SIGTERM))
	must(t, <-p.ended) // stderr is whole
	if strings.Contains(p.line+p.stderr.String(), password) {
		t.Errorf("the first line and standard error: got %q and %q, want neither with the password", p.line, p.stderr)
	}
}
