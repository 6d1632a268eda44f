package pgstore

import "github.com/longrunning-go/longrunning/store"

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
