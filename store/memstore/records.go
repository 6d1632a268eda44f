package memstore

import (
	"hash/maphash"
	"sync"

	"github.com/longrunning-go/longrunning/store"
)

// records are the stored records by name, without their Request. They are
// changed under Store.mu and read without it: a reader meets a writer only in
// one shard, and only for the time of one map access.
type records struct {
	seed   maphash.Seed
	shards [64]shard
}

type shard struct {
	mu     sync.RWMutex
	byName map[string]*store.Record
}

func newRecords() *records {
	r := &records{seed: maphash.MakeSeed()}
	for i := range r.shards {
		r.shards[i].byName = make(map[string]*store.Record)
	}
	return r
}

func (r *records) shard(name string) *shard {
	return &r.shards[maphash.String(r.seed, name)%uint64(len(r.shards))]
}

func (r *records) get(name string) (*store.Record, bool) {
	s := r.shard(name)
	s.mu.RLock()
	defer s.mu.RUnlock()
	rec, ok := s.byName[name]
	return rec, ok
}

func (r *records) set(rec *store.Record) {
	s := r.shard(rec.Name)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byName[rec.Name] = rec
}

func (r *records) remove(name string) {
	s := r.shard(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byName, name)
}
