package mutant

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Build compiles the main package pkg, an import path of this module, into the
// file out, with the mutant's edits. module is the folder of the checkout, which
// is only read: any number of builds may run at the same time. Once ctx ends the
// build is killed.
//
// The error of a build that fails has what the go command said.
func (m Mutant) Build(ctx context.Context, module, pkg, out string) (err error) {
	if module, err = filepath.Abs(module); err != nil {
		return err
	}
	if out, err = filepath.Abs(out); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "mutant-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	overlay, err := m.overlay(module, dir)
	if err != nil {
		return err
	}
	build := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-overlay", overlay, "-o", out, pkg)
	build.Dir = module
	build.WaitDelay = 5 * time.Second // for compilers that outlive the go command
	said, err := build.CombinedOutput()
	if err != nil {
		return fmt.Errorf("mutant: %s: building %s: %w\n%s", m.Name, pkg, err, bytes.TrimSpace(said))
	}
	return nil
}

// overlay writes the edited files into dir, and the list of them that the go
// command takes, whose path it answers.
func (m Mutant) overlay(module, dir string) (string, error) {
	texts, err := m.edited(module)
	if err != nil {
		return "", err
	}
	var list struct{ Replace map[string]string }
	list.Replace = make(map[string]string, len(texts))
	for file, text := range texts {
		edited := filepath.Join(dir, strconv.Itoa(len(list.Replace))+filepath.Ext(file))
		if err := os.WriteFile(edited, []byte(text), 0o600); err != nil {
			return "", err
		}
		list.Replace[filepath.Join(module, filepath.FromSlash(file))] = edited
	}
	encoded, err := json.Marshal(list)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, encoded, 0o600)
}

// edited answers the text of each file that the mutant edits, by its path in the
// module.
func (m Mutant) edited(module string) (map[string]string, error) {
	texts := make(map[string]string)
	for _, e := range m.edits {
		text, known := texts[e.file]
		if !known {
			read, err := os.ReadFile(filepath.Join(module, filepath.FromSlash(e.file)))
			if err != nil {
				return nil, fmt.Errorf("mutant: %s: %w", m.Name, err)
			}
			text = string(read)
		}
		if n := strings.Count(text, e.old); n != 1 {
			return nil, fmt.Errorf("mutant: %s: %s has %d places, want 1, that read %q: change the edit with the guard", m.Name, e.file, n, e.old)
		}
		texts[e.file] = strings.Replace(text, e.old, e.new, 1)
	}
	return texts, nil
}
