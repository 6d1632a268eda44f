package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A command is one of a console block, and what the page shows of it.
type command struct {
	line  int
	text  string
	shown []string
}

// A snippet is a Go block.
type snippet struct {
	line int
	text string
}

func parse(page string) (commands []command, snippets []snippet, err error) {
	lines := strings.Split(page, "\n")
	for i := 0; i < len(lines); i++ {
		language, fenced := strings.CutPrefix(lines[i], "```")
		if !fenced {
			continue
		}
		start := i + 1
		for i = start; i < len(lines) && lines[i] != "```"; i++ {
		}
		if i == len(lines) {
			return nil, nil, fmt.Errorf("line %d: the block has no end; write ``` on a line of its own", start)
		}
		block := lines[start:i]
		switch language {
		case "go":
			snippets = append(snippets, snippet{start + 1, strings.Join(block, "\n") + "\n"})
		case "console":
			found, err := parseConsole(block, start+1)
			if err != nil {
				return nil, nil, err
			}
			commands = append(commands, found...)
		}
	}
	return commands, snippets, nil
}

// parseConsole reads a block that begins on the given line of the page.
func parseConsole(block []string, first int) (commands []command, err error) {
	for i, line := range block {
		last := len(commands) - 1
		if text, ok := strings.CutPrefix(line, "$ "); ok {
			commands = append(commands, command{line: first + i, text: text})
			continue
		}
		if last < 0 {
			return nil, fmt.Errorf("line %d: a console block begins with a command, after \"$ \"", first+i)
		}
		if text, ok := strings.CutPrefix(line, "> "); ok && len(commands[last].shown) == 0 {
			commands[last].text += "\n" + text
		} else {
			commands[last].shown = append(commands[last].shown, line)
		}
	}
	return commands, nil
}

// missing says which of the snippets are in no Go file below dir.
func missing(snippets []snippet, dir string) (wrong []string, err error) {
	var code strings.Builder
	err = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" {
			return err
		}
		text, err := os.ReadFile(path)
		code.Write(text)
		return err
	})
	for _, s := range snippets {
		if !strings.Contains(code.String(), s.text) {
			wrong = append(wrong, fmt.Sprintf("line %d: this code is in no file of %s as it stands here:\n%s", s.line, dir, s.text))
		}
	}
	return wrong, err
}
