package lro_test

import (
	"slices"
	"strings"
	"time"
)

// strike does something to one replica, or to all, at some instant before within
// has passed.
func (w *world) strike(d dice, within time.Duration) {
	ctx := w.t.Context()
	w.rest(ctx, d.between(0, within), d)
	if w.isCalm() {
		return
	}
	slot := d.IntN(len(w.slots))
	length := d.between(w.plan.lease, 3*w.plan.lease)
	w.mu.Lock()
	r := w.slots[slot]
	w.mu.Unlock()
	if r == nil {
		return
	}
	w.faults.Add(1)
	switch pick(d, "kill", "pause", "cut", "drain", "outage") {
	case "kill":
		w.kill(r, d)
	case "pause":
		w.logf("%s: paused for %v", r.label, length)
		resume := r.wire.pause()
		w.rest(ctx, length, d)
		w.logf("%s: resumed", r.label)
		resume()
	case "cut":
		refuses := d.chance(0.5)
		w.logf("%s: cut off for %v, calls refused: %v", r.label, length, refuses)
		mend := r.wire.cut(refuses, false)
		w.rest(ctx, length, d)
		mend()
	case "drain":
		w.logf("%s: drains", r.label)
		w.fill(slot)
		r.leave()
		<-r.ended
		w.logf("%s: drained: %v", r.label, r.err)
	case "outage":
		w.outage(d, length)
	}
}

// kill kills a replica, and puts another one in its place after a while.
func (w *world) kill(r *replica, d dice) {
	r.kill()
	vacant := -1
	w.mu.Lock()
	for slot := range w.slots {
		if w.slots[slot] == r {
			w.slots[slot], vacant = nil, slot
		}
	}
	w.mu.Unlock()
	w.rest(w.t.Context(), d.between(0, 2*w.plan.lease), d)
	if vacant >= 0 {
		w.fill(vacant)
	}
}

// outage parts all replicas from the ledger, those too that begin meanwhile.
func (w *world) outage(d dice, length time.Duration) {
	refuses := d.chance(0.5)
	w.logf("outage for %v, calls refused: %v", length, refuses)
	var mends []func()
	w.mu.Lock()
	if w.cut != nil {
		w.mu.Unlock()
		return // one at a time
	}
	w.cut = func(r *replica) { mends = append(mends, r.wire.cut(refuses, true)) }
	for _, r := range w.all {
		w.cut(r)
	}
	w.mu.Unlock()
	w.rest(w.t.Context(), length, d)
	w.mu.Lock()
	w.cut = nil
	w.mu.Unlock()
	for _, mend := range mends {
		mend()
	}
	w.logf("outage over")
}

// buried says whether an owner that is taken for dead had a right to live:
// its replica lives, and for four lease times nothing but outages kept it from its
// heartbeats. Whoever adopts gives all others one lease time to come back.
func (w *world) buried(owner string) {
	label, _, _ := strings.Cut(owner, "/")
	w.mu.Lock()
	i := slices.IndexFunc(w.all, func(r *replica) bool { return r.label == label })
	r := w.all[i]
	w.mu.Unlock()
	if r.left.Load() == 0 && r.wire.blameless(4*w.plan.lease) {
		w.errorf("%s was taken for dead, after an outage at most", owner)
	}
}
