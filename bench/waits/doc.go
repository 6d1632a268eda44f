// Package waits measures what it takes to wait for an operation with package
// poller: how soon it wakes, with how many calls, and how much memory, against
// bare calls and against Google's client. One file per question.
package waits
