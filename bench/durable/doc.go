// Package durable measures the stores: writes by many and by one, reads, lists and
// heartbeats however much there is, and memory after a long time. One file per
// subject.
package durable
