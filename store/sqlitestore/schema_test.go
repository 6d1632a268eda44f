package sqlitestore_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

// inEveryState answers the names of a record in each state, by the state.
func inEveryState(t *testing.T, st store.Store) map[store.State]string {
	t.Helper()
	if _, err := st.Heartbeat(t.Context(), "owner", time.Hour); err != nil {
		t.Fatal(err)
	}
	names := map[store.State]string{}
	for _, state := range []store.State{store.Pending, store.Running, store.External, store.Done} {
		rec := fresh()
		rec.State, rec.Owner = state, ""
		rec.Metadata, rec.Carrier = []byte("metadata"), map[string]string{"key": "value"}
		switch state {
		case store.Running:
			rec.Owner = "owner"
		case store.Done:
			rec.Response = []byte("response")
		case store.Pending, store.External:
		}
		got, err := st.Create(t.Context(), rec)
		if err != nil {
			t.Fatal(err)
		}
		names[state] = got.Name
	}
	return names
}

// The invariants hold for whoever writes the file.
func TestInvariants(t *testing.T) {
	t.Parallel()
	st, path := setup(t, nil)
	names := inEveryState(t, st)
	db := rawDB(t, path)
	execute(t, db, "UPDATE operations SET version = 5")
	for _, c := range []struct {
		rule   string
		state  store.State
		change string
	}{
		{"a done record stays done", store.Done, "state = 1, due_time = 1, end_time = NULL, expire_time = NULL, response = NULL"},
		{"the response of a done record stays", store.Done, "response = x'00'"},
		{"the response of a done record does not become empty", store.Done, "response = x''"},
		{"a done record does not change sides", store.Done, "response = NULL, error = x'00'"},
		{"the metadata of a done record stays", store.Done, "metadata = x'00'"},
		{"the metadata of a done record is not lost", store.Done, "metadata = NULL"},
		{"the checkpoint of a done record stays", store.Done, "checkpoint = x'00'"},
		{"the counts of a done record stay: released", store.Done, "released = released + 1"},
		{"the counts of a done record stay: retried", store.Done, "retried = retried + 1"},
		{"the cancellation of a done record stays", store.Done, "cancel_requested = 1"},
		{"the epoch of a done record stays", store.Done, "epoch = epoch + 1"},
		{"the end of a done record stays", store.Done, "end_time = end_time + 1"},
		{"a done record has a result", store.Running, "state = 4, owner = '', end_time = 1, expire_time = 1"},
		{"a done record has one result", store.Running, "state = 4, owner = '', end_time = 1, expire_time = 1, response = x'', error = x''"},
		{"a record that is not done has no response", store.Running, "response = x''"},
		{"a record that is not done has no error", store.External, "error = x''"},
		{"a done record has ended", store.Running, "state = 4, owner = '', expire_time = 1, response = x''"},
		{"a done record expires", store.Running, "state = 4, owner = '', end_time = 1, response = x''"},
		{"what is not done does not expire", store.External, "expire_time = 1"},
		{"what is not done has no end", store.External, "end_time = 1"},
		{"what runs has an owner", store.Running, "owner = ''"},
		{"what waits has no owner", store.Pending, "owner = 'owner'"},
		{"what waits is due", store.Pending, "due_time = NULL"},
		{"what runs is not due", store.Running, "due_time = 1"},
		{"the version does not fall", store.Running, "version = version - 1"},
		{"the epoch does not fall", store.Running, "epoch = epoch - 1"},
		{"the name is fixed", store.Running, "name = name || 'x'"},
		{"the parent is fixed", store.Running, "parent = parent || 'x'"},
		{"the ID is fixed", store.Running, "id = id || 'x'"},
		{"the method is fixed", store.Running, "method = method || 'x'"},
		{"the request ID is fixed", store.Running, "request_id = 'x'"},
		{"the request is fixed", store.Running, "request = x'00'"},
		{"the carrier is fixed", store.Running, "carrier = NULL"},
		{"the create time is fixed", store.Running, "create_time = create_time + 1"},
		{"the deadline is fixed", store.Running, "deadline = NULL"},
		{"a state is a positive number", store.External, "state = 0"},
		{"a flag is 0 or 1: cancel_requested", store.External, "cancel_requested = 2"},
		{"a flag is 0 or 1: deleted", store.External, "deleted = 2"},
		{"a column has its type", store.External, "metadata = 'text'"},
	} {
		result, err := db.ExecContext(t.Context(), "UPDATE operations SET "+c.change+" WHERE name = ?", names[c.state])
		if err == nil {
			changed, _ := result.RowsAffected()
			t.Errorf("%s: SET %s of a %v record changed %d rows, want a refusal", c.rule, c.change, c.state, changed)
		} else if !strings.Contains(err.Error(), "constraint failed") {
			t.Errorf("%s: SET %s: got error %q, want that of a constraint", c.rule, c.change, err)
		}
	}
	for _, change := range []string{"deleted = 1", "expire_time = expire_time + 1", "version = version + 1, update_time = update_time + 1"} {
		if _, err := db.ExecContext(t.Context(), "UPDATE operations SET "+change+" WHERE name = ?", names[store.Done]); err != nil {
			t.Errorf("SET %s of a done record: got error %v, want none", change, err)
		}
	}

	if _, err := db.ExecContext(t.Context(), `INSERT INTO operations (name, parent, id, method, request_id, version, epoch,
			create_time, update_time, state, owner, released, retried, cancel_requested, deleted)
		VALUES ('operations/0', '', '0', '', '', 0, 0, 1, 1, 3, '', 0, 0, 0, 0)`); err == nil {
		t.Error("a record of version 0 was taken, want a refusal")
	}
	execute(t, db, "UPDATE owners SET dead = 1")
	if _, err := db.ExecContext(t.Context(), "UPDATE owners SET dead = 0"); err == nil {
		t.Error("a dead owner came back, want a refusal")
	}
	if _, err := db.ExecContext(t.Context(), "UPDATE secrets SET secret = x'00'"); err == nil {
		t.Error("a secret of one byte was taken, want a refusal")
	}
}

