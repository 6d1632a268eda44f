//go:build linux

package siege

import (
	"fmt"
	"sync"
	"time"

	"github.com/longrunning-go/longrunning/internal/oracle"
	"github.com/longrunning-go/longrunning/store"
)

// An attempt is one execution of an operation.
type attempt struct {
	name  string
	epoch int64
}

// A span is how long a handler ran.
type span struct {
	member      *member
	began, over time.Time // over is zero while it runs
}

// A journal is what the workers told of their handlers.
type journal struct {
	mu       sync.Mutex
	spans    map[attempt]*span
	newest   map[string]int64      // by operation: the highest epoch that began
	tried    map[attempt]time.Time // when it was last about to write
	owners   map[string]*member
	awakened map[*member]time.Time // when SIGCONT last came
}

func newJournal() *journal {
	return &journal{
		spans: make(map[attempt]*span), newest: make(map[string]int64), tried: make(map[attempt]time.Time),
		owners: make(map[string]*member), awakened: make(map[*member]time.Time),
	}
}

func (j *journal) began(a attempt, m *member) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.spans[a] = &span{member: m, began: time.Now()}
	j.newest[a.name] = max(j.newest[a.name], a.epoch)
}

func (j *journal) returned(a attempt) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if s := j.spans[a]; s != nil {
		s.over = time.Now()
	}
}

func (j *journal) died(running map[attempt]struct{}) {
	for a := range running {
		j.returned(a)
	}
}

func (j *journal) tries(a attempt) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.tried[a] = time.Now()
}

func (j *journal) owns(owner string, m *member) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.owners[owner] = m
}

func (j *journal) woke(m *member) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.awakened[m] = time.Now()
}

// overtaken reports whether one of the attempts was adopted from, and has tried to
// write after that, and since then, all the same.
func (j *journal) overtaken(held map[attempt]struct{}, since time.Time) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	for a := range held {
		tried := j.tried[a]
		if heir := j.heir(a); heir != nil && tried.After(since) && tried.After(heir.began) {
			return true
		}
	}
	return false
}

// adopted reports whether one of the attempts was adopted from.
func (j *journal) adopted(held map[attempt]struct{}) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	for a := range held {
		if j.heir(a) != nil {
			return true
		}
	}
	return false
}

// heir answers the first later attempt that began, nil if there is none. The caller
// holds mu.
func (j *journal) heir(a attempt) *span {
	for epoch := a.epoch + 1; epoch <= j.newest[a.name]; epoch++ {
		if s := j.spans[attempt{a.name, epoch}]; s != nil {
			return s
		}
	}
	return nil
}

// Told is the promise to handlers that are overtaken.
const Told oracle.Invariant = "a handler that was overtaken is told"

// check says which handlers went on for more than within after another attempt had
// begun, and after their process could know.
func (j *journal) check(within time.Duration) (found []oracle.Violation) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for a, s := range j.spans {
		heir := j.heir(a)
		if heir == nil {
			continue
		}
		since := heir.began
		if woke := j.awakened[s.member]; woke.After(since) {
			since = woke
		}
		over := s.over
		if over.IsZero() {
			over = time.Now()
		}
		if late := over.Sub(since); late > within {
			found = append(found, oracle.Violation{Invariant: Told, Name: a.name, Text: fmt.Sprintf(
				"attempt %d on %s went on for %v beside its heir; want at most %v", a.epoch, s.member.name, late.Round(time.Millisecond), within)})
		}
	}
	return found
}

// Buried is the promise to owners that live.
const Buried oracle.Invariant = "no live owner is buried after an outage"

// checkBurials says which claims took what a living worker ran, before the drain.
// It is for sieges in which no worker dies before that.
func (j *journal) checkBurials(history []oracle.Change, drain time.Time) (found []oracle.Violation) {
	j.mu.Lock()
	defer j.mu.Unlock()
	last := make(map[string]*store.Record)
	for _, c := range history {
		old, next := last[c.Record.Name], c.Record
		last[next.Name] = next
		if old == nil || old.State != store.Running || next.Epoch == old.Epoch || c.At.After(drain) {
			continue
		}
		if m := j.owners[old.Owner]; m != nil {
			found = append(found, oracle.Violation{Invariant: Buried, Name: next.Name, Text: fmt.Sprintf("epoch %d was taken from %s, which lives", next.Epoch, m.name)})
		}
	}
	return found
}
