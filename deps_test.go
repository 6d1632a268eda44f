package longrunning_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A rule says what the code of a folder may import besides the standard
// library: DESIGN.md, sections 3 and 14.
type rule struct {
	ours   []string // folders of this module, each with what is below it if it ends in /...
	others []string // import path prefixes, whole elements
	any    bool     // anything, as examples may
}

// wire is what both sides of the protocol are made of.
var wire = []string{
	"cloud.google.com/go/longrunning/autogen/longrunningpb",
	"google.golang.org/genproto/googleapis/rpc",
	"google.golang.org/grpc",
	"google.golang.org/protobuf",
}

// server is what package lro may link: DESIGN.md, section 14.
var server = slices.Concat(wire, []string{
	"github.com/google/uuid",
	"go.opentelemetry.io/otel",
})

// rules has one entry for every folder with Go files that are no tests, the
// longest that fits. A folder may stand here before it exists.
var rules = map[string]rule{
	"store":             {},
	"store/memstore":    {ours: []string{"store", "internal/hints"}, others: []string{"github.com/tidwall/btree"}},
	"store/sqlitestore": {ours: []string{"store", "internal/group", "internal/hints"}, others: []string{"modernc.org/sqlite"}},
	"store/pgstore":     {ours: []string{"store", "internal/group", "internal/hints"}, others: []string{"github.com/jackc/pgx/v5"}},
	"store/storetest": {ours: []string{"store"}, others: []string{
		"github.com/anishathalye/porcupine", "github.com/google/uuid", "pgregory.net/rapid",
	}},

	"lro":                 {ours: []string{"store", "internal/convention", "lro/internal/..."}, others: server},
	"lro/internal/filter": {others: wire},
	// What lrotest hears from lro.
	"lro/internal/started": {},
	"lro/rest":             {others: wire}, // any server of the protos, not only ours
	// What users' tests need: a Manager with a store to try things on.
	"lro/lrotest": {ours: []string{"lro", "lro/internal/started", "store/...", "poller/..."}, others: server},

	"poller":            {others: wire},
	"poller/pollertest": {ours: []string{"poller"}, others: wire},

	// It runs on the machines of those who generate code, and links no server.
	"cmd/protoc-gen-go-lro": {ours: []string{"internal/convention"}, others: wire},
	// What it and lro share.
	"internal/convention": {others: wire},

	// What stores share.
	"internal/group": {},
	"internal/hints": {ours: []string{"store"}},
	// A Postgres for tests.
	"internal/pgtest": {others: []string{"github.com/jackc/pgx/v5"}},
	// Generated code for tests.
	"internal/testpb": {others: append(slices.Clone(wire), "google.golang.org/genproto/googleapis/api")},

	// What must hold of operations, for all who try to break it, and those who do:
	// real stores, real processes.
	"internal/oracle":    {ours: []string{"store", "internal/testpb"}, others: wire},
	"internal/chaos/...": {any: true},

	// What runs the README.
	"internal/readme": {},

	"examples/...": {any: true},
}

// folders are the top-level ones of DESIGN.md, section 3.
var folders = []string{"bench", "cmd", "docs", "examples", "internal", "interop", "lro", "poller", "store"}

func TestImports(t *testing.T) {
	t.Parallel()
	tree := setup(t)
	if len(tree.imports) == 0 {
		t.Fatal("found no package: the test does not look where the code is")
	}
	for folder, imports := range tree.imports {
		t.Run(folder, func(t *testing.T) {
			t.Parallel()
			r, ok := ruleFor(folder)
			if !ok {
				t.Fatalf("no rule says what %s may import: read DESIGN.md, section 3, then add one to rules in deps_test.go", folder)
			}
			for imported, file := range imports {
				if !r.allows(tree.module, imported) {
					t.Errorf("%s imports %s: the rules of DESIGN.md, sections 3 and 14, allow %s only the standard library, ours %q and others %q",
						file, imported, folder, r.ours, r.others)
				}
			}
		})
	}
}

