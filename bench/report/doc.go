// Package report keeps what a run has found, as a table and plots in README.md.
package report
