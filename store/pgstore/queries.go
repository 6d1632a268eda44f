package pgstore

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// queries are all that the Store runs in steady state, for its schema.
type queries struct {
	settings, session, whose      string
	create, update                writing
	earlier, versions             string
	get, getOne                   string
	heartbeat, bury, alive, claim string
	expire, forget                string
}

func newQueries(o *Options) *queries {
	in := func(sql string) string { return inSchema(sql, o.Schema) }
	set := fmt.Sprintf(settings, o.Timeout.Milliseconds(), lockPatience.Milliseconds())
	return &queries{
		settings: strings.ReplaceAll(set, "{local}", "true"),
		session:  strings.ReplaceAll(set, "{local}", "false") + sessionSettings,
		whose:    in(whose),
		create:   newWriting(createSQL, createOneSQL, createColumns).in(o.Schema), earlier: in(earlierSQL),
		update: newWriting(updateSQL, updateOneSQL, updateColumns).in(o.Schema), versions: in(versionsSQL),
		get: in(getSQL), getOne: in(getOneSQL),
		heartbeat: in(heartbeatSQL), bury: in(burySQL), alive: in(aliveSQL), claim: in(claimSQL),
		expire: in(expireSQL), forget: in(forgetSQL),
	}
}

// inSchema puts the name of the schema into a text of SQL.
func inSchema(sql, schema string) string {
	return strings.ReplaceAll(sql, "{schema}", pgx.Identifier{schema}.Sanitize())
}
