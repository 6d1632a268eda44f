package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func block(text string) string { return "```console\n" + text + "\n```\n" }

// A page passes exactly if all it shows is so.
func TestRun(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, page string
		want       string // in the error; "" is none
	}{
		{"what is printed is shown", block("$ x=1; echo one; echo two\none\ntwo") + "text\n" + block("$ echo $x\n1"), ""},
		{"a command goes on", block("$ echo one \\\n> two\none two"), ""},
		{"ids and times", block("$ echo 01a221e7-38cf-7efd-8b27-da0ca424d82a 2030-01-31T11:23:46.877Z\n01a221e5-9ee0-746c-971a-8185dfb40620 2026-11-28T00:00:00Z"), ""},
		{"an ellipsis", block("$ echo a b c\na … c"), ""},
		{"what runs on ends with the shell", block("$ sleep 1000 & kill -9 $!\n$ sleep 1000 &\n$ echo\n"), ""},
		{"other text", block("$ echo one\ntwo"), "line 2: echo one"},
		{"a line too many", block("$ echo one"), "printed:\n\tone"},
		{"a line too few", block("$ echo one\none\ntwo"), "shown:\n\tone\n\ttwo"},
		{"on standard error", block("$ echo one >&2"), "printed:\n\tone"},
		{"a command that fails", block("$ false"), "line 2: false: it ended with status 1"},
		{"a shell that fails", block("$ exit 3"), "line 2: exit 3"},
		{"a shell that ends", block("$ exit 0"), "line 2: exit 0"},
		{"no command", block("one"), "line 2: a console block begins with a command"},
		{"no end", "```console\n$ echo", "line 1: the block has no end"},
		{"nothing to run", "text\n", "no console block"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			page := filepath.Join(t.TempDir(), "page.md")
			if err := os.WriteFile(page, []byte(tt.page), 0o600); err != nil {
				t.Fatal(err)
			}
			err := run(t.Context(), page)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got error %v, want one that says %q", err, tt.want)
			}
		})
	}
}
