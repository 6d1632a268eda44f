// Package moving is the code of docs/guides/moving.md: a service before and after it
// has moved its operations from a map and a mutex to package lro.
package moving
