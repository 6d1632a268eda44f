package longrunning_test

import (
	"os"
	"strings"
	"testing"
)

// TestReadme holds the README's code to that of the quickstart, which is what
// runs.
func TestReadme(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	quickstart, err := os.ReadFile("examples/quickstart/main.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(readme), "```go\n")[1:]
	if len(blocks) == 0 {
		t.Error("the README shows no Go code; want the quickstart's")
	}
	for _, block := range blocks {
		code, _, _ := strings.Cut(block, "```")
		if !strings.Contains(string(quickstart), code) {
			t.Errorf("the README shows code that is not in examples/quickstart/main.go:\n%s", code)
		}
	}
}