// What the schema does not take is ErrInvalid, and harms no other write.
func TestRefusals(t *testing.T) {
	t.Parallel()
	st, path := setup(t, nil)
	names := inEveryState(t, st)
	taken, err := st.Get(t.Context(), names[store.Done])
	if err != nil || len(taken) != 1 {
		t.Fatal(taken, err)
	}
	twin := fresh()
	twin.State, twin.Owner, twin.ID = store.Pending, "", taken[0].ID
	if _, err = st.Create(t.Context(), twin); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("Create with the ID of another record: got error %v, want ErrInvalid", err)
	}

	// A rule of a later schema, that this library does not know.
	execute(t, rawDB(t, path), `CREATE TRIGGER later BEFORE INSERT ON operations WHEN NEW.method = '/forbidden'
		BEGIN SELECT RAISE(ABORT, 'no such method'); END`)
	forbidden := fresh()
	forbidden.Method, forbidden.Request = "/forbidden", []byte("very secret")
	_, err = st.Create(t.Context(), forbidden)
	if !errors.Is(err, store.ErrInvalid) || strings.Contains(fmt.Sprint(err), "very secret") {
		t.Errorf("Create of what a trigger refuses: got error %v, want ErrInvalid that keeps the contents to itself", err)
	}
}

// Empty bytes are a response all the same.
func TestEmptyResults(t *testing.T) {
	t.Parallel()
	st, path := setup(t, nil)
	for _, set := range []func(*store.Record){
		func(r *store.Record) { r.Response = []byte{} },
		func(r *store.Record) { r.Error = []byte{} },
	} {
		rec := fresh()
		rec.State, rec.Owner = store.Done, ""
		set(rec)
		if _, err := st.Create(t.Context(), rec); err != nil {
			t.Fatal(err)
		}
		got, err := open(t, path, nil).Get(t.Context(), rec.Name)
		if err != nil || len(got) != 1 || (got[0].Response == nil) != (rec.Response == nil) || (got[0].Error == nil) != (rec.Error == nil) {
			t.Errorf("Get: got %+v and error %v, want the same of Response and Error set as in %+v", got, err, rec)
			continue
		}
		if _, err := st.Update(t.Context(), got[0]); err != nil {
			t.Errorf("Update of a done record with what it has: got error %v, want none", err)
		}
	}
}

// A state of a later release is read as it is, not done, not claimable and never
// removed.
func TestLaterStates(t *testing.T) {
	t.Parallel()
	st, path := setup(t, nil)
	names := inEveryState(t, st)
	execute(t, rawDB(t, path), "UPDATE operations SET state = 7, owner = '', due_time = 1 WHERE state IN (1, 2)")
	later := map[string]bool{names[store.Pending]: true, names[store.Running]: true}
	for _, q := range []struct {
		query *store.Query
		want  bool
	}{
		{&store.Query{AllParents: true, Limit: 10}, true},
		{&store.Query{AllParents: true, Limit: 10, Done: new(false)}, true},
		{&store.Query{AllParents: true, Limit: 10, Done: new(true)}, false},
		{&store.Query{Parent: "projects/p", Limit: 10}, true},
		{&store.Query{Parent: "projects/p", Limit: 10, Done: new(false)}, true},
		{&store.Query{Parent: "projects/p", Limit: 10, Done: new(true)}, false},
	} {
		recs, err := st.List(t.Context(), q.query)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, rec := range recs {
			if rec.State == 7 && later[rec.Name] {
				found++
			}
		}
		if (found == 2) != q.want || (found == 0) == q.want {
			t.Errorf("List of %+v: got %d records of state 7, want 2: %v", *q.query, found, q.want)
		}
	}
	claim := &store.Claim{Owner: "owner", Methods: []string{fresh().Method}, Limit: 10, Adopt: true}
	if got, err := st.Claim(t.Context(), claim); err != nil || len(got) != 0 {
		t.Errorf("Claim: got %d records and error %v, want none of state 7", len(got), err)
	}
	if cancel, err := st.Heartbeat(t.Context(), "owner", 0); err != nil || len(cancel) != 0 {
		t.Errorf("Heartbeat: got %q and error %v, want nothing", cancel, err)
	}
	if _, err := st.Expire(t.Context(), 10); err != nil {
		t.Fatal(err)
	}
	if got, err := st.Get(t.Context(), names[store.Pending], names[store.Running]); err != nil || len(got) != 2 || got[0].State != 7 {
		t.Errorf("Get after Expire: got %v and error %v, want the 2 records of state 7", got, err)
	}
}
