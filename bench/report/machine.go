package report

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// Machine says when and on what this process runs, and with which databases.
func Machine(databases []string) string {
	words := []string{
		time.Now().Format("2 January 2006"),
		fmt.Sprintf("%d × %s", runtime.NumCPU(), processor()),
		fmt.Sprintf("%s %s/%s", runtime.Version(), runtime.GOOS, runtime.GOARCH),
	}
	return strings.Join(append(words, databases...), ", ")
}

// processor answers the name of the processors where Linux tells it.
func processor() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err == nil {
		for line := range strings.Lines(string(info)) {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
				return strings.TrimSpace(value)
			}
		}
	}
	return "processors"
}
