package oracle_test

import (
	"time"

	"github.com/longrunning-go/longrunning/internal/oracle"
	"github.com/longrunning-go/longrunning/store"
)

// badHistories are seen in what the store has written.
func badHistories() []badTale {
	return []badTale{
		{oracle.Single, "another result", func(ta *tale) {
			ta.create("a")
			ta.ends("a")
			ta.write("a", ta.respond(second))
		}, ""},
		{oracle.Single, "no longer done", func(ta *tale) {
			ta.create("a")
			ta.ends("a")
			ta.write("a", func(rec *store.Record) { rec.State, rec.Response = store.Pending, nil })
		}, ""},
		{oracle.Single, "other metadata once it is done", func(ta *tale) {
			ta.create("a")
			ta.ends("a")
			ta.write("a", ta.report(first))
		}, ""},
		{oracle.Single, "both results", func(ta *tale) {
			ta.create("a")
			ta.write("a", claim("p"))
			ta.write("a", ta.respond(first), func(rec *store.Record) { rec.Error = []byte{} })
		}, ""},
		{oracle.Single, "created done, without a result", func(ta *tale) {
			ta.create("a", func(rec *store.Record) { rec.State = store.Done })
		}, ""},
		{oracle.Single, "a result before it is done", func(ta *tale) {
			ta.create("a")
			ta.write("a", claim("p"), func(rec *store.Record) { rec.Response = []byte{} })
			ta.write("a", ta.respond(first))
		}, ""},
		{oracle.Single, "a read of another result", func(ta *tale) {
			ta.create("a")
			ta.ends("a")
			op := ta.now("a")
			op.Result = nil
			ta.Read(time.Now(), op)
		}, ""},

		{oracle.Fenced, "a result of an older attempt", func(ta *tale) {
			ta.create("a")
			ta.write("a", claim("p"))
			ta.write("a", claim("q"))
			ta.write("a", ta.respond(first))
		}, ""},
		{oracle.Fenced, "an error of an attempt that let go", func(ta *tale) {
			ta.create("a")
			ta.write("a", claim("p"))
			ta.write("a", external)
			ta.write("a", ta.fail(first.Err()))
		}, ""},
		{oracle.Fenced, "a report of an older attempt", func(ta *tale) {
			ta.create("a")
			ta.write("a", claim("p"))
			ta.write("a", claim("q"))
			ta.write("a", ta.report(first))
			ta.write("a", ta.respond(heir))
		}, ""},
		{oracle.Fenced, "a checkpoint of an older attempt", func(ta *tale) {
			ta.create("a")
			ta.write("a", claim("p"))
			ta.write("a", claim("q"))
			ta.write("a", ta.save(first))
			ta.write("a", ta.respond(heir))
		}, ""},
		{oracle.Fenced, "an attempt that ran twice", func(ta *tale) {
			ta.create("a")
			ta.write("a", claim("p"))
			ta.Ran("a", 1, "p")
			ta.Ran("a", 1, "q")
			ta.write("a", ta.respond(first))
		}, ""},
		{oracle.Fenced, "an attempt that was never claimed", func(ta *tale) {
			ta.create("a")
			ta.ends("a")
			ta.Ran("a", 2, "q")
		}, ""},

		{oracle.Forward, "an older report", func(ta *tale) {
			ta.create("a")
			ta.write("a", claim("p"))
			ta.write("a", ta.report(second))
			ta.write("a", ta.report(first))
			ta.write("a", ta.respond(second))
		}, ""},
		{oracle.Forward, "an older checkpoint", func(ta *tale) {
			ta.create("a")
			ta.write("a", claim("p"))
			ta.write("a", ta.save(second))
			ta.write("a", ta.save(first))
			ta.write("a", ta.respond(second))
		}, ""},
		{oracle.Forward, "what Start was given again", func(ta *tale) {
			ta.create("a")
			ta.write("a", claim("p"))
			ta.write("a", ta.report(first))
			ta.write("a", ta.report(oracle.Stamp{Seq: 1, By: "client"}))
			ta.write("a", ta.respond(second))
		}, ""},
		{oracle.Forward, "a checkpoint that is lost", func(ta *tale) {
			ta.create("a")
			ta.write("a", claim("p"))
			ta.write("a", ta.save(first))
			ta.write("a", release, func(rec *store.Record) { rec.Checkpoint = nil })
			ta.write("a", claim("q"))
			ta.write("a", ta.respond(heir))
		}, ""},

		{oracle.Lawful, "a version left out", func(ta *tale) {
			ta.create("a")
			ta.write("a", claim("p"))
			ta.write("a", ta.respond(first), func(rec *store.Record) { rec.Version++ })
		}, ""},
		{oracle.Lawful, "a first version that is not 1", func(ta *tale) {
			ta.create("a", func(rec *store.Record) { rec.Version = 2 })
			ta.ends("a")
		}, ""},
		{oracle.Lawful, "a claim without an epoch", func(ta *tale) {
			ta.create("a")
			ta.write("a", claim("p"))
			ta.write("a", func(rec *store.Record) { rec.Owner = "q" })
			ta.write("a", ta.respond(first))
		}, ""},
		{oracle.Lawful, "an epoch without a claim", func(ta *tale) {
			ta.create("a")
			ta.write("a", claim("p"))
			ta.write("a", func(rec *store.Record) { rec.Epoch++ })
			ta.write("a", ta.respond(heir))
		}, ""},
		{oracle.Lawful, "a claim of what is external", func(ta *tale) {
			ta.create("a", external)
			ta.ends("a")
		}, ""},
		{oracle.Lawful, "pending after external", func(ta *tale) {
			ta.create("a", external)
			ta.write("a", func(rec *store.Record) { rec.State = store.Pending })
			ta.ends("a")
		}, ""},
		{oracle.Lawful, "a cancel that was forgotten", func(ta *tale) {
			ta.create("a")
			ta.write("a", claim("p"))
			ta.write("a", cancelled)
			ta.write("a", func(rec *store.Record) { rec.CancelRequested = false })
			ta.write("a", ta.respond(first))
		}, ""},
		{oracle.Lawful, "another method", func(ta *tale) {
			ta.create("a")
			ta.write("a", claim("p"), func(rec *store.Record) { rec.Method = "/n" })
			ta.write("a", ta.respond(first))
		}, ""},
		{oracle.Lawful, "an attempt handed back that is not counted", func(ta *tale) {
			ta.create("a")
			ta.write("a", claim("p"))
			ta.write("a", release, func(rec *store.Record) { rec.Released-- })
			ta.write("a", claim("q"))
			ta.write("a", ta.respond(heir))
		}, ""},
		{oracle.Lawful, "written after it was removed", func(ta *tale) {
			ta.create("a")
			ta.ends("a")
			ta.remove("a")
			ta.write("a", deleted)
		}, ""},
		{oracle.Lawful, "removed and never written", func(ta *tale) {
			ta.records["a"] = &store.Record{Name: "a"}
			ta.remove("a")
		}, ""},
	}
}
