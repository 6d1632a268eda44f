package storetest

import (
	"errors"
	"slices"
	"time"

	"github.com/longrunning-go/longrunning/store"
)

// The steps of cases: each makes one call, expects that it succeeds, and lays
// a failure to the rule of that call.

// create stores rec, which must be new.
func (t *trial) create(s store.Store, rec *store.Record) *store.Record {
	given := deepCopy(rec)
	got, err := s.Create(t.ctx(), rec)
	switch {
	case errors.Is(err, store.ErrOwnerLost):
		t.broken(ruleDeadCreate, "Create of new record %q: got error %v, want none", rec.Name, err)
	case err != nil:
		t.broken(ruleCreate, "Create of new record %q: got error %v, want none", rec.Name, err)
	case got == nil || got.ID != rec.ID:
		t.broken(ruleCreate, "Create of new record %q answered %+v", rec.Name, got)
	case (got.State == store.Running) != (got.Epoch == 1):
		t.broken(ruleCreateEpoch, "Create of new record %q answered %v at epoch %d", rec.Name, got.State, got.Epoch)
	}
	t.same(ruleImmutable, rec, given)
	ignored := stored()
	if rec.State == store.Running && got.State == store.Pending { // its owner is dead
		ignored = append(ignored, "State", "Owner")
	}
	t.same(ruleCreate, got, rec, ignored...)
	t.ledger.wrote(got)
	if got.State == store.Running {
		t.taken(got, false)
	}
	return got
}

// createAll stores recs, which must be new.
func (t *trial) createAll(s store.Store, recs ...*store.Record) []*store.Record {
	out := make([]*store.Record, len(recs))
	for i, rec := range recs {
		out[i] = t.create(s, rec)
	}
	return out
}

// recreate calls Create where r says that an earlier record is answered.
func (t *trial) recreate(r rule, s store.Store, rec *store.Record) *store.Record {
	got, err := s.Create(t.ctx(), rec)
	if err != nil {
		t.broken(r, "Create of record %q: got error %v, want the earlier record", rec.Name, err)
	}
	return got
}

// read answers the records with these names, as many as there are.
func (t *trial) read(s store.Store, names ...string) []*store.Record {
	written := t.ledger.versions()
	got, err := s.Get(t.ctx(), names...)
	if err != nil {
		t.broken(ruleGet, "Get of %q: got error %v, want none", names, err)
	}
	for _, rec := range got {
		if rec.Request != nil {
			t.broken(ruleGetRequest, "record %q: got Request %q, want none", rec.Name, rec.Request)
		}
		if rec.Version < written[rec.ID] {
			t.broken(ruleGetFresh, "record %q: got version %d, want at least %d, which was written before", rec.Name, rec.Version, written[rec.ID])
		}
	}
	return got
}

// get answers the record with this name, which must be there.
func (t *trial) get(s store.Store, name string) *store.Record {
	got := t.read(s, name)
	if len(got) != 1 || got[0].Name != name {
		t.broken(ruleGet, "Get of %q: got %d records %q, want that one", name, len(got), names(got))
	}
	return got[0]
}

// absent notes a breach of r if a record has this name.
func (t *trial) absent(r rule, s store.Store, name string) {
	if got := t.read(s, name); len(got) != 0 {
		t.broken(r, "Get of %q: got %+v, want no record", name, got[0])
	}
}

// update writes rec, whose version must be the current one.
func (t *trial) update(s store.Store, rec *store.Record) *store.Record {
	t.ledger.free(rec)
	given := deepCopy(rec)
	got, err := s.Update(t.ctx(), rec)
	switch {
	case errors.Is(err, store.ErrOwnerLost):
		t.broken(ruleDeadUpdate, "Update of record %q of %q: got error %v, want none", rec.Name, rec.Owner, err)
	case err != nil:
		t.broken(ruleUpdate, "Update of record %q at its version %d: got error %v, want none", rec.Name, rec.Version, err)
	}
	t.same(ruleImmutable, rec, given)
	if got.Version != rec.Version+1 {
		t.broken(ruleVersions, "Update of record %q at version %d: got version %d", rec.Name, rec.Version, got.Version)
	}
	t.same(ruleUpdate, got, rec, append(stored(), fixed()...)...)
	if got.Request != nil {
		t.broken(ruleUpdate, "Update of record %q: got Request %q, want none", rec.Name, got.Request)
	}
	t.ledger.wrote(got)
	return got
}

// stale writes rec, whose version must be an old one.
func (t *trial) stale(s store.Store, rec *store.Record) {
	before := t.get(s, rec.Name)
	if before.Version <= rec.Version {
		t.broken(ruleVersions, "record %q was written since version %d, and has version %d", rec.Name, rec.Version, before.Version)
	}
	if _, err := s.Update(t.ctx(), rec); !errors.Is(err, store.ErrConflict) {
		t.broken(ruleCAS, "Update of record %q at version %d, which is at %d: got error %v, want ErrConflict", rec.Name, rec.Version, before.Version, err)
	}
	t.same(ruleCAS, t.get(s, rec.Name), before)
}

