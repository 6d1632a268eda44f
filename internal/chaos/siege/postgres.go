//go:build linux

package siege

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/longrunning-go/longrunning/internal/chaos/proxy"
	"github.com/longrunning-go/longrunning/internal/oracle"
	"github.com/longrunning-go/longrunning/internal/pgtest"
	"github.com/longrunning-go/longrunning/store"
)

// postgres is a server of our own, with a proxy before it for each worker, and a
// clock that we set: the workers' sessions find our statement_timestamp before
// Postgres's.
type postgres struct {
	cluster *pgtest.Cluster
	pool    *pgxpool.Pool // past the proxies
	url     *url.URL
	proxies []*proxy.Proxy
}

const postgresSetup = `
CREATE SCHEMA chaos;
CREATE TABLE chaos.ahead (by interval NOT NULL);
INSERT INTO chaos.ahead VALUES ('0');
CREATE FUNCTION chaos.statement_timestamp() RETURNS timestamptz STABLE LANGUAGE sql
	AS 'SELECT pg_catalog.statement_timestamp() + (SELECT by FROM chaos.ahead)';
CREATE TABLE chaos.orders (operation text PRIMARY KEY);
CREATE TABLE chaos.shipments (operation text PRIMARY KEY, stamp text NOT NULL);`

const postgresAudit = `
CREATE TABLE chaos.audit (seq bigserial PRIMARY KEY, at timestamptz NOT NULL, removed boolean NOT NULL,
	name text, parent text, id text, method text, request_id text, version bigint, create_time timestamptz, update_time timestamptz, deadline timestamptz, epoch bigint, state smallint, owner text, released bigint, retried bigint,
	cancel_requested boolean, deleted boolean, metadata bytea, checkpoint bytea, response bytea, error bytea);
CREATE FUNCTION chaos.note() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE r record;
BEGIN
	r := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
	INSERT INTO chaos.audit (` + columns + `)
	VALUES (clock_timestamp(), TG_OP = 'DELETE', r.name, r.parent, r.id, r.method, r.request_id, r.version, r.create_time, r.update_time, r.deadline, r.epoch, r.state, r.owner, r.released, r.retried,
		r.cancel_requested, r.deleted, r.metadata, r.checkpoint, r.response, r.error);
	RETURN NULL;
END $$;
CREATE TRIGGER chaos_note AFTER INSERT OR UPDATE OR DELETE ON lro_operations FOR EACH ROW EXECUTE FUNCTION chaos.note();`

