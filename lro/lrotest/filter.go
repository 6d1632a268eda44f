package lrotest

import (
	"fmt"
	"slices"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	ruleNoFilter     rule = "filter: A server without filters refuses every filter as UNIMPLEMENTED or INVALID_ARGUMENT, and ignores none (AIP-160)."
	ruleFilterDone   rule = "filter: A filter on done selects exactly the operations that match, over all pages (AIP-160)."
	ruleFilterOthers rule = "filter: Whatever else a filter says, it selects what matches or is refused as INVALID_ARGUMENT or UNIMPLEMENTED; it is not ignored (AIP-160)."
	ruleSyntax       rule = "filter: A syntax error is INVALID_ARGUMENT (AIP-160)."
	ruleFields       rule = "filter: An unknown field, or a value that the field cannot have, is INVALID_ARGUMENT (AIP-160)."
	ruleDepth        rule = "filter: A filter of very many parentheses breaks nothing: it is evaluated or refused (AIP-160)."
)

func filterCases() []testCase {
	const method = longrunningpb.Operations_ListOperations_FullMethodName
	return []testCase{
		{ruleNoFilter, method, filterNone},
		{ruleFilterDone, method, filterDone},
		{ruleFilterOthers, method, filterOthers},
		{ruleSyntax, method, filterSyntax},
		{ruleFields, method, filterFields},
		{ruleDepth, method, filterDepth},
	}
}

// filters reports whether the server has filters. One that has none is checked
// to refuse also what is no filter.
func (t *trial) filters() bool {
	req := &longrunningpb.ListOperationsRequest{Name: t.parentOf(t.several(2)[0]), PageSize: 1, Filter: "done=true"}
	if _, err := t.list(req); !slices.Contains(refusals(), status.Code(err)) {
		return true
	}
	req.Filter = ""
	token := t.page(t.rule, req).GetNextPageToken()
	for _, filter := range append(malformed(), "no_such_field=1") {
		for _, req.PageToken = range []string{"", token} {
			req.Filter = filter
			_, err := t.list(req)
			t.refused(ruleNoFilter, fmt.Sprintf("List with the filter %q, of a server that has no filters", filter), err, refusals()...)
		}
	}
	return false
}

// refusals answers how a server says that it does not have a filter.
func refusals() []codes.Code { return []codes.Code{codes.Unimplemented, codes.InvalidArgument} }

// filtering ends the case if the server has no filters.
func (t *trial) filtering() {
	if !t.filters() {
		t.skip("the server has no filters; it was checked that it says so to each")
	}
}

func named(name string) string { return fmt.Sprintf("name=%q", name) }

// malformed answers filters that no grammar of AIP-160 allows.
func malformed() []string {
	return []string{"(done=true", "done=true)", "done=", "=true", "done=true AND", "OR done=true", `name="x`, "done=true)("}
}

func filterNone(t *trial) {
	if t.filters() {
		t.skip("the server has filters")
	}
}

// halves answers names of one operation that is done and one that is not.
func (t *trial) halves() (done, undone string) {
	names := t.several(2)
	t.finish(names[0])
	t.done(names[0])
	t.undone(names[1])
	return names[0], names[1]
}

func filterDone(t *trial) {
	t.filtering()
	done, undone := t.halves()
	for _, size := range []int32{100, 1} { // whole, and page by page
		t.selects("done=true", size, []string{done}, []string{undone})
		t.selects("done=false", size, []string{undone}, []string{done})
		t.selects("done = false", size, []string{undone}, []string{done})
	}
}

// selects checks that a filter shows some operations and hides others.
func (t *trial) selects(filter string, size int32, shown, hidden []string) {
	listed := t.walk(t.parentOf(append(shown, hidden...)[0]), filter, always(size))
	t.exactlyOnce(t.rule, listed, shown)
	for _, name := range hidden {
		if slices.Contains(listed, name) {
			t.fail("List with the filter %q shows %v, want it left out", filter, t.get(name))
		}
	}
}

func filterOthers(t *trial) {
	done, undone := t.halves()
	ended, running, none := []string{done}, []string{undone}, []string(nil)
	for _, f := range []struct {
		filter        string
		shown, hidden []string
	}{
		{named(done), ended, running},
		{named(undone), running, ended},
		{"NOT done", running, ended},
		{"NOT done = true", running, ended},
		{"-done=true", running, ended},
		{"done!=true", running, ended},
		{"done:true", ended, running},
		{"(done = false)", running, ended},
		{"done=true AND done=true", ended, running},
		{"done=true OR done=false", []string{done, undone}, none},
		{"done=true OR done=true AND done=false", none, []string{done, undone}}, // OR binds tighter
	} {
		if _, err := t.list(&longrunningpb.ListOperationsRequest{Name: t.parentOf(done), Filter: f.filter}); err != nil {
			t.refused(t.rule, fmt.Sprintf("List with the filter %q", f.filter), err, refusals()...)
			continue
		}
		t.selects(f.filter, 100, f.shown, f.hidden)
	}
}

func filterSyntax(t *trial) { t.invalidFilters(malformed()...) }

func filterFields(t *trial) {
	t.invalidFilters("no_such_field=1", "done=maybe", `done="17"`, "done.no_such_field=true", "done=true AND no_such_field=1")
}

func (t *trial) invalidFilters(filters ...string) {
	t.filtering()
	parent := t.parentOf(t.start().GetName())
	for _, filter := range filters {
		_, err := t.list(&longrunningpb.ListOperationsRequest{Name: parent, Filter: filter})
		t.refused(t.rule, fmt.Sprintf("List with the filter %q", filter), err, codes.InvalidArgument)
	}
}

func filterDepth(t *trial) {
	t.filtering()
	name := t.start().GetName()
	const depth = 100_000
	for _, filter := range []string{
		strings.Repeat("(", depth) + "done=false" + strings.Repeat(")", depth),
		strings.Repeat("(", depth),
		strings.Repeat("NOT ", depth) + "done=false",
	} {
		if _, err := t.list(&longrunningpb.ListOperationsRequest{Name: t.parentOf(name), Filter: filter}); err != nil {
			t.refused(t.rule, fmt.Sprintf("List with the filter %.20q… of %d bytes", filter, len(filter)), err, refusals()...)
		}
		t.undone(name)
	}
}
