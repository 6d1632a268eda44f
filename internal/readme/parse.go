package main

import (
	"fmt"
	"strings"
)

// A command is one of a console block, and what the page shows of it.
type command struct {
	line  int
	text  string
	shown []string
}

func parse(page string) (commands []command, err error) {
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
			return nil, fmt.Errorf("line %d: the block has no end; write ``` on a line of its own", start)
		}
		if language != "console" {
			continue
		}
		found, err := parseConsole(lines[start:i], start+1)
		if err != nil {
			return nil, err
		}
		commands = append(commands, found...)
	}
	return commands, nil
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
