package lro_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
)

// TestReasons: docs/errors.md has one row for each reason that an ErrorInfo of
// this package or of lro/rest may have, and no other; every reason reads as
// AIP-193 demands.
func TestReasons(t *testing.T) {
	t.Parallel()
	inCode := reasonsInCode(t, ".")
	maps.Copy(inCode, reasonsInCode(t, "rest"))
	inTable := make(map[string]bool)
	for _, row := range errorRows(t) {
		reason := strings.Trim(row[0], "`")
		if inTable[reason] {
			t.Errorf("docs/errors.md has two rows for %s", reason)
		}
		inTable[reason] = true
		if _, ok := inCode[reason]; !ok {
			t.Errorf("docs/errors.md has a row for %s, which no constant of lro or lro/rest is", reason)
		}
		var code codes.Code
		if err := code.UnmarshalJSON([]byte(strconv.Quote(strings.Trim(row[1], "`")))); err != nil {
			t.Errorf("docs/errors.md says of %s that its code is %s: %v", reason, row[1], err)
		}
		if row[2] == "" || row[3] == "" {
			t.Errorf("docs/errors.md leaves open when %s occurs, or what the caller does", reason)
		}
	}
	wellFormed := regexp.MustCompile(`^[A-Z][A-Z0-9_]+[A-Z0-9]$`)
	for reason, constant := range inCode {
		if !inTable[reason] {
			t.Errorf("docs/errors.md has no row for %s (%s): say there when it occurs and what the caller does", reason, constant)
		}
		if !wellFormed.MatchString(reason) || len(reason) > 63 {
			t.Errorf("the reason %q of %s is not one: AIP-193 wants %v, at most 63 characters", reason, constant, wellFormed)
		}
	}
}

// reasonsInCode answers the constants whose names begin with "reason", wherever
// in the package of a folder they stand, by their values.
func reasonsInCode(t *testing.T, folder string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	reasons := make(map[string]string)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Names) != len(spec.Values) {
				return true
			}
			for i, name := range spec.Names {
				literal, ok := spec.Values[i].(*ast.BasicLit)
				if !ok || !strings.HasPrefix(name.Name, "reason") {
					continue
				}
				value, err := strconv.Unquote(literal.Value)
				if err != nil {
					t.Fatalf("%s in %s: %v", name.Name, file, err)
				}
				reasons[value] = name.Name
			}
			return true
		})
	}
	if len(reasons) == 0 {
		t.Fatalf("found no reason in the folder %s: the test does not look where the code is", folder)
	}
	return reasons
}

// errorRows answers the cells of the rows below the table's head.
func errorRows(t *testing.T) [][]string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "docs", "errors.md"))
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for line := range strings.Lines(string(page)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if len(cells) != 4 {
			t.Errorf("docs/errors.md: the row %.60q has %d cells; want reason, code, when, what the caller does", line, len(cells))
			continue
		}
		rows = append(rows, cells)
	}
	return rows
}
