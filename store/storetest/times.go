package storetest

import (
	"reflect"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

const day = 24 * time.Hour

const (
	ruleTimesUTC   rule = "times: Every time is in UTC and whole microseconds."
	ruleTimesWrite rule = "times: CreateTime is of Create and stays; UpdateTime is of the last write."
	ruleTimesEnd   rule = "times: EndTime is of the write that made the record Done, and zero before."
	ruleDeadline   rule = "times: Deadline is CreateTime plus Timeout, or zero without one, and stays."
	ruleDueTime    rule = "times: DueTime is DueIn after the write of a Pending record, and zero otherwise."
	ruleExpireTime rule = "times: ExpireTime is ExpireIn after the write of a Done record, and zero otherwise."
	ruleInputOnly  rule = "times: Timeout, DueIn and ExpireIn are zero in every answer."
)

func timesCases() []testCase {
	return []testCase{
		{ruleTimesUTC, timesUTC},
		{ruleTimesWrite, timesOfWrites},
		{ruleTimesEnd, timesEnd},
		{ruleDeadline, timesDeadline},
		{ruleDueTime, timesDue},
		{ruleExpireTime, timesExpire},
		{ruleInputOnly, timesInputOnly},
	}
}

// everyAnswer takes a record through its life and answers what each call
// answered about it.
func (t *trial) everyAnswer() []*store.Record {
	t.beat(t.a, "owner", day)
	rec := t.draft(store.Pending)
	rec.Timeout = time.Hour
	all := []*store.Record{t.create(t.a, rec), t.recreate(ruleCreateName, t.b, rec)}
	for _, c := range t.claim(t.a, "owner", 1) {
		all = append(all, c, t.update(t.a, pending(c, time.Minute)))
	}
	cur := t.update(t.a, external(t.get(t.b, rec.Name)))
	all = append(all, cur, t.update(t.a, done(cur, time.Hour)), t.get(t.b, rec.Name))
	return append(all, t.list(t.b, store.Query{Parent: parent, Limit: 10})...)
}

func timesUTC(t *trial) {
	t.advance(time.Second + 1234567*time.Nanosecond)
	for _, rec := range t.everyAnswer() {
		v := reflect.ValueOf(rec).Elem()
		for i := range v.NumField() {
			at, ok := reflect.TypeAssert[time.Time](v.Field(i))
			if ok && (at.Location() != time.UTC || at.Nanosecond()%1000 != 0) {
				t.fail("record %q: got %s %v, want UTC and whole microseconds", rec.Name, v.Type().Field(i).Name, at)
			}
		}
	}
}

func timesInputOnly(t *trial) {
	for i, rec := range t.everyAnswer() {
		if rec.Timeout != 0 || rec.DueIn != 0 || rec.ExpireIn != 0 {
			t.fail("answer %d about record %q: got Timeout %v, DueIn %v, ExpireIn %v, want 0", i, rec.Name, rec.Timeout, rec.DueIn, rec.ExpireIn)
		}
	}
}

// at notes a breach of the rule of the case unless the time got of rec is want.
func (t *trial) at(rec *store.Record, field string, got, want time.Time) {
	if !got.Equal(want) {
		t.fail("%v record %q at version %d: got %s %v, want %v", rec.State, rec.Name, rec.Version, field, show(got), show(want))
	}
}

func timesOfWrites(t *trial) {
	t.beat(t.a, "owner", day)
	created := t.create(t.a, t.draft(store.Pending))
	t.at(created, "UpdateTime", created.UpdateTime, created.CreateTime)
	last := created
	for i, write := range []func() *store.Record{
		func() *store.Record { return t.update(t.a, marked(last, "x")) },
		func() *store.Record { t.claim(t.a, "owner", 1); return t.get(t.b, last.Name) },
		func() *store.Record { return t.update(t.b, done(last, day)) },
	} {
		t.advance(time.Hour)
		next := write()
		t.at(next, "CreateTime", next.CreateTime, created.CreateTime)
		if passed := next.UpdateTime.Sub(last.UpdateTime); passed < time.Hour || passed > 2*time.Hour {
			t.fail("write %d came an hour after the last: got UpdateTime %v later", i, passed)
		}
		last = next
	}
	t.recreate(ruleCreateName, t.a, t.createdAgain(created))
	if got := t.get(t.b, created.Name); !got.UpdateTime.Equal(last.UpdateTime) {
		t.fail("a Create that wrote nothing changed UpdateTime from %v to %v", last.UpdateTime, got.UpdateTime)
	}
}

// createdAgain answers a draft with the name of rec.
func (t *trial) createdAgain(rec *store.Record) *store.Record {
	return edited(t.draft(store.External), func(r *store.Record) { r.Name = rec.Name })
}

func timesEnd(t *trial) {
	rec := t.create(t.a, t.draft(store.External))
	t.at(rec, "EndTime", rec.EndTime, time.Time{})
	t.advance(time.Hour)
	ended := t.update(t.a, done(rec, day))
	t.at(ended, "EndTime", ended.EndTime, ended.UpdateTime)
	t.advance(time.Hour)
	later := t.update(t.b, deleted(ended))
	t.at(later, "EndTime", later.EndTime, ended.EndTime)

	born := t.create(t.a, t.draft(store.Done))
	t.at(born, "EndTime", born.EndTime, born.CreateTime)
}

func timesDeadline(t *trial) {
	for _, timeout := range []time.Duration{0, time.Microsecond, 90 * time.Minute, 400 * day} {
		rec := t.draft(store.External)
		rec.Timeout = timeout
		got := t.create(t.a, rec)
		want := time.Time{}
		if timeout > 0 {
			want = got.CreateTime.Add(timeout)
		}
		t.at(got, "Deadline", got.Deadline, want)
		t.advance(time.Hour)
		got = t.update(t.a, edited(got, func(r *store.Record) { r.Timeout = time.Minute }))
		t.at(got, "Deadline", got.Deadline, want)
	}
}

func timesDue(t *trial) {
	t.beat(t.a, "owner", day)
	rec := t.create(t.a, t.draft(store.Pending))
	t.at(rec, "DueTime", rec.DueTime, rec.CreateTime)
	t.advance(time.Hour)
	rec = t.update(t.a, pending(rec, 10*time.Minute))
	t.at(rec, "DueTime", rec.DueTime, rec.UpdateTime.Add(10*time.Minute))
	t.advance(time.Hour)
	for _, rec := range t.claim(t.b, "owner", 1) {
		t.at(rec, "DueTime", rec.DueTime, time.Time{})
		rec = t.update(t.a, pending(rec, 0))
		t.at(rec, "DueTime", rec.DueTime, rec.UpdateTime)
		rec = t.update(t.a, external(edited(rec, func(r *store.Record) { r.DueIn = time.Hour })))
		t.at(rec, "DueTime", rec.DueTime, time.Time{})
	}
	late := t.create(t.a, pending(t.draft(store.Pending), 3*day))
	t.at(late, "DueTime", late.DueTime, late.CreateTime.Add(3*day))
}

func timesExpire(t *trial) {
	rec := t.create(t.a, edited(t.draft(store.External), func(r *store.Record) { r.ExpireIn = time.Hour }))
	t.at(rec, "ExpireTime", rec.ExpireTime, time.Time{})
	rec = t.update(t.a, done(rec, 30*day))
	t.at(rec, "ExpireTime", rec.ExpireTime, rec.UpdateTime.Add(30*day))
	t.advance(time.Hour)
	rec = t.update(t.a, deleted(done(rec, time.Minute)))
	t.at(rec, "ExpireTime", rec.ExpireTime, rec.UpdateTime.Add(time.Minute))

	born := t.create(t.a, t.draft(store.Done))
	t.at(born, "ExpireTime", born.ExpireTime, born.CreateTime.Add(time.Hour))
}
