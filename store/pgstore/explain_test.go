package pgstore_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/longrunning-go/longrunning/store"
	"github.com/longrunning-go/longrunning/store/pgstore"
)

// filled makes 20,000 records of three parents, one in a hundred of them not done,
// so that a plan that reads them all differs from one that does not.
const filled = `
ALTER TABLE lro.lro_operations SET (autovacuum_enabled = false);
INSERT INTO lro.lro_owners SELECT 'owner ' || n, now() + '1 day', n %% 2 = 0 FROM generate_series(1, 20) n;
INSERT INTO lro.lro_operations (name, parent, id, method, request_id, version, epoch, create_time, update_time,
	end_time, deadline, due_time, expire_time, state, owner, released, retried, cancel_requested, deleted, response)
SELECT 'projects/' || n %% 3 || '/operations/' || n, 'projects/' || n %% 3, n::text, '/method/' || n %% 5, 'request ' || n,
	1, 0, now(), now(),
	CASE WHEN s = 4 THEN now() END, now() + '1 hour', CASE WHEN s = 1 THEN now() END, CASE WHEN s = 4 THEN now() + '1 day' END,
	s, CASE WHEN s = 2 THEN 'owner ' || n %% 20 ELSE '' END, 0, 0, n %% 500 = 0, n %% 1000 = 0, CASE WHEN s = 4 THEN '\x00'::bytea END
FROM (SELECT n, CASE WHEN n %% 100 = 0 THEN 1 + n / 100 %% 3 ELSE 4 END AS s FROM generate_series(1, 20000) n) r;`

// Every statement that runs in steady state must use these indexes and no other
// way to the operations, whether or not Postgres has ever looked at the table, and
// whether or not it plans for the arguments at hand.
func TestPlans(t *testing.T) {
	t.Parallel()
	d := setup(t)
	st, pool := d.open(t), d.pool(t)
	script(t, pool, strings.ReplaceAll(filled, "%%", "%"))
	for _, analysed := range []bool{false, true} {
		if analysed {
			script(t, pool, `ANALYZE lro.lro_operations, lro.lro_owners`)
		}
		for name, want := range wantPlans() {
			for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
				plan := explain(t, pool.Config().ConnConfig, st, mode, name)
				if got := indexesOf(plan); !slices.Equal(got, want) || strings.Contains(plan, "Seq Scan on lro_operations") {
					t.Errorf("%s, analysed %v, %s: got indexes %q, want %q and no Seq Scan:\n%s", name, analysed, mode, got, want, plan)
				}
			}
		}
	}
}

func wantPlans() map[string][]string {
	const (
		pkey, id, openID            = "lro_operations_pkey", "lro_operations_id", "lro_operations_open_id"
		open, done                  = "lro_operations_open", "lro_operations_done"
		request, due, owner         = "lro_operations_request", "lro_operations_due", "lro_operations_owner"
		cancelled, deadline, expire = "lro_operations_cancelled", "lro_operations_deadline", "lro_operations_expire"
	)
	plans := map[string][]string{
		"create":     {pkey, request},
		"create one": {pkey},
		"update one": {pkey},
		"earlier":    {id, pkey, request},
		"update":     {pkey},
		"versions":   {pkey},
		"get":        {pkey},
		"get one":    {pkey},
		"heartbeat":  {cancelled},
		"claim":      {cancelled, due, owner, pkey},
		"expire":     {expire, pkey},
		"forget":     {owner},
	}
	for _, before := range []string{"", ", next page"} {
		plans["list"+before] = []string{done, open}
		plans["list done"+before] = []string{done}
		plans["list not done"+before] = []string{open}
		plans["list all parents"+before] = []string{id}
		plans["list all parents done"+before] = []string{id}
		plans["list all parents not done"+before] = []string{openID}
		plans["list owner"+before] = []string{owner}
		plans["list overdue"+before] = []string{deadline}
	}
	return plans
}

// statementOf answers a statement by its name in wantPlans, with its arguments.
func statementOf(st *pgstore.Store, name string) []any {
	rec := &store.Record{
		Name: "projects/1/operations/1", Parent: "projects/1", ID: "1", Method: "/method/1", Version: 1,
		State: store.External, RequestID: "new",
	}
	list, ok := strings.CutPrefix(name, "list")
	if !ok {
		return st.Statements(rec)[name]
	}
	q := &store.Query{Parent: "projects/1", Limit: 10}
	list, next := strings.CutSuffix(list, ", next page")
	if next {
		q.Before = "15000"
	}
	list, q.AllParents = strings.CutPrefix(list, " all parents")
	switch list {
	case " done":
		q.Done = new(true)
	case " not done":
		q.Done = new(false)
	case " owner":
		q.Owner = "owner 2"
	case " overdue":
		q.Overdue = true
	}
	sql, args := st.ListStatement(q)
	return append([]any{sql}, args...)
}

// explain answers the plan of a statement with its arguments, on a connection of
// its own and with the settings that the Store gives it.
func explain(t *testing.T, config *pgx.ConnConfig, st *pgstore.Store, mode, name string) string {
	t.Helper()
	statement := statementOf(st, name)
	conn, err := pgx.ConnectConfig(t.Context(), config)
	must(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	tx, err := conn.Begin(t.Context())
	must(t, err)
	settings, bitmaps := st.Settings(), `SELECT`
	switch name {
	case "get", "get one":
		settings = `SELECT` // these run without
	case "claim", "expire", "forget":
		bitmaps = pgstore.NoBitmaps
	default:
		if strings.HasPrefix(name, "list") {
			bitmaps = pgstore.NoBitmaps
		}
	}
	for _, sql := range []string{settings, bitmaps, `SET LOCAL plan_cache_mode = ` + mode, `PREPARE q AS ` + statement[0].(string)} {
		_, err = tx.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol)
		must(t, err)
	}
	args := make([]string, len(statement)-1)
	for i := range args {
		args[i] = fmt.Sprintf("$%d", i+1)
	}
	execute := `EXPLAIN (COSTS OFF) EXECUTE q`
	if len(args) > 0 {
		execute += ` (` + strings.Join(args, ", ") + `)`
	}
	rows, err := tx.Query(t.Context(), execute, append([]any{pgx.QueryExecModeSimpleProtocol}, statement[1:]...)...)
	must(t, err)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(t, err)
	return strings.Join(lines, "\n")
}

var index = regexp.MustCompile(`(?:using|Bitmap Index Scan on) (lro_operations_\w+)`)

// indexesOf answers the indexes of lro_operations in a plan, each once.
func indexesOf(plan string) []string {
	var names []string
	for _, found := range index.FindAllStringSubmatch(plan, -1) {
		names = append(names, found[1])
	}
	slices.Sort(names)
	return slices.Compact(names)
}
