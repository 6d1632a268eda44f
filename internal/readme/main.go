// Command readme holds a page of Markdown to what it says: it runs the commands of
// its console blocks, in order and in one shell, and compares what they print with
// what the page shows.
//
//	go run ./internal/readme README.md
//
// In a console block a line that begins with "$ " is a command, one with "> " goes on
// with it, and all others are what it prints. There an … stands for anything on a
// line. The ids of operations, and times, are the same to it, whatever they are.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: readme PAGE.md, in the root of the repository")
		os.Exit(2)
	}
	if err := run(ctx, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "readme:", err)
		os.Exit(1)
	}
	fmt.Println(os.Args[1], "shows what its commands print")
}

func run(ctx context.Context, page string) error {
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	commands, err := parse(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", page, err)
	}
	if len(commands) == 0 {
		return fmt.Errorf("%s: no console block with a command; there must be one", page)
	}
	printed, err := execute(ctx, commands)
	if err != nil {
		return fmt.Errorf("%s: %w", page, err)
	}
	var wrong []string
	for i, c := range commands {
		wrong = append(wrong, compare(c, printed[i])...)
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%s is not true:\n%s", page, strings.Join(wrong, "\n"))
	}
	return nil
}
