package main

import "testing"

func TestFirst(t *testing.T) {
	t.Parallel()
	got, err := run(t.Context(), "2026-11")
	if want := "3 pages about 2026-11"; err != nil || got != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}
