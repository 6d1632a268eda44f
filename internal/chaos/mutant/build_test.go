package mutant_test

import (
	"flag"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/longrunning-go/longrunning/internal/chaos/mutant"
)

// all proves every mutant, which takes a build of each; by default it is the one
// whose edits reach both Go and embedded SQL, and whose proof waits for nothing.
var all = flag.Bool("all", false, "prove every mutant, not one")

const (
	proof  = "github.com/longrunning-go/longrunning/internal/chaos/mutant/testdata/proof"
	proven = "complete-without-not-done"
)

// TestBuild runs the same proof in the library as it is, where the guard must
// hold, and in the mutant, where it must not.
func TestBuild(t *testing.T) {
	t.Parallel()
	reads(t, "lro", "store", "internal/chaos/mutant/testdata")
	sound := build(t, mutant.Mutant{})
	for _, m := range mutant.All() {
		if m.Name != proven && !*all {
			continue
		}
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			if got := run(t, sound, m.Name); !strings.HasPrefix(got, "holds") {
				t.Errorf("without the mutant: got %q, want the guard to hold", got)
			}
			if got := run(t, build(t, m), m.Name); !strings.HasPrefix(got, "weakened") {
				t.Errorf("with the mutant: got %q, want the guard to be weakened", got)
			}
		})
	}
}

// reads looks at the files of the folders, so that go test repeats this test when
// one of them changes: it does not know what the go command reads.
func reads(t *testing.T, folders ...string) {
	t.Helper()
	for _, folder := range folders {
		err := filepath.WalkDir(filepath.Join(module, folder), func(file string, _ fs.DirEntry, err error) error {
			if err == nil {
				_, err = os.Stat(file)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func build(t *testing.T, m mutant.Mutant) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "proof")
	if err := m.Build(t.Context(), module, proof, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// run answers what the proof says of a guard.
func run(t *testing.T, program, guard string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program, guard).CombinedOutput()
	if err != nil {
		t.Fatalf("proof of %s: %v\n%s", guard, err, out)
	}
	t.Logf("%s", out)
	return string(out)
}

func TestBuildFails(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "out")
	err := mutant.Mutant{}.Build(t.Context(), module, proof+"/none", out)
	if err == nil || !strings.Contains(err.Error(), "proof/none") {
		t.Errorf("build of a package that is not there: got %v, want what the go command said", err)
	}
	m := mutant.All()[0]
	if err := m.Build(t.Context(), t.TempDir(), proof, out); err == nil || !strings.Contains(err.Error(), m.Name) {
		t.Errorf("build without a checkout: got %v, want an error that names %s", err, m.Name)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a build that failed left a program behind")
	}
}
