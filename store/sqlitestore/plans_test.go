package sqlitestore_test

import (
	"database/sql"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/longrunning-go/longrunning/store/sqlitestore"
)

// plans says for every statement that runs in steady state what its plan is made
// of. A walk over json_each is one over the caller's arguments, and one over
// running is one over the owners that run something.
var plans = map[string]struct {
	sql  string
	want []string
}{
	"get one":            {sqlitestore.SelectOne, []string{"SEARCH operations USING INDEX sqlite_autoindex_operations_1 (name=?)"}},
	"get many":           {sqlitestore.SelectMany, []string{"SEARCH operations USING INDEX sqlite_autoindex_operations_1 (name=?)", "LIST SUBQUERY", "SCAN json_each VIRTUAL TABLE"}},
	"earlier by name":    {sqlitestore.SelectByName, []string{"SEARCH operations USING INDEX sqlite_autoindex_operations_1 (name=?)"}},
	"earlier by request": {sqlitestore.SelectByRequest, []string{"SEARCH operations USING INDEX operations_request (parent=? AND method=? AND request_id=?)"}},
	"update":             {sqlitestore.UpdateRecord, []string{"SEARCH operations USING INDEX sqlite_autoindex_operations_1 (name=?)"}},
	"update content":     {sqlitestore.UpdateContent, []string{"SEARCH operations USING INDEX sqlite_autoindex_operations_1 (name=?)"}},
	"version":            {sqlitestore.SelectVersion, []string{"SEARCH operations USING INDEX sqlite_autoindex_operations_1 (name=?)"}},
	"claim":              {sqlitestore.ClaimRecord, []string{"SEARCH operations USING INTEGER PRIMARY KEY (rowid=?)"}},
	"bury":               {sqlitestore.BuryOwners, []string{"SEARCH owners USING COVERING INDEX owners_until (dead=? AND until<?)", "SEARCH claimer USING PRIMARY KEY (id=?)"}},
	"alive":              {sqlitestore.SelectAlive, []string{"SEARCH owners USING PRIMARY KEY (id=?)"}},
	"lost owners": {sqlitestore.SelectLost, []string{
		"SEARCH operations USING COVERING INDEX operations_owner (owner>?)", "SEARCH o USING COVERING INDEX operations_owner (owner>?)",
		"SEARCH owners USING PRIMARY KEY (id=?)", "SCAN running",
	}},
	"orphans":        {sqlitestore.SelectOrphans, []string{"SEARCH operations USING INDEX operations_owner (owner=?)", "LIST SUBQUERY", "SCAN json_each VIRTUAL TABLE"}},
	"due":            {sqlitestore.SelectDue, []string{"SEARCH operations USING COVERING INDEX operations_due (method=? AND due_time<?)"}},
	"heartbeat":      {sqlitestore.SelectCancelled, []string{"SEARCH operations USING COVERING INDEX operations_cancelled (owner=?)"}},
	"expire":         {sqlitestore.DeleteExpired, []string{"SEARCH operations USING INTEGER PRIMARY KEY (rowid=?)", "LIST SUBQUERY", "SEARCH operations USING COVERING INDEX operations_expiry (expire_time<?)"}},
	"forget owners":  {sqlitestore.DeleteOwners, []string{"SEARCH owners USING COVERING INDEX owners_until (dead=? AND until<?)", "SEARCH operations USING COVERING INDEX operations_owner (owner=?)"}},
	"trim hints":     {sqlitestore.DeleteHints, []string{"SEARCH hints USING INTEGER PRIMARY KEY (rowid<?)"}},
	"last hint":      {sqlitestore.SelectLast, []string{"SEARCH hints"}},
	"hints":          {sqlitestore.SelectHints, []string{"SEARCH hints USING INTEGER PRIMARY KEY (rowid>?)"}},
	"list of parent": {sqlitestore.ListParent, []string{"SEARCH operations USING INDEX operations_parent (parent=? AND id<?)"}},

	"list of parent, done":   {sqlitestore.ListParentDone, []string{"SEARCH operations USING INDEX operations_parent (parent=? AND id<?)"}},
	"list of parent, active": {sqlitestore.ListParentActive, []string{"SEARCH operations USING INDEX operations_parent_active (parent=? AND id<?)"}},
	"list of all":            {sqlitestore.ListAll, []string{"SEARCH operations USING INDEX sqlite_autoindex_operations_2 (id<?)"}},
	"list of all, done":      {sqlitestore.ListAllDone, []string{"SEARCH operations USING INDEX sqlite_autoindex_operations_2 (id<?)"}},
	"list of all, active":    {sqlitestore.ListAllActive, []string{"SEARCH operations USING INDEX operations_active (id<?)"}},
	"list of owner":          {sqlitestore.ListOwner, []string{"SEARCH operations USING INDEX operations_owner (owner=? AND id<?)"}},
	"list of owner, overdue": {sqlitestore.ListOwnerOverdue, []string{"SEARCH operations USING INDEX operations_owner (owner=? AND id<?)"}},
	"list of overdue":        {sqlitestore.ListOverdue, []string{"SEARCH operations USING INDEX operations_deadline (deadline>? AND deadline<?)", "USE TEMP B-TREE FOR ORDER BY"}},
}

// Every statement uses the index that was made for it, whatever the database knows
// or does not know of its tables.
func TestPlans(t *testing.T) {
	t.Parallel()
	_, path := setup(t, nil)
	fill(t, path, 5000)
	fillRunning(t, path, 2000)
	db := rawDB(t, path)
	for _, analysed := range []bool{false, true} {
		if analysed {
			execute(t, db, "ANALYZE")
		}
		for name, plan := range plans {
			got := explain(t, db, plan.sql)
			for _, step := range got {
				if !slices.Contains(plan.want, step) {
					t.Errorf("%s, analysed %v: the plan has %q, want only %q", name, analysed, step, plan.want)
				}
			}
			for _, step := range plan.want {
				if !slices.Contains(got, step) {
					t.Errorf("%s, analysed %v: the plan is %q, want one with %q", name, analysed, got, step)
				}
			}
		}
	}
}

// noise are steps that say how a plan is put together, and no table.
var noise = regexp.MustCompile(`^(SETUP|RECURSIVE STEP|SCALAR SUBQUERY|CORRELATED SCALAR SUBQUERY|CO-ROUTINE|MATERIALIZE|SCAN CONSTANT ROW|COMPOUND|CREATE BLOOM FILTER)`)

// explain answers the steps of a plan, without the numbers in them.
func explain(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	args := make([]any, strings.Count(query, "?"))
	for i := range args {
		args[i] = "1"
	}
	rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatalf("%v: %s", err, query)
	}
	defer rows.Close()
	var steps []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		step = regexp.MustCompile(` \d+$| INDEX \d+:$`).ReplaceAllString(step, "")
		if !noise.MatchString(step) {
			steps = append(steps, step)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if len(steps) == 0 {
		t.Fatalf("no plan for %s", query)
	}
	return steps
}