// What a package links is more than what it imports: a dependency may bring a
// database or a client of Google's along.
func TestLinked(t *testing.T) {
	t.Parallel()
	tree := setup(t)
	clients := []string{
		"cloud.google.com/go/longrunning", // the module's root; its protos are fine
		"cloud.google.com/go/longrunning/autogen",
		"github.com/googleapis/gax-go/...",
		"google.golang.org/api/...",
	}
	databases := []string{
		"database/sql", // database/sql/driver is only interfaces, and uuid implements one
		"github.com/jackc/...",
		"modernc.org/...",
	}
	for _, tt := range []struct {
		folder string
		never  []string
	}{
		{"store", slices.Concat(clients, databases, []string{"google.golang.org/..."})},
		{"store/memstore", slices.Concat(clients, databases, []string{"google.golang.org/..."})},
		{"lro", slices.Concat(clients, databases, ours(tree.module, "poller/...", "store/memstore", "store/sqlitestore", "store/pgstore"))},
		{"lro/rest", slices.Concat(clients, databases, ours(tree.module, "lro", "lro/internal/...", "poller/...", "store/...", "internal/..."))},
		{"poller", slices.Concat(clients, databases, ours(tree.module, "lro/...", "store/...", "internal/..."))},
		{"cmd/protoc-gen-go-lro", slices.Concat(clients, databases, ours(tree.module, "lro/...", "poller/...", "store/..."))},
		{"examples/snapshots/snapshotspb/snapshotspoller", slices.Concat(clients, databases, ours(tree.module, "lro/...", "store/...", "internal/..."))},
		{"examples/snapshots/snapshotspb/snapshotslro", slices.Concat(clients, databases, ours(tree.module, "poller/...", "store/memstore", "store/sqlitestore", "store/pgstore"))},
		{"poller/pollertest", slices.Concat(clients, databases, ours(tree.module, "lro/...", "store/...", "internal/..."))},
	} {
		t.Run(tt.folder, func(t *testing.T) {
			t.Parallel()
			if _, ok := tree.imports[tt.folder]; !ok {
				t.Skipf("%s does not exist yet", tt.folder)
			}
			for _, dep := range linked(t, tt.folder) {
				if slices.ContainsFunc(tt.never, func(pattern string) bool { return within(pattern, dep) }) {
					t.Errorf("%s links %s, which DESIGN.md, sections 3 and 14, keep out of it; find the way with: go list -deps -f '{{.ImportPath}}: {{.Imports}}' ./%s",
						tt.folder, dep, tt.folder)
				}
			}
		})
	}
}

func TestTopLevelFolders(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	ignored, err := os.ReadFile(".gitignore")
	if err != nil {
		t.Fatal(err)
	}
	tried := strings.Fields(string(ignored)) // what trying the examples makes, among others
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && !slices.Contains(folders, e.Name()) && !slices.Contains(tried, "/"+e.Name()+"/") {
			t.Errorf("the top-level folder %s is not in DESIGN.md, section 3: want one of %q", e.Name(), folders)
		}
	}
}

func ruleFor(folder string) (rule, bool) {
	if r, ok := rules[folder]; ok {
		return r, true
	}
	for parent := folder; parent != "."; parent = path.Dir(parent) {
		if r, ok := rules[parent+"/..."]; ok {
			return r, true
		}
	}
	return rule{}, false
}

func (r rule) allows(module, imported string) bool {
	if r.any || isStandard(imported) {
		return true
	}
	if within(module+"/...", imported) {
		return slices.ContainsFunc(ours(module, r.ours...), func(pattern string) bool { return within(pattern, imported) })
	}
	return slices.ContainsFunc(r.others, func(prefix string) bool { return within(prefix+"/...", imported) })
}

// isStandard reports whether an import path is of the standard library: only
// there the first element has no dot.
func isStandard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".")
}

func ours(module string, folders ...string) []string {
	paths := make([]string, len(folders))
	for i, f := range folders {
		paths[i] = module + "/" + f
	}
	return paths
}

// within reports whether an import path is pattern, or lies below it if pattern
// ends in "/...".
func within(pattern, imported string) bool {
	parent, below := strings.CutSuffix(pattern, "/...")
	return imported == parent || below && strings.HasPrefix(imported, parent+"/")
}

// linked answers all packages that the package in folder is linked with.
func linked(t *testing.T, folder string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "./"+folder)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, stderr.String())
	}
	return strings.Fields(string(out))
}

// A source is the Go code of this module that is no test.
type source struct {
	module  string
	imports map[string]map[string]string // folder, import path, a file that has it
}

// setup reads the imports from the files itself, whatever their build tags:
// go test then knows these files, and repeats this test when one changes, which
// it would not do for what go list reads.
func setup(t *testing.T) source {
	t.Helper()
	src := source{module: modulePath(t), imports: map[string]map[string]string{}}
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return skipFolder(file)
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		return src.add(filepath.ToSlash(file))
	})
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func modulePath(t *testing.T) string {
	t.Helper()
	gomod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(gomod)) {
		if module, ok := strings.CutPrefix(line, "module "); ok {
			return strings.TrimSpace(module)
		}
	}
	t.Fatal("go.mod: want a line that starts with \"module \", found none")
	return ""
}

// skipFolder keeps the walk inside this module, as the go command does.
func skipFolder(folder string) error {
	if folder == "." {
		return nil
	}
	base := filepath.Base(folder)
	if base == "testdata" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return filepath.SkipDir
	}
	if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
		return filepath.SkipDir
	}
	return nil
}

func (s source) add(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), file, text, parser.ImportsOnly)
	if err != nil {
		return err
	}
	folder := path.Dir(file)
	if s.imports[folder] == nil {
		s.imports[folder] = map[string]string{}
	}
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		s.imports[folder][imported] = file
	}
	return nil
}
