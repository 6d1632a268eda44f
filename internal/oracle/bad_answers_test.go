package oracle_test

import (
	"errors"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	"github.com/longrunning-go/longrunning/internal/oracle"
	"github.com/longrunning-go/longrunning/store"
)

// badAnswers are seen in what clients were told, or in when it ends.
func badAnswers() []badTale {
	return []badTale{
		{oracle.Kept, "a start that never came to the store", func(ta *tale) {
			ta.Started(&longrunningpb.Operation{Name: "a"}, "a")
		}, ""},
		{oracle.Kept, "removed before it was done", func(ta *tale) {
			ta.create("a")
			ta.write("a", claim("p"))
			ta.remove("a")
		}, ""},
		{oracle.Kept, "not found after its start", func(ta *tale) {
			ta.create("a")
			ta.Started(ta.now("a"), "a")
			time.Sleep(time.Second)
			ta.Missed(time.Now(), "a")
			ta.ends("a")
		}, ""},
		{oracle.Kept, "not found before its delete", func(ta *tale) {
			ta.create("a")
			ta.Started(ta.now("a"), "a")
			time.Sleep(time.Second)
			ta.Missed(time.Now(), "a")
			ta.ends("a")
			ta.write("a", deleted)
		}, ""},

		{oracle.Ended, "it never ends", func(ta *tale) { ta.create("a") }, ""},
		{oracle.Ended, "it ends too late", func(ta *tale) {
			ta.create("a")
			time.Sleep(within)
			ta.ends("a")
		}, ""},
		{oracle.Ended, "it runs too often", func(ta *tale) {
			ta.create("a")
			for epoch := range int64(3) {
				ta.write("a", claim([]string{"p", "q", "r"}[epoch]))
				ta.Ran("a", epoch+1, "p")
			}
			ta.write("a", ta.fail(errors.New("attempts")))
		}, ""},
		{oracle.Ended, "it runs too often for its method", func(ta *tale) {
			ta.create("a", func(rec *store.Record) { rec.Method = "/once" })
			ta.write("a", claim("p"))
			ta.Ran("a", 1, "p")
			ta.write("a", claim("q"))
			ta.Ran("a", 2, "q")
			ta.write("a", ta.respond(heir))
		}, ""},
		{oracle.Ended, "it runs though its deadline had come when it was claimed", func(ta *tale) {
			ta.create("a", func(rec *store.Record) { rec.Deadline = time.Now() })
			ta.write("a", claim("p"), func(rec *store.Record) { rec.UpdateTime = rec.Deadline })
			ta.Ran("a", 1, "p")
			ta.write("a", ta.respond(first))
		}, ""},

		{oracle.Unique, "two operations of one id", func(ta *tale) {
			ta.create("a")
			ta.create("b", func(rec *store.Record) { rec.RequestID = "a" })
			ta.ends("a")
			ta.ends("b")
			ta.remove("a") // too late to free the id
		}, ""},
		{oracle.Unique, "a repeated start answered another operation", func(ta *tale) {
			ta.create("a", func(rec *store.Record) { rec.RequestID = "x" })
			ta.create("b", func(rec *store.Record) { rec.RequestID, rec.Parent = "x", "another" })
			ta.Started(ta.now("a"), "x")
			ta.Started(ta.now("b"), "x")
			ta.ends("a")
			ta.ends("b")
		}, ""},
		{oracle.Unique, "a start answered an operation of another id", func(ta *tale) {
			ta.create("a")
			ta.Started(ta.now("a"), "b")
			ta.ends("a")
		}, ""},

		{oracle.Stands, "an end that was acknowledged and is another", func(ta *tale) {
			ta.create("a")
			ta.ends("a")
			op := ta.now("a")
			ta.write("a", deleted)
			op.Result = &longrunningpb.Operation_Response{}
			ta.Ended(op)
		}, ""},
		{oracle.Stands, "an end that was acknowledged and never came", func(ta *tale) {
			ta.create("a")
			ta.Ended(&longrunningpb.Operation{Name: "a", Done: true})
		}, oracle.Ended},
		{oracle.Stands, "a checkpoint that was acknowledged and is nowhere", func(ta *tale) {
			ta.create("a")
			ta.ends("a")
			ta.Saved("a", first)
		}, ""},

		{oracle.Stands, "a cancel that was acknowledged and never stored", func(ta *tale) {
			ta.create("a")
			ta.write("a", claim("p"))
			ta.Cancelled("a")
			ta.write("a", ta.respond(first))
		}, ""},

		{oracle.Cancels, "it ends too late after its cancel", func(ta *tale) {
			ta.create("a")
			ta.write("a", claim("p"))
			ta.write("a", cancelled)
			ta.Cancelled("a")
			time.Sleep(within)
			ta.write("a", ta.respond(first))
		}, oracle.Ended},
		{oracle.Cancels, "pending after its cancel", func(ta *tale) {
			ta.create("a")
			ta.write("a", claim("p"))
			ta.write("a", cancelled)
			ta.write("a", release)
			ta.write("a", claim("q"))
			ta.write("a", ta.fail(errCancelled))
		}, ""},
		{oracle.Cancels, "a cancel that leaves it pending", func(ta *tale) {
			ta.create("a")
			ta.write("a", cancelled)
			ta.write("a", ta.fail(errCancelled))
		}, oracle.Cancels},
		{oracle.Cancels, "run by who adopted it cancelled", func(ta *tale) {
			ta.create("a")
			ta.write("a", claim("p"))
			ta.write("a", cancelled)
			ta.write("a", claim("q"))
			ta.Ran("a", 2, "q")
			ta.write("a", ta.fail(errCancelled))
		}, ""},
		{oracle.Cancels, "CANCELLED of its own accord", func(ta *tale) {
			ta.create("a")
			ta.write("a", claim("p"))
			ta.write("a", ta.fail(errCancelled))
		}, ""},

		{oracle.Gone, "read after its delete", func(ta *tale) {
			ta.create("a")
			ta.ends("a")
			ta.write("a", deleted)
			ta.Deleted("a")
			time.Sleep(time.Second)
			ta.read("a")
		}, ""},
		{oracle.Gone, "a delete that did nothing", func(ta *tale) {
			ta.create("a")
			ta.Deleted("a")
			ta.ends("a")
		}, ""},
		{oracle.Gone, "deleted and kept", func(ta *tale) {
			ta.create("a")
			ta.ends("a")
			ta.write("a", deleted)
			time.Sleep(time.Minute + within + time.Second)
		}, ""},

		{oracle.Woken, "a waiter woken late", func(ta *tale) {
			ta.create("a")
			asked := time.Now()
			ta.ends("a")
			time.Sleep(wake + time.Second)
			ta.Waited(asked, ta.now("a"))
		}, ""},
		{oracle.Woken, "a waiter that was never woken", func(ta *tale) {
			ta.create("a")
			asked, op := time.Now(), ta.now("a")
			ta.ends("a")
			time.Sleep(wake + time.Second)
			ta.Waited(asked, op)
		}, ""},

		{oracle.Latest, "not done after a read that showed it done", func(ta *tale) {
			ta.exact = false
			ta.create("a")
			early := ta.now("a")
			ta.ends("a")
			ta.read("a")
			time.Sleep(time.Second)
			ta.Read(time.Now(), early)
		}, ""},
		{oracle.Latest, "older metadata than a read showed", func(ta *tale) {
			ta.exact = false
			ta.create("a")
			ta.write("a", claim("p"))
			ta.write("a", ta.report(first))
			early := ta.now("a")
			ta.write("a", ta.report(second))
			ta.read("a")
			time.Sleep(time.Second)
			ta.Read(time.Now(), early)
			ta.write("a", ta.respond(second))
		}, ""},
		{oracle.Latest, "not done when the store had it done", func(ta *tale) {
			ta.create("a")
			early := ta.now("a")
			ta.ends("a")
			time.Sleep(time.Second)
			ta.Read(time.Now(), early)
		}, ""},
		{oracle.Latest, "older metadata than the store had", func(ta *tale) {
			ta.create("a")
			ta.write("a", claim("p"))
			ta.write("a", ta.report(first))
			early := ta.now("a")
			ta.write("a", ta.report(second))
			time.Sleep(time.Second)
			ta.Read(time.Now(), early)
			ta.write("a", ta.respond(second))
		}, ""},
		{oracle.Latest, "metadata that was never stored", func(ta *tale) {
			ta.create("a")
			ta.ends("a")
			op := ta.now("a")
			ta.records["a"] = &store.Record{Name: "a", Metadata: packed(ta.t, heir.Metadata())}
			op.Metadata = ta.now("a").GetMetadata()
			ta.Read(time.Now(), op)
		}, ""},
	}
}
