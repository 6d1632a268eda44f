package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/anishathalye/porcupine"

	"github.com/longrunning-go/longrunning/store"
)

const ruleLinear rule = "update: Concurrent Creates, Updates and Gets of a record answer as if they came one after the other."

// A call is an input of the sequential model of one record.
type call struct {
	method  string // Create, Update or Get
	version int64  // of an Update
	content string // of a Create or an Update
}

// A reply is its output, and the zero reply the state before Create.
type reply struct {
	err     error // a sentinel; nil is success
	version int64
	content string
}

// sequential is what one record does when nothing is concurrent.
func sequential() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return reply{} },
		Step: func(state, input, output any) (bool, any) {
			want, next := apply(state.(reply), input.(call))
			return output.(reply) == want, next
		},
	}
}

// apply answers what c answers in state cur, and the state after it.
func apply(cur reply, c call) (answer, next reply) {
	absent := cur.version == 0
	switch {
	case c.method == "Create" && absent:
		next = reply{version: 1, content: c.content}
		return next, next
	case c.method == "Create":
		return cur, cur
	case absent:
		return reply{err: store.ErrNotFound}, cur
	case c.method == "Get":
		return cur, cur
	case c.version != cur.version:
		return reply{err: store.ErrConflict}, cur
	default:
		next = reply{version: cur.version + 1, content: c.content}
		return next, next
	}
}

func updateLinear(t *trial) {
	const clients, calls = 4, 12
	for round := range 8 {
		var (
			clock   atomic.Int64
			mu      sync.Mutex
			history []porcupine.Operation
		)
		rec := t.draft(store.External)
		t.together(clients, func(client int) {
			rnd := rand.New(rand.NewPCG(uint64(round), uint64(client)))
			seen := int64(1)
			for i := range calls {
				c := call{
					method:  []string{"Create", "Get", "Get", "Update", "Update", "Update"}[rnd.IntN(6)],
					version: seen,
					content: fmt.Sprintf("client %d call %d", client, i),
				}
				op := porcupine.Operation{ClientId: client, Input: c, Call: clock.Add(1)}
				answer := t.perform(t.either(client), rec, c)
				op.Output, op.Return = answer, clock.Add(1)
				seen = max(seen, answer.version)
				mu.Lock()
				history = append(history, op)
				mu.Unlock()
			}
		})
		if porcupine.CheckOperations(sequential(), history) {
			continue
		}
		writes := slices.DeleteFunc(slices.Clone(history), func(op porcupine.Operation) bool {
			return op.Input.(call).method == "Get"
		})
		r := ruleLinear
		if porcupine.CheckOperations(sequential(), writes) {
			r = ruleGetFresh // the writes alone are in order
		}
		t.broken(r, "no order of these calls explains their answers:%s", describe(history))
	}
}

// perform makes the call c on the record of rec.
func (t *trial) perform(s store.Store, rec *store.Record, c call) reply {
	var (
		got *store.Record
		err error
	)
	switch c.method {
	case "Create":
		got, err = s.Create(t.ctx(), marked(rec, c.content))
	case "Update":
		got, err = s.Update(t.ctx(), edited(marked(rec, c.content), func(r *store.Record) { r.Version = c.version }))
	default:
		found := t.read(s, rec.Name)
		if len(found) == 0 {
			return reply{err: store.ErrNotFound}
		}
		got = found[0]
	}
	for _, sentinel := range []error{store.ErrNotFound, store.ErrConflict} {
		if errors.Is(err, sentinel) {
			return reply{err: sentinel}
		}
	}
	if err != nil {
		t.fail("%s: got error %v", c.method, err)
	}
	return reply{version: got.Version, content: string(got.Metadata)}
}

// describe prints a history by the time of its calls.
func describe(history []porcupine.Operation) string {
	slices.SortFunc(history, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	var out strings.Builder
	for _, op := range history {
		c, r := op.Input.(call), op.Output.(reply)
		fmt.Fprintf(&out, "\n\t%3d to %3d, client %d: %s", op.Call, op.Return, op.ClientId, c.method)
		if c.method == "Update" {
			fmt.Fprintf(&out, " of version %d", c.version)
		}
		if r.err != nil {
			fmt.Fprintf(&out, ": %v", r.err)
		} else {
			fmt.Fprintf(&out, ": version %d with %q", r.version, r.content)
		}
	}
	return out.String()
}
