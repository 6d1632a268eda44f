package main

import (
	"fmt"
	"strings"

	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/memstore"
)

// memory is the store that dies with the process.
const memory = "memory"

// openStore answers the store that spec names.
func openStore(spec string) (store.Store, error) {
	switch {
	case spec == memory:
		return memstore.New(), nil
	case strings.HasPrefix(spec, "sqlite:"), strings.HasPrefix(spec, "postgres://"), strings.HasPrefix(spec, "postgresql://"):
		return nil, fmt.Errorf("-store %s comes with a later version: this one has memory only", spec)
	default:
		return nil, fmt.Errorf("expected -store memory, sqlite:FILE or postgres://…, found %q", spec)
	}
}
