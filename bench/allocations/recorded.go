package allocations

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"runtime"
)

// A record is what was counted once. How to record anew stands in README.md.
type record struct {
	Go     string           `json:"go"` // the version that counted it
	Counts map[string]usage `json:"counts"`
}

//go:embed recorded.json
var recorded []byte

func recall() (*record, error) {
	r := new(record)
	if err := json.Unmarshal(recorded, r); err != nil {
		return nil, fmt.Errorf("allocations: read recorded.json: %w", err)
	}
	return r, nil
}

// write records what was counted now, and keeps what was not counted.
func (r *record) write(path string, counted map[string]usage) error {
	next := record{Go: runtime.Version(), Counts: maps.Clone(r.Counts)}
	if next.Counts == nil {
		next.Counts = make(map[string]usage)
	}
	maps.Copy(next.Counts, counted)
	b, err := json.MarshalIndent(next, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}
