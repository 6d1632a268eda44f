package main

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestMain lets the test binary be the program: what it prints is its contract.
func TestMain(m *testing.M) {
	if os.Getenv("QUICKSTART") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// program runs the program with args and answers its standard output.
func program(ctx context.Context, t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), "QUICKSTART=1", "TMPDIR="+t.TempDir())
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	t.Logf("%s", errOut.Bytes())
	return out.String(), err
}

func TestQuickstart(t *testing.T) {
	t.Parallel()
	folder, err := filepath.Abs(filepath.Join("..", "snapshots"))
	if err != nil {
		t.Fatal(err)
	}
	var files, size int64
	err = filepath.WalkDir(folder, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		files++
		size += info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := program(t.Context(), t, folder)
	if err != nil {
		t.Fatal(err)
	}
	want := folder + ": " + strconv.FormatInt(files, 10) + " files, " + strconv.FormatInt(size, 10) + " bytes, sha256 "
	if !strings.HasPrefix(out, want) || strings.Count(out, "\n") != 1 {
		t.Errorf("got %q, want one line that begins with %q", out, want)
	}
}

func TestQuickstartFails(t *testing.T) {
	t.Parallel()
	if out, err := program(t.Context(), t, filepath.Join(t.TempDir(), "missing")); err == nil || out != "" {
		t.Errorf("a folder that is missing: got error %v and output %q, want an exit code and none", err, out)
	}
}
