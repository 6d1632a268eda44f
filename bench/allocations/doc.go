// Package allocations counts what the library allocates on the heap: against what
// it did when the numbers in recorded.json were committed. Nothing is timed, so a
// busy machine finds the same.
package allocations