// list answers one page.
func (t *trial) list(s store.Store, q store.Query) []*store.Record {
	got, err := s.List(t.ctx(), &q)
	if err != nil {
		t.broken(ruleOrder, "List of %+v: got error %v, want none", q, err)
	}
	for _, rec := range got {
		if rec.Request != nil {
			t.broken(ruleOrder, "List of %+v: got Request %q of record %q, want none", q, rec.Request, rec.Name)
		}
	}
	return got
}

// beat keeps owner, which must not be dead, alive for ttl.
func (t *trial) beat(s store.Store, owner string, ttl time.Duration) []string {
	toCancel, err := s.Heartbeat(t.ctx(), owner, ttl)
	if err != nil {
		t.broken(ruleLives, "Heartbeat of %q, which is not dead: got error %v, want none", owner, err)
	}
	t.ledger.beat(owner, ttl)
	return toCancel
}

// resign makes owner, which must not be dead, dead.
func (t *trial) resign(s store.Store, owner string) {
	t.ledger.beat(owner, 0)
	if _, err := s.Heartbeat(t.ctx(), owner, 0); err != nil {
		t.broken(ruleResign, "Heartbeat of living %q with ttl 0: got error %v, want none", owner, err)
	}
	if _, err := s.Heartbeat(t.ctx(), owner, time.Hour); !errors.Is(err, store.ErrOwnerLost) {
		t.broken(ruleResign, "Heartbeat of %q, which has resigned: got error %v, want ErrOwnerLost", owner, err)
	}
}

// lost checks that owner is dead, which r says: a Heartbeat and a Claim tell.
func (t *trial) lost(r rule, s store.Store, owner string) {
	if _, err := s.Heartbeat(t.ctx(), owner, time.Hour); !errors.Is(err, store.ErrOwnerLost) {
		t.broken(r, "Heartbeat of dead %q: got error %v, want ErrOwnerLost", owner, err)
	}
	t.lostClaim(r, s, owner)
}

// lostClaim checks that owner may not claim, which r says.
func (t *trial) lostClaim(r rule, s store.Store, owner string) {
	got, err := s.Claim(t.ctx(), &store.Claim{Owner: owner, Methods: []string{methodA}, Limit: 10})
	if !errors.Is(err, store.ErrOwnerLost) || len(got) > 0 {
		t.broken(r, "Claim of %q: got %d records and error %v, want none and ErrOwnerLost", owner, len(got), err)
	}
}

// claim claims up to limit records of methodA without adopting any.
func (t *trial) claim(s store.Store, owner string, limit int) []*store.Record {
	return t.claimAs(s, store.Claim{Owner: owner, Methods: []string{methodA}, Limit: limit})
}

// adopt claims up to limit records of methodA, orphans first.
func (t *trial) adopt(s store.Store, owner string, limit int) []*store.Record {
	return t.claimAs(s, store.Claim{Owner: owner, Methods: []string{methodA}, Limit: limit, Adopt: true})
}

// claimAs claims for c.Owner, which must not be dead, and enters the answer in
// the ledger.
func (t *trial) claimAs(s store.Store, c store.Claim) []*store.Record {
	got, err := s.Claim(t.ctx(), &c)
	if err != nil {
		t.broken(ruleClaim, "Claim %+v of a living owner: got error %v, want none", c, err)
	}
	for _, rec := range got {
		t.taken(rec, c.Adopt)
		t.ledger.wrote(rec)
	}
	for _, rec := range got {
		switch {
		case rec.State != store.Running || rec.Owner != c.Owner:
			t.broken(ruleClaim, "Claim of %q handed out record %q as %v of %q", c.Owner, rec.Name, rec.State, rec.Owner)
		case slices.Contains(c.Methods, rec.Method) || c.Adopt && rec.CancelRequested:
		default:
			t.broken(ruleClaimMethods, "Claim of methods %q handed out record %q of %q", c.Methods, rec.Name, rec.Method)
		}
	}
	if len(got) > c.Limit {
		t.broken(ruleClaimLimit, "Claim of up to %d: got %d records", c.Limit, len(got))
	}
	return got
}

// taken enters that rec was handed to its owner.
func (t *trial) taken(rec *store.Record, adopting bool) {
	if r, how := t.ledger.take(rec, adopting); r != "" {
		t.broken(r, "%s", how)
	}
}

// expire removes up to limit records.
func (t *trial) expire(s store.Store, limit int) int {
	n, err := s.Expire(t.ctx(), limit)
	if err != nil {
		t.broken(ruleExpire, "Expire of up to %d: got error %v, want none", limit, err)
	}
	return n
}

// isSentinel reports whether err says that nothing was written.
func isSentinel(err error) bool {
	for _, sentinel := range []error{store.ErrNotFound, store.ErrConflict, store.ErrOwnerLost, store.ErrInvalid, store.ErrTx} {
		if errors.Is(err, sentinel) {
			return true
		}
	}
	return false
}
