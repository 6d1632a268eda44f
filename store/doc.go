// Package store says how operations are kept: the [Store] interface that
// package lro writes to, and the [Record] it writes.
//
// Use one of the implementations in the packages below this one; or write one,
// and let package storetest tell whether it is right. A store needs no
// knowledge of operations: it compares versions, hands out claims and keeps
// the list of living owners.
//
// Three counters carry the guarantees:
//
//   - Version grows with every write. [Store.Update] swaps only the version that
//     its caller read, so no write is lost under another.
//   - Epoch grows with every claim. It is the number of the attempt and its
//     fencing token: a process that wakes up after its record was claimed by
//     another finds a higher version and a higher epoch, and can write nothing.
//   - An owner's death is a flag that never falls and that is committed before
//     the first of its records is adopted, so that the owner cannot come back
//     between the two.
//
// Clocks decide only liveness, due times, deadlines and retention, never safety.
package store
