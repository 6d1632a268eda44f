package pgstore

import (
	"fmt"
	"strings"

	"github.com/longrunning-go/longrunning/store"
)

// A writing is one statement that writes in two texts: of many records, and of
// one, which Postgres plans and runs in half the time.
type writing struct{ many, one string }

// newWriting puts the input into both, under the name i; columns are its names and
// types.
func newWriting(many, one, columns string) writing {
	var names, arrays, values []string
	for i, column := range strings.Split(columns, ", ") {
		name, kind, _ := strings.Cut(column, " ")
		names = append(names, name)
		arrays = append(arrays, fmt.Sprintf("$%d::%s[]", i+1, kind))
		values = append(values, fmt.Sprintf("$%d::%s", i+1, kind))
	}
	as := `) AS i (` + strings.Join(names, ", ") + `)`
	return writing{
		many: strings.ReplaceAll(many, `{input}`, `unnest(`+strings.Join(arrays, ", ")+as),
		one:  strings.ReplaceAll(one, `{input}`, `(VALUES (`+strings.Join(values, ", ")+`)`+as),
	}
}

func (w writing) in(schema string) writing {
	return writing{inSchema(w.many, schema), inSchema(w.one, schema)}
}

// isAlone reports whether the text for one record will do for a batch: its name must
// fit into the hint.
func isAlone[W write](batch []W) bool {
	return len(batch) == 1 && len(batch[0].name()) <= maxHinted && !strings.Contains(batch[0].name(), "\n")
}

// maxHinted is how long a name may be that fits into any hint: see lro_hint.
const maxHinted = 900

const contentColumns = `state smallint, owner text, released bigint, retried bigint, cancel_requested boolean, deleted boolean, ` +
	`metadata bytea, checkpoint bytea, response bytea, error bytea, wait bigint`

// contentOf answers the parameters that Create and Update of one record share: what
// package lro sets, and how long the record then waits.
func contentOf(rec *store.Record) []any {
	return []any{
		int16(rec.State), rec.Owner, int64(rec.Released), int64(rec.Retried), rec.CancelRequested, rec.Deleted,
		rec.Metadata, rec.Checkpoint, rec.Response, rec.Error, wait(rec),
	}
}

// content is contentOf of many, a column each.
type content struct {
	states                                   []int16
	owners                                   []string
	released, retried                        []int64
	cancelled, deleted                       []bool
	metadata, checkpoints, responses, errors [][]byte
	waits                                    []int64
}

func (c *content) add(rec *store.Record) {
	c.states = append(c.states, int16(rec.State))
	c.owners = append(c.owners, rec.Owner)
	c.released = append(c.released, int64(rec.Released))
	c.retried = append(c.retried, int64(rec.Retried))
	c.cancelled = append(c.cancelled, rec.CancelRequested)
	c.deleted = append(c.deleted, rec.Deleted)
	c.metadata = append(c.metadata, rec.Metadata)
	c.checkpoints = append(c.checkpoints, rec.Checkpoint)
	c.responses = append(c.responses, rec.Response)
	c.errors = append(c.errors, rec.Error)
	c.waits = append(c.waits, wait(rec))
}

func (c *content) args() []any {
	return []any{
		c.states, c.owners, c.released, c.retried, c.cancelled, c.deleted,
		c.metadata, c.checkpoints, c.responses, c.errors, c.waits,
	}
}

// contentSize is about how many bytes a record takes on the way.
func contentSize(rec *store.Record) int {
	return 500 + len(rec.Metadata) + len(rec.Checkpoint) + len(rec.Response) + len(rec.Error)
}
