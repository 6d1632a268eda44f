package measure

import "runtime"

// InUse answers how many bytes heap and stacks take, after all that is of no use
// has gone: what one collection finds, the next gives back.
func InUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
