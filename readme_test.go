package longrunning_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestReadme holds the code of the README and of the guides to that of files which
// are compiled and tested.
func TestReadme(t *testing.T) {
	t.Parallel()
	var code strings.Builder
	for _, root := range []string{"examples", filepath.Join("poller", "gapic")} {
		err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !slices.Contains([]string{".go", ".proto"}, filepath.Ext(path)) {
				return err
			}
			text, err := os.ReadFile(path)
			code.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	guides, err := filepath.Glob(filepath.Join("docs", "guides", "*.md"))
	if err != nil || len(guides) == 0 {
		t.Fatalf("got guides %v, %v; want some in docs/guides", guides, err)
	}
	for _, page := range append(guides, "README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		blocks := codeBlocks(string(text))
		if len(blocks) == 0 {
			t.Errorf("%s shows no code; want that of examples", page)
		}
		for _, block := range blocks {
			if !strings.Contains(code.String(), block) {
				t.Errorf("%s shows code that is in no file of examples or poller/gapic:\n%s", page, block)
			}
		}
	}
}

// codeBlocks answers the blocks of Go and protobuf in a page of Markdown.
func codeBlocks(page string) []string {
	var blocks []string
	for _, language := range []string{"go", "proto"} {
		for _, rest := range strings.Split(page, "```"+language+"\n")[1:] {
			block, _, _ := strings.Cut(rest, "```")
			blocks = append(blocks, block)
		}
	}
	return blocks
}
