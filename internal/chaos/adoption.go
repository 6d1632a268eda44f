//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/longrunning-go/longrunning/internal/chaos/siege"
)

var errMissed = errors.New("a bound of adoption was missed")

// measureAdoption prints how soon the operations of a killed worker go on, on each
// of the stores, and, where Postgres is among them, who is buried after an outage.
func measureAdoption(ctx context.Context, out io.Writer, stores []string, seed uint64) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	var figures []siege.Figure
	for _, store := range stores {
		found, err := siege.Adoption(ctx, siege.Config{Store: store, Seed: seed, Binary: self, Progress: progress(store, "adoption")})
		if err != nil {
			return err
		}
		figures = append(figures, found...)
	}
	if slices.Contains(stores, "postgres") {
		figure, err := buried(ctx, self, seed)
		if err != nil {
			return err
		}
		figures = append(figures, figure)
	}
	return printFigures(out, figures)
}

func printFigures(out io.Writer, figures []siege.Figure) error {
	text := new(strings.Builder)
	fmt.Fprintf(text, "what\tstore\tfigure\tbound\t\n")
	missed := false
	for _, f := range figures {
		verdict := "met"
		if !f.Met {
			verdict, missed = "MISSED", true
		}
		fmt.Fprintf(text, "%s\t%s\t%s\t%s\t%s\n", f.What, f.Store, f.Found, f.Bound, verdict)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if _, err := io.WriteString(table, text.String()); err != nil {
		return err
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if missed {
		return errMissed
	}
	return nil
}

// buried counts the operations that were taken from workers which lived, after
// outages of three lease times. Other violations make it no measure.
func buried(ctx context.Context, binary string, seed uint64) (siege.Figure, error) {
	const store = "postgres"
	scenario := siege.Outages()
	report, err := siege.Run(ctx, siege.Config{
		Store: store, Scenario: scenario, Seed: seed, Binary: binary, Progress: progress(store, "outages"),
	})
	if err != nil {
		return siege.Figure{}, err
	}
	n, outages := 0, report.Faults[siege.Outage]
	for _, v := range report.Violations {
		if v.Invariant == siege.Buried {
			n++
		}
	}
	if n < len(report.Violations) || len(report.Short) > 0 || outages == 0 {
		return siege.Figure{}, fmt.Errorf("want outages, and no violation but burials; found\n%v", report)
	}
	return siege.Figure{
		What:  fmt.Sprintf("%d outages of %v, three lease times: operations taken from workers that live", outages, 3*scenario.TTL.Round(time.Millisecond)),
		Store: store, Found: strconv.Itoa(n), Bound: "0", Met: n == 0,
	}, nil
}
