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
	ruleNoFilter     rule = "filter: A server without filters says UNIMPLEMENTED to every filter, and ignores none (AIP-160)."
	ruleFilterDone   rule = "filter: A filter on done selects exactly the operations that match, over all pages (AIP-160)."
	ruleFilterOthers rule = "filter: A filter on the name, or a bare NOT done, selects what matches or is INVALID_ARGUMENT; it is not ignored (AIP-160)."
	ruleSyntax       rule = "filter: A syntax error is INVALID_ARGUMENT (AIP-160)."
	ruleFields       rule = "filter: An unknown field, or a value that the field cannot have, is INVALID_ARGUMENT (AIP-160)."
	ruleDepth        rule = "filter: A filter of very many parentheses breaks nothing: it is evaluated or INVALID_ARGUMENT (AIP-160)."
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
// to refuse all alike.
func (t *trial) filters() bool {
	names := t.several(2)
	req := &longrunningpb.ListOperationsRequest{Name: parentOf(names[0]), PageSize: 1, Filter: "done=true"}
	if _, err := t.list(req); status.Code(err) != codes.Unimplemented {
		return true
	}
	req.Filter = ""
	token := t.page(t.rule, req).GetNextPageToken()
	for _, filter := range append(malformed(), "done=false", "done=true", "NOT done", "no_such_field=1", named(names[0])) {
		for _, req.PageToken = range []string{"", token} {
			req.Filter = filter
			_, err := t.list(req)
			t.refused(ruleNoFilter, fmt.Sprintf("List with the filter %q, of a server that has no filters", filter), err, codes.Unimplemented)
		}
	}
	return false
}

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
	for _, f := range []struct{ filter, in, out string }{
		{"done=true", done, undone},
		{"done = false", undone, done},
		{"NOT done = true", undone, done},
		{"done = true AND done = true", done, undone},
		{"(done = false)", undone, done},
	} {
		t.selects(f.filter, f.in, f.out)
	}
}

// selects checks that a filter shows one operation and hides another, whole and
// page by page.
func (t *trial) selects(filter, in, out string) {
	for _, size := range []int32{100, 1} {
		listed := t.walk(parentOf(in), filter, always(size), nil)
		t.exactlyOnce(t.rule, listed, []string{in})
		if slices.Contains(listed, out) {
			t.fail("List with the filter %q shows %q", filter, out)
		}
	}
}

func filterOthers(t *trial) {
	t.filtering()
	done, undone := t.halves()
	for _, f := range []struct{ filter, in, out string }{
		{named(done), done, undone},
		{named(undone), undone, done},
		{"NOT done", undone, done},
	} {
		if _, err := t.list(&longrunningpb.ListOperationsRequest{Name: parentOf(done), Filter: f.filter}); err != nil {
			t.refused(t.rule, fmt.Sprintf("List with the filter %q", f.filter), err, codes.InvalidArgument)
			continue
		}
		t.selects(f.filter, f.in, f.out)
	}
}

func filterSyntax(t *trial) { t.invalidFilters(malformed()...) }

func filterFields(t *trial) {
	t.invalidFilters("no_such_field=1", "done=maybe", `done="17"`, "done.no_such_field=true")
}

func (t *trial) invalidFilters(filters ...string) {
	t.filtering()
	parent := parentOf(t.start().GetName())
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
		if _, err := t.list(&longrunningpb.ListOperationsRequest{Name: parentOf(name), Filter: filter}); err != nil {
			t.refused(t.rule, fmt.Sprintf("List with the filter %.20q… of %d bytes", filter, len(filter)), err, codes.InvalidArgument)
		}
		t.undone(name)
	}
}
