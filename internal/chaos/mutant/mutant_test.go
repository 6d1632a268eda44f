package mutant_test

import (
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/longrunning-go/longrunning/internal/chaos/mutant"
)

// module is the root of the checkout.
const module = "../../.."

// TestEdits fails when a guard was changed and its mutant was not.
func TestEdits(t *testing.T) {
	t.Parallel()
	for _, m := range mutant.All() {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			texts, err := m.Edited(module)
			if err != nil {
				t.Fatalf("each edit must fit exactly once into the file as it is: %v", err)
			}
			if len(texts) == 0 {
				t.Fatal("got no edited file: the mutant is the library as it is")
			}
			for file, text := range texts {
				checkEdited(t, file, text)
			}
		})
	}
}

func checkEdited(t *testing.T, file, text string) {
	t.Helper()
	original, err := os.ReadFile(filepath.Join(module, filepath.FromSlash(file)))
	if err != nil {
		t.Fatal(err)
	}
	if text == string(original) {
		t.Errorf("%s: the edits leave the file as it is", file)
	}
	if path.Ext(file) != ".go" {
		return
	}
	if _, err := parser.ParseFile(token.NewFileSet(), file, text, parser.SkipObjectResolution); err != nil {
		t.Errorf("%s: the edited file is no Go any more: %v", file, err)
	}
}

func TestAll(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{"": true}
	for _, m := range mutant.All() {
		if seen[m.Name] {
			t.Errorf("the name %q is empty or that of two mutants", m.Name)
		}
		seen[m.Name] = true
		if m.Guard == "" {
			t.Errorf("%s does not say which guard it weakens", m.Name)
		}
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	for _, want := range mutant.All() {
		got, err := mutant.Find(want.Name)
		if err != nil || got.Name != want.Name || got.Guard != want.Guard {
			t.Errorf("Find(%q): got %q, %v, want that mutant", want.Name, got.Name, err)
		}
	}
	_, err := mutant.Find("none")
	if err == nil {
		t.Fatal(`Find("none"): got no error`)
	}
	for _, m := range mutant.All() {
		if !strings.Contains(err.Error(), m.Name) {
			t.Errorf("Find of an unknown name: got %q, want it to list %q", err, m.Name)
		}
	}
}
