package storetest_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/memstore"
	"github.com/longrunning-go/longrunning/store/storetest"
)

// A fault breaks one rule of a store.
type fault struct {
	name string
	make func(s *faulty)
	rule string   // "topic: how the sentence begins"
	also []string // other topics that cannot but notice
}

// TestFaults runs the suite against one small fault after another. Each must be
// reported; and every rule must have a fault that breaks it, since a rule that
// nothing can break checks nothing.
func TestFaults(t *testing.T) {
	t.Parallel()
	var (
		mu     sync.Mutex
		broken = make(map[string]bool)
	)
	faults := slices.Concat(recordFaults(), listFaults(), claimFaults(), callFaults())
	judged := 0
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			found := storetest.Check(t, setup(func() store.Store {
				s := &faulty{Store: memstore.New()}
				f.make(s)
				return s
			}))
			judge(t, f.name, found, f.rule, f.also...)
			mu.Lock()
			defer mu.Unlock()
			judged++
			for _, v := range found {
				broken[ruleOf(v)] = true
			}
		})
	}
	t.Cleanup(func() { // when all are judged
		for _, rule := range storetest.Rules() {
			if judged == len(faults) && !broken[rule] {
				t.Errorf("no fault broke the rule %q", rule)
			}
		}
	})
}
