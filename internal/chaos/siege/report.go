//go:build linux

package siege

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/longrunning-go/longrunning/internal/oracle"
)

// String answers the tables of a report: faults by kind, violations by invariant.
func (r *Report) String() string {
	w := new(strings.Builder)
	total := 0
	for _, k := range Kinds() {
		if n := r.Faults[k]; n > 0 {
			total += n
			fmt.Fprintf(w, "%7d  %s\n", n, k)
		}
	}
	for _, point := range slices.Sorted(maps.Keys(r.Points)) {
		fmt.Fprintf(w, "%16d  %s\n", r.Points[point], point)
	}
	fmt.Fprintf(w, "%7d  faults over %d operations in %d versions, %v\n", total, r.Operations, r.Versions, r.Elapsed.Round(time.Second))
	fmt.Fprintf(w, "clients were told of %d starts, %d cancels, %d deletes and %d ends, and handlers of %d saves; %d reads and %d undisturbed waits were answered\n",
		r.Told.Starts, r.Told.Cancels, r.Told.Deletes, r.Told.Ends, r.Told.Saves, r.Told.Reads, r.Told.Waits)
	if len(r.Impossible) > 0 {
		fmt.Fprintf(w, "not possible on this machine: %s\n", strings.Join(r.Impossible, ", "))
	}
	if len(r.Short) > 0 {
		fmt.Fprintf(w, "struck too seldom: %s\n", strings.Join(r.Short, ", "))
	}
	byInvariant := make(map[oracle.Invariant][]oracle.Violation)
	for _, v := range r.Violations {
		byInvariant[v.Invariant] = append(byInvariant[v.Invariant], v)
	}
	for _, inv := range r.Checked {
		fmt.Fprintf(w, "%7d  violations: %s\n", len(byInvariant[inv]), inv)
		for _, v := range byInvariant[inv][:min(5, len(byInvariant[inv]))] {
			fmt.Fprintf(w, "%16s %s: %s\n", "", v.Name, v.Text)
		}
		delete(byInvariant, inv)
	}
	for inv, found := range byInvariant {
		fmt.Fprintf(w, "%7d  violations: %s\n%16s %s: %s\n", len(found), inv, "", found[0].Name, found[0].Text)
	}
	if r.Logs != "" {
		fmt.Fprintf(w, "the logs of the workers: %s\n", r.Logs)
	}
	return w.String()
}
