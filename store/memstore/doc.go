// Package memstore keeps operations in memory: for tests, for examples, and for
// services whose operations may die with the process.
//
// One [Store] may serve several Managers, which is how a test gets a fleet in
// one process. It implements [store.Notifier]. Reads share the stored records
// instead of copying them, so a Get costs a map lookup. Time is [time.Now], so
// the store works inside a testing/synctest bubble.
package memstore
