package pgtest

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// findBinaries answers the folder with Postgres's programs, or ErrMissing.
//
// The programs must come from one folder: what Debian puts on the PATH under
// the names of clients is a wrapper that picks another version.
func findBinaries() (string, error) {
	if bin := os.Getenv("LRO_TEST_POSTGRES_BIN"); bin != "" {
		if !hasServer(bin) {
			return "", fmt.Errorf("%w: LRO_TEST_POSTGRES_BIN must be a folder with initdb and postgres, and %q is none", ErrMissing, bin)
		}
		return filepath.Abs(bin)
	}
	if initdb, err := exec.LookPath("initdb"); err == nil {
		if initdb, err = filepath.EvalSymlinks(initdb); err == nil && hasServer(filepath.Dir(initdb)) {
			return filepath.Abs(filepath.Dir(initdb))
		}
	}
	for _, bin := range packaged() {
		if hasServer(bin) {
			return bin, nil
		}
	}
	return "", fmt.Errorf("%w: want initdb on the PATH; install it (Debian: apt-get install postgresql; macOS: brew install postgresql), "+
		"or set LRO_TEST_POSTGRES_BIN to the folder with initdb, or LRO_TEST_POSTGRES_URL to a server", ErrMissing)
}

// packaged answers the folders where the packages of systems put the server,
// newest version first. The script .ci/postgres knows the same ones.
func packaged() []string {
	var found []string
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",         // Debian
		"/usr/pgsql-*/bin",                  // Red Hat
		"/opt/homebrew/opt/postgresql*/bin", // Homebrew on Apple's processors
		"/usr/local/opt/postgresql*/bin",    // Homebrew on Intel's
	} {
		bins, err := filepath.Glob(pattern)
		if err != nil {
			panic(err) // a pattern above is malformed
		}
		found = append(found, bins...)
	}
	slices.SortStableFunc(found, func(a, b string) int { return cmp.Compare(version(b), version(a)) })
	return found
}

// version answers the number in a folder's path, which is Postgres's major
// version; 0 is none.
func version(bin string) int {
	n, err := strconv.Atoi(regexp.MustCompile(`\d+`).FindString(bin))
	if err != nil {
		return 0
	}
	return n
}

func hasServer(bin string) bool {
	for _, program := range []string{"initdb", "postgres"} {
		if _, err := exec.LookPath(filepath.Join(bin, program)); err != nil {
			return false
		}
	}
	return true
}
