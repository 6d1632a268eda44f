package pgstore

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"time"
)

// Options change how a Store works. Nil means the defaults.
type Options struct {
	// Schema is the Postgres schema of the tables, whose names begin with lro_.
	// Default "public".
	Schema string
	// Migrate lets New bring the tables to the version of this library, as the
	// function Migrate does. Default: New fails where they are not.
	Migrate bool
	// MaxBatch is how many writes are committed as one at most. Default 256, at most
	// 4,096. With 1 every write is a transaction of its own, on a connection of the
	// pool.
	MaxBatch int
	// Timeout bounds every statement, and but for Get in the server too. Default
	// 10 s, at most an hour.
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
	case set.MaxBatch < 1 || set.MaxBatch > 4096:
		return nil, fmt.Errorf("pgstore: Options.MaxBatch is %d; want 1 to 4096, or 0 for the default", set.MaxBatch)
	case set.Timeout < time.Millisecond || set.Timeout > time.Hour:
		return nil, fmt.Errorf("pgstore: Options.Timeout is %v; want 1ms to 1h, or 0 for the default", set.Timeout)
	}
	return &set, nil
}

// maxIdentifier is how many bytes of a name Postgres keeps.
const maxIdentifier = 63

// channel answers the name under which processes on one schema notify each other.
func (o *Options) channel() string {
	name := "lro_" + o.Schema
	if len(name) > maxIdentifier {
		name = fmt.Sprintf("lro_%x", sha256.Sum224([]byte(o.Schema)))
	}
	return name
}
