// Package mutant builds the library with one guard weakened at a time, for the
// chaos program to catch: a check that no defect ever fails checks nothing.
//
// The library has no switch for it. A [Mutant] is a list of edits of its files,
// and [Mutant.Build] has the go command compile the edited text in place of the
// files (its option -overlay), embedded ones included; the checkout is only read.
// An edit names the text that it replaces, and that must stand in its file exactly
// once: whoever changes a guard finds here, by a failing test, which mutant goes
// with it.
//
// Most guards have others behind them, so that a mutant with one edit alone would
// pass for sound. [Mutant.Masks] says which went with it.
package mutant

import (
	"fmt"
	"slices"
	"strings"
)

// A Mutant is the library with one guard weakened. The zero Mutant is the library
// as it is.
type Mutant struct {
	Name  string
	Guard string   // what is weakened
	Masks []string // the guards behind it that had to go too; nil if there is none

	edits []edit
}

// An edit replaces the one place in a file that reads old.
type edit struct {
	guard    string // what it weakens; "" is still that of the edit before
	file     string // by its slash-separated path in the module
	old, new string
}

// weakened makes the mutant whose first edit weakens its guard, and whose others
// the masks.
func weakened(name string, edits ...edit) Mutant {
	m := Mutant{Name: name, Guard: edits[0].guard, edits: edits}
	for _, e := range edits[1:] {
		if e.guard != "" {
			m.Masks = append(m.Masks, e.guard)
		}
	}
	return m
}

// All answers every mutant there is.
func All() []Mutant {
	return []Mutant{
		stateNotEpoch(),
		idOnly(),
		heartbeatWithoutDeath(),
		orphansBehindBacklog(),
		completeWithoutNotDone(),
		subscribeAfterRead(),
		requestIDOutside(),
		claimUnknownIsFailure(),
		adoptAfterOutage(),
	}
}

// Find answers the mutant of that name.
func Find(name string) (Mutant, error) {
	all := All()
	i := slices.IndexFunc(all, func(m Mutant) bool { return m.Name == name })
	if i < 0 {
		names := make([]string, len(all))
		for i, m := range all {
			names[i] = m.Name
		}
		return Mutant{}, fmt.Errorf("mutant: there is none of the name %q; want one of %s", name, strings.Join(names, ", "))
	}
	return all[i], nil
}
