package pgstore

import (
	"fmt"
	"reflect"
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

// with answers the text for these names, and its arguments: columns, and then n
// that are no columns.
func (w writing) with(names []string, args []any, n int) (string, []any) {
	if len(names) > 1 || len(names[0]) > maxHinted || strings.Contains(names[0], "\n") {
		return w.many, args
	}
	for i := range args[:len(args)-n] {
		args[i] = reflect.ValueOf(args[i]).Index(0).Interface()
	}
	return w.one, args
}

// maxHinted is how long a name may be that fits into any hint: see lro_hint.
const maxHinted = 900

const contentColumns = `state smallint, owner text, released bigint, retried bigint, cancel_requested boolean, deleted boolean, ` +
	`metadata bytea, checkpoint bytea, response bytea, error bytea, wait bigint`

// content are the parameters that Create and Update share, a column each: what
// package lro sets, and how long the record then waits.
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
