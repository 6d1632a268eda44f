package lrotest_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"

	"github.com/longrunning-go/longrunning/lro/lrotest"
)

// A wire stands between the server and its client: it may change the request,
// the answer, or both.
type wire func(ctx context.Context, s *shop, req any, next func(any) (any, error)) (any, error)

// wired answers w as an interceptor.
func wired(w wire) func(*shop) grpc.UnaryServerInterceptor {
	if w == nil {
		return nil
	}
	return func(s *shop) grpc.UnaryServerInterceptor {
		return func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			return w(ctx, s, req, func(req any) (any, error) { return next(ctx, req) })
		}
	}
}

// A fault makes a server wrong in one thing: by what passes on the wire, or on
// that of the stranger, or by the target's hooks.
type fault struct {
	name     string
	rule     string // "topic: how the sentence begins"
	wire     wire
	stranger wire
	hooks    func(*shop, *lrotest.Target)
}

// TestWrong runs the suite against one wrong server after another. Each must be
// reported by its rule, and by no other topic; and every rule must have a fault
// that breaks it, since a rule that nothing can break checks nothing. With -v it
// prints the table.
func TestWrong(t *testing.T) {
	t.Parallel()
	faults := slices.Concat(operationFaults(), nameFaults(), cancelFaults(), deleteFaults(), waitFaults(), listFaults(), tokenFaults(), filterFaults(), errorFaults(), callFaults())
	var (
		mu     sync.Mutex
		broken = make(map[string][]string) // the faults of a rule
		table  = make([]string, len(faults))
		judged = 0
	)
	for i, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			rules := judge(t, f, check(t, wired(f.wire), wired(f.stranger), f.hooks))
			mu.Lock()
			defer mu.Unlock()
			judged++
			table[i] = fmt.Sprintf("%s\n\t%s", f.name, strings.Join(rules, "\n\t"))
			for _, r := range rules {
				broken[r] = append(broken[r], f.name)
			}
		})
	}
	t.Cleanup(func() { // when all are judged
		if judged < len(faults) {
			return // only some were asked for
		}
		t.Logf("%d faults, %d rules:\n%s", len(faults), len(lrotest.Rules()), strings.Join(table, "\n"))
		for _, rule := range lrotest.Rules() {
			if len(broken[rule]) == 0 {
				t.Errorf("no fault broke the rule %q", rule)
			}
		}
	})
}

// judge checks that the wanted rule is among the violations, and no other topic
// is; it answers the rules.
func judge(t *testing.T, f fault, found []lrotest.Violation) []string {
	t.Helper()
	topic, _, _ := strings.Cut(f.rule, ":")
	var rules []string
	for _, v := range found {
		if slices.Contains(rules, v.Topic+": "+v.Rule) {
			t.Errorf("%s: got the rule twice, want the others counted: %v", f.name, v)
		}
		if rules = append(rules, v.Topic+": "+v.Rule); v.Topic != topic {
			t.Errorf("%s: got a violation of topic %s, want only of %s: %v", f.name, v.Topic, topic, v)
		}
	}
	slices.Sort(rules)
	if !slices.ContainsFunc(rules, func(r string) bool { return strings.HasPrefix(r, f.rule) }) {
		t.Errorf("%s: got violations of %q, want the rule %q", f.name, rules, f.rule)
	}
	return rules
}

// A fatal is a test that notes that it was ended.
type fatal struct {
	testing.TB
	ended bool
}

func (f *fatal) Helper() {}

func (f *fatal) Fatal(...any) {
	f.ended = true
	runtime.Goexit()
}

func (f *fatal) Fatalf(string, ...any) { f.Fatal() }
