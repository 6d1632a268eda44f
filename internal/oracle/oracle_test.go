package oracle_test

import (
	"slices"
	"testing"
	"time"

	"github.com/longrunning-go/longrunning/internal/oracle"
	"github.com/longrunning-go/longrunning/store"
)

var (
	first  = oracle.Stamp{Epoch: 1, Seq: 1, By: "p"}
	second = oracle.Stamp{Epoch: 1, Seq: 2, By: "p"}
	heir   = oracle.Stamp{Epoch: 2, Seq: 1, By: "q"}
	caller = oracle.Stamp{Seq: 7, By: "c"}
)

// ends lets an operation be claimed and end.
func (ta *tale) ends(name string) {
	ta.write(name, claim("p"))
	ta.write(name, ta.respond(first))
}

// TestGood: a long tale in which every promise is kept.
func TestGood(t *testing.T) {
	t.Parallel()
	found := setup(t, func(ta *tale) {
		ta.create("a")
		ta.Started(ta.now("a"), "a")
		ta.Started(ta.now("a"), "a")
		ta.write("a", claim("p"))
		ta.Ran("a", 1, "p")
		ta.write("a", ta.report(first), ta.save(first))
		ta.Saved("a", first)
		ta.read("a")
		ta.write("a", ta.report(second), release)
		ta.write("a", claim("q"))
		ta.Ran("a", 2, "q")
		ta.write("a", claim("p")) // adopted
		ta.Ran("a", 3, "p")
		ta.write("a", external)
		ta.write("a", ta.report(caller))
		ta.Saved("a", caller)
		asked := time.Now()
		ta.write("a", ta.respond(caller))
		ta.Ended(ta.now("a"))
		time.Sleep(wake / 2)
		ta.Waited(asked, ta.now("a"))
		ta.read("a")
		ta.write("a", deleted)
		ta.Deleted("a")
		ta.Missed(time.Now(), "a")
		ta.remove("a")

		// The same request id, later.
		ta.create("b", func(rec *store.Record) { rec.RequestID = "a" })
		ta.Started(ta.now("b"), "a")
		ta.write("b", claim("p"))
		ta.write("b", cancelled)
		ta.Cancelled("b")
		ta.write("b", ta.fail(errCancelled))
		ta.create("c")
		ta.write("c", cancelled, ta.fail(errCancelled))
		ta.Cancelled("c")
		ta.create("d", ta.respond(caller))
		ta.Missed(time.Now().Add(-time.Minute), "d") // before it was there
		ta.create("e", claim("p"))
		ta.write("e", ta.fail(first.Err()))
		ta.read("e")
		ta.remove("e")
	})
	for _, v := range found {
		t.Errorf("the good tale is said to break %q: %s: %s", v.Invariant, v.Name, v.Text)
	}
}

// A badTale breaks one promise, and perhaps cannot help to break another with it.
type badTale struct {
	invariant oracle.Invariant
	what      string
	tell      func(*tale)
	also      oracle.Invariant
}

// TestBad: each promise broken once in every way, and nothing else said.
func TestBad(t *testing.T) {
	t.Parallel()
	covered := make(map[oracle.Invariant]bool)
	for _, test := range slices.Concat(badHistories(), badAnswers()) {
		covered[test.invariant] = true
		t.Run(string(test.invariant)+"/"+test.what, func(t *testing.T) {
			t.Parallel()
			found := setup(t, test.tell)
			if !slices.ContainsFunc(found, func(v oracle.Violation) bool { return v.Invariant == test.invariant }) {
				t.Errorf("got %v; want a violation of %q", found, test.invariant)
			}
			for _, v := range found {
				if v.Invariant != test.invariant && v.Invariant != test.also {
					t.Errorf("it is also said to break %q: %s", v.Invariant, v.Text)
				}
				if v.Name != "a" && v.Name != "b" {
					t.Errorf("the violation %v names no operation of the tale", v)
				}
			}
		})
	}
	for _, invariant := range oracle.Invariants() {
		if !covered[invariant] {
			t.Errorf("no tale breaks %q", invariant)
		}
	}
}

// TestParse: a stamp is found in what Stamp writes and in nothing else.
func TestParse(t *testing.T) {
	t.Parallel()
	s := oracle.Stamp{Epoch: 3, Seq: 14, By: "p1"}
	if got, ok := oracle.Parse(s.String()); !ok || got != s {
		t.Errorf("Parse(%q) answered %v, %v", s, got, ok)
	}
	for _, text := range []string{"", "the operation was cancelled", "epoch=1 seq=", "epoch=x seq=1 by=p"} {
		if got, ok := oracle.Parse(text); ok {
			t.Errorf("Parse(%q) answered %v; want no stamp", text, got)
		}
	}
}
