package sqlitestore

import (
	"cmp"
	"fmt"
	"log/slog"
	"time"
)

// Options are those of a Store. The zero value of a field is its default.
type Options struct {
	// Migrate brings the schema up to date first, and makes the file where there
	// is none, as the function Migrate does. By default Open refuses a file whose
	// schema is older than this library.
	Migrate bool

	// Synchronous is what a write waits for. The default is Full.
	Synchronous Synchronous

	// BusyTimeout is how long a write waits for another process that is writing.
	// The default is 5 s.
	BusyTimeout time.Duration

	// MaxBatch is how many writes share a commit at most. The default is 256; 1
	// gives every write a commit of its own.
	MaxBatch int

	// Logger gets what no caller can be told: that changes of other processes are
	// not noticed, and that a broken connection was replaced. The default discards.
	Logger *slog.Logger
}

func (o *Options) withDefaults() *Options {
	all := *cmp.Or(o, &Options{})
	all.BusyTimeout = cmp.Or(all.BusyTimeout, 5*time.Second)
	all.MaxBatch = cmp.Or(all.MaxBatch, 256)
	all.Logger = cmp.Or(all.Logger, slog.New(slog.DiscardHandler))
	return &all
}

func (o *Options) validate() error {
	if o.Synchronous != Full && o.Synchronous != Normal {
		return fmt.Errorf("sqlitestore: Options.Synchronous is %d, want Full or Normal", o.Synchronous)
	}
	if o.BusyTimeout < 0 {
		return fmt.Errorf("sqlitestore: Options.BusyTimeout is %v, want at least 0", o.BusyTimeout)
	}
	if o.MaxBatch < 0 {
		return fmt.Errorf("sqlitestore: Options.MaxBatch is %d, want at least 1, or 0 for the default", o.MaxBatch)
	}
	return nil
}

// Synchronous says what a write waits for before it is acknowledged.
type Synchronous int

const (
	// Full waits for the disk: what was acknowledged survives a power loss.
	Full Synchronous = iota
	// Normal waits for the operating system: what was acknowledged survives the end
	// of the process, however it comes, but a power loss or a crash of the system
	// may take back the last writes. The file stays whole, but what was started may
	// be unknown, what clients saw done may run again, and an attempt's number may be
	// given twice, so that it fences no side effects any more.
	Normal
)

func (s Synchronous) pragma() int {
	if s == Normal {
		return 1
	}
	return 2
}