func newPostgres(ctx context.Context) (*postgres, error) {
	cluster, err := pgtest.Start(ctx, "fsync=on", "full_page_writes=on")
	if err != nil {
		return nil, err
	}
	p := &postgres{cluster: cluster}
	if err := p.setup(ctx); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func (p *postgres) setup(ctx context.Context) error {
	text, err := p.cluster.CreateDatabase(ctx)
	if err != nil {
		return err
	}
	if p.url, err = url.Parse(text); err != nil {
		return err
	}
	if p.pool, err = pgxpool.New(ctx, text); err != nil {
		return err
	}
	_, err = p.pool.Exec(ctx, postgresSetup)
	return err
}

func (p *postgres) way(ctx context.Context, place string) (string, *proxy.Proxy, error) {
	px, err := proxy.Listen(ctx, p.url.Host)
	if err != nil {
		return "", nil, err
	}
	p.proxies = append(p.proxies, px)
	way := *p.url
	way.Host = px.Addr()
	query := way.Query()
	query.Set("application_name", place)
	query.Set("search_path", "chaos, pg_catalog, public")
	query.Set("pool_max_conns", "6")
	way.RawQuery = query.Encode()
	return way.String(), px, nil
}

func (p *postgres) audit(ctx context.Context) error {
	_, err := p.pool.Exec(ctx, postgresAudit)
	return err
}

func (p *postgres) history(ctx context.Context) ([]oracle.Change, error) {
	rows, err := p.pool.Query(ctx, `SELECT `+columns+` FROM chaos.audit ORDER BY seq`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (oracle.Change, error) {
		c := oracle.Change{Record: new(store.Record)}
		r := c.Record
		var deadline *time.Time
		err := row.Scan(&c.At, &c.Removed, &r.Name, &r.Parent, &r.ID, &r.Method, &r.RequestID, &r.Version, &r.CreateTime, &r.UpdateTime, &deadline, &r.Epoch, &r.State, &r.Owner, &r.Released, &r.Retried,
			&r.CancelRequested, &r.Deleted, &r.Metadata, &r.Checkpoint, &r.Response, &r.Error)
		if deadline != nil {
			r.Deadline = *deadline
		}
		return c, err
	})
}

func (p *postgres) undone(ctx context.Context) (n int, err error) {
	err = p.pool.QueryRow(ctx, `SELECT count(*) FROM lro_operations WHERE state <> 4`).Scan(&n)
	return n, err
}

// Transactions is the promise about what starts and ends with the application's
// rows.
const Transactions oracle.Invariant = "operation and application's rows, both or neither"

// books compares the application's rows with the operations: an order exists
// exactly with its operation, a shipment exactly with its response, and both are of
// one attempt.
func (p *postgres) books(ctx context.Context) ([]oracle.Violation, error) {
	rows, err := p.pool.Query(ctx, `
WITH operations AS (
	SELECT DISTINCT ON (name) name, response, response IS NOT NULL AS shipped FROM chaos.audit
	WHERE method = '/chaos.Works/Order' AND NOT removed ORDER BY name, version DESC
)
SELECT coalesce(o.name, r.operation, s.operation), format('operation %s, order %s, done with a response %s, shipment %s',
	o.name IS NOT NULL, r.operation IS NOT NULL, coalesce(o.shipped, false), coalesce(s.stamp, 'false'))
FROM operations o
FULL JOIN chaos.orders r ON r.operation = o.name
FULL JOIN chaos.shipments s ON s.operation = o.name
WHERE (o.name IS NULL) <> (r.operation IS NULL) OR coalesce(o.shipped, false) <> (s.operation IS NOT NULL)
	OR position(convert_to(s.stamp, 'UTF8') IN o.response) = 0`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (oracle.Violation, error) {
		v := oracle.Violation{Invariant: Transactions}
		return v, row.Scan(&v.Name, &v.Text)
	})
}

func (p *postgres) close() error {
	errs := make([]error, 0, len(p.proxies)+1)
	for _, px := range p.proxies {
		errs = append(errs, px.Close())
	}
	if p.pool != nil {
		p.pool.Close()
	}
	return errors.Join(append(errs, p.cluster.Stop())...)
}

func (p *postgres) faults() map[Kind]fault {
	return map[Kind]fault{
		Restart: func(ctx context.Context, s *siege) bool {
			s.disturb(nil, 3*time.Second)
			restarted := s.must(p.cluster.Restart(context.WithoutCancel(ctx))) // half done, it could not be undone
			s.disturb(nil, 3*time.Second)
			return restarted
		},
		Terminate: p.terminate,
		Jump:      p.jump,
		Cut:       onProxy(func(px *proxy.Proxy) bool { return px.Cut() > 0 }),
		Delay: onProxyThen(Delay, func(px *proxy.Proxy) { px.Delay(50*time.Millisecond, time.Second) },
			func(px *proxy.Proxy) int { return px.Struck().Delayed }),
		HalfOpen: onProxy(func(px *proxy.Proxy) bool { return px.HalfOpen(1500*time.Millisecond) > 0 }),
		CutAck: onProxyThen(CutAck, func(px *proxy.Proxy) { px.CutAfterCommit() },
			func(px *proxy.Proxy) int { return px.Struck().AfterCommit }),
		LoseHints: onProxyThen(LoseHints, func(px *proxy.Proxy) { px.LoseNotifications(time.Second) },
			func(px *proxy.Proxy) int { return px.Struck().Notifications }),
	}
}

// terminate ends one of a worker's sessions.
func (p *postgres) terminate(ctx context.Context, s *siege) bool {
	m := s.victim(ctx)
	if m == nil {
		return false
	}
	s.disturb(m, 2*time.Second)
	var struck bool
	err := p.pool.QueryRow(ctx, `SELECT coalesce(bool_or(pg_terminate_backend(pid)), false) FROM (
		SELECT pid FROM pg_stat_activity WHERE application_name = $1 ORDER BY random() LIMIT 1) v`, m.place.name).Scan(&struck)
	return err == nil && struck
}

// jump moves the database's clock by one to three lease times, either way.
func (p *postgres) jump(ctx context.Context, s *siege) bool {
	s.disturb(nil, 4*s.scenario.TTL)
	by := s.scenario.TTL + s.rand(2*s.scenario.TTL)
	_, err := p.pool.Exec(ctx, fmt.Sprintf(`UPDATE chaos.ahead SET by = CASE WHEN by > '0' THEN by - interval '%[1]d ms' ELSE by + interval '%[1]d ms' END`, by.Milliseconds()))
	return err == nil
}

// onProxy strikes the connections of one worker that has work under way.
func onProxy(strike func(*proxy.Proxy) bool) fault {
	return func(ctx context.Context, s *siege) bool {
		m := s.victim(ctx)
		if m == nil {
			return false
		}
		s.disturb(m, 4*time.Second)
		return strike(m.px)
	}
}

// onProxyThen arms a proxy, and counts only if it has struck soon after.
func onProxyThen(k Kind, arm func(*proxy.Proxy), struck func(*proxy.Proxy) int) fault {
	return func(ctx context.Context, s *siege) bool {
		m, release := s.target(ctx, k)
		if m == nil {
			return false
		}
		defer release()
		s.disturb(m, 4*time.Second)
		before := struck(m.px)
		arm(m.px)
		return s.eventually(ctx, time.Second, func() bool { return struck(m.px) > before })
	}
}
