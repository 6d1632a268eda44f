package storetest

import (
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

// A ledger is what the steps of a trial have established about claims, owners
// and versions. By it an answer that no rule allows is laid to the rule that it
// breaks, whatever case it turns up in.
//
// What frees a record is entered before the call, what takes one after it, so
// that goroutines which race never make the ledger accuse a sound store.
type ledger struct {
	mu     sync.Mutex
	now    time.Duration            // how far the clock was moved
	lives  map[string]time.Duration // of owners that are not known to be dead: until when
	holder map[string]string        // owners of Running records, by ID
	handed map[string]string        // to whom each epoch of an ID went
	latest map[string]int64         // versions that were written, by ID
}

func (l *ledger) advance(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now += d
}

// beat enters that owner lives for ttl; 0 is that it is dead.
func (l *ledger) beat(owner string, ttl time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lives == nil {
		l.lives = make(map[string]time.Duration)
	}
	l.lives[owner] = l.now + ttl
}

// free enters that nobody runs rec.
func (l *ledger) free(rec *store.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.holder, rec.ID)
}

// take enters that rec was handed to its owner. It answers the rule that this
// breaks and how, if so; adopting says whether orphans were asked for.
func (l *ledger) take(rec *store.Record, adopting bool) (r rule, how string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.handed == nil {
		l.handed, l.holder = make(map[string]string), make(map[string]string)
	}
	key := fmt.Sprintf("%s at epoch %d", rec.ID, rec.Epoch)
	holder := l.holder[rec.ID]
	switch {
	case l.handed[key] != "":
		r, how = ruleClaimOnce, fmt.Sprintf("record %s was handed to %q, and before that to %q", key, rec.Owner, l.handed[key])
	case l.lives[holder] <= l.now:
	case adopting:
		r, how = ruleNeverFromLiving, fmt.Sprintf("record %s was handed to %q while %q, which runs it, lives", key, rec.Owner, holder)
	default:
		r, how = ruleClaimOnce, fmt.Sprintf("record %s was handed to %q without Adopt while %q runs it", key, rec.Owner, holder)
	}
	l.handed[key], l.holder[rec.ID] = rec.Owner, rec.Owner
	return r, how
}

// wrote enters the answer of a call that wrote.
func (l *ledger) wrote(rec *store.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.latest == nil {
		l.latest = make(map[string]int64)
	}
	l.latest[rec.ID] = max(l.latest[rec.ID], rec.Version)
}

// versions answers the versions that a read may not fall behind, by ID.
func (l *ledger) versions() map[string]int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.latest)
}
