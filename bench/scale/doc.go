// Package scale measures how far it goes: many operations that run in one process,
// and many processes that share one database. One file per question.
package scale
