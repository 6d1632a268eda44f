package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	// patience is how long all commands may take together.
	patience = 5 * time.Minute
	// mark ends what a command prints, before its exit status.
	mark = "\x01the command ended with "
)

// execute runs the commands in one shell and answers what each printed. What runs in
// the background is ended with them, unless they run out of time.
func execute(ctx context.Context, commands []command) (printed [][]string, err error) {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	var script strings.Builder
	script.WriteString("trap 'kill $(jobs -p) 2>/dev/null' EXIT\n")
	for _, c := range commands {
		fmt.Fprintf(&script, "{ %s\n} 2>&1; printf '%s%%d\\n' $?\n", c.text, mark)
	}
	shell := exec.CommandContext(ctx, "bash", "-c", script.String())
	var out bytes.Buffer
	shell.Stdout, shell.Stderr = &out, &out
	shell.WaitDelay = time.Second // what holds the output open beyond the shell
	err = shell.Run()
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("the commands were ended (%w; they have %v); they printed, in the end,\n%s", ctx.Err(), patience, out.String()[max(0, out.Len()-2000):])
	case errors.Is(err, exec.ErrNotFound):
		return nil, fmt.Errorf("the commands need bash: %w", err)
	}
	rest := out.String()
	for _, c := range commands {
		text, after, ok := strings.Cut(rest, mark)
		status, after, _ := strings.Cut(after, "\n")
		if n, err := strconv.Atoi(status); !ok || err != nil || n != 0 {
			return nil, fmt.Errorf("line %d: %s: it ended with status %s, and printed\n%s", c.line, c.text, status, text)
		}
		printed = append(printed, lines(text))
		rest = after
	}
	return printed, nil
}

// lines are those of text, without what bash says of jobs that were killed.
func lines(text string) (lines []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\n"); !jobNotice.MatchString(line) {
			lines = append(lines, line)
		}
	}
	return lines
}

var jobNotice = regexp.MustCompile(`^bash: line \d+: +\d+ (Killed|Terminated) `)

// compare says where a command printed something else than the page shows.
func compare(c command, printed []string) (wrong []string) {
	equal := len(printed) == len(c.shown)
	for i := 0; equal && i < len(printed); i++ {
		equal = pattern(c.shown[i]).MatchString(masked(printed[i]))
	}
	if equal {
		return nil
	}
	return []string{fmt.Sprintf("line %d: %s\n  shown:\n\t%s\n  printed:\n\t%s", c.line, c.text,
		strings.Join(c.shown, "\n\t"), strings.Join(printed, "\n\t"))}
}

// pattern is a line of the page, in which … stands for anything.
func pattern(shown string) *regexp.Regexp {
	return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(masked(shown)), "…", ".*") + "$")
}

var (
	id      = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
	instant = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
)

func masked(line string) string {
	return instant.ReplaceAllString(id.ReplaceAllString(line, "ID"), "TIME")
}
