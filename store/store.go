package store

import (
	"context"
	"errors"
	"time"
)

// The errors of a store. Each means that nothing was written; an error that is
// none of them means that the outcome of the call is unknown. Stores wrap them
// with %w and say what was expected and what was found.
var (
	// ErrNotFound: no record has that name.
	ErrNotFound = errors.New("store: record not found")
	// ErrConflict: the record's version is not the one that the caller read.
	ErrConflict = errors.New("store: version conflict")
	// ErrOwnerLost: the owner is dead, resigned or was never registered.
	ErrOwnerLost = errors.New("store: owner lost")
	// ErrInvalid: the argument can never be stored; repeating the call is futile.
	ErrInvalid = errors.New("store: invalid argument")
	// ErrTx: the context carries a transaction that this store cannot write in.
	ErrTx = errors.New("store: cannot write in this transaction")
)

// A Store keeps records. Stores are dumb: they compare versions and swap, hand
// out claims and know which owners live. Which transition is legal is decided
// by package lro, before the call.
//
// Every method may be called at any time by any number of goroutines. A write
// is durable when the method returns nil, and visible to every read that
// starts afterwards, in this process or another. A write that the store has
// begun commits or fails under the store's own context: a caller whose context
// ends gets an error that is no sentinel, and must take the outcome for
// unknown.
//
// Records are immutable once handed over, in either direction: neither the
// store nor its caller may change one afterwards, so a store may share what it
// holds instead of copying it.
//
// The store sets every time by one clock, in UTC and whole microseconds;
// callers pass durations.
type Store interface {
	// Create stores rec with version 1 and answers it as stored. Where a record
	// with the same Name, or with the same non-empty RequestID, Parent and
	// Method exists, deleted ones too, Create writes nothing and answers that
	// record. The answer includes Request either way; the caller tells the
	// cases apart by the ID.
	//
	// A record in state Running is stored as claimed by Owner, with epoch 1. If
	// that owner is not alive it is stored as Pending and due now instead.
	//
	// Errors: ErrInvalid; with a transaction of the caller also ErrTx, and
	// ErrConflict where that transaction must be begun anew.
	Create(ctx context.Context, rec *Record) (*Record, error)

	// Get answers the records with these names, in any order and without their
	// Request; names that no record has are left out. Deleted records are
	// included.
	Get(ctx context.Context, names ...string) ([]*Record, error)

	// Update replaces the fields that lro sets in the record of rec.Name, if
	// its version still is rec.Version, and answers it as stored, its version
	// one higher. The fixed fields and the epoch of rec are ignored.
	//
	// Every Update of a Pending record sets its DueTime anew, by DueIn, and every
	// one of a Done record its ExpireTime, by ExpireIn. Nothing else of a Done
	// record changes but Deleted: an Update of more is ErrInvalid. The owner need
	// not be alive: a dead owner's updates succeed until another owner has claimed
	// the record.
	//
	// Errors: ErrNotFound, ErrConflict, ErrInvalid; with a transaction of the
	// caller also ErrTx.
	Update(ctx context.Context, rec *Record) (*Record, error)

	// List answers the records that q selects, ID descending, at most q.Limit of
	// them and without their Request. Fewer than q.Limit means that there are
	// no more.
	//
	// Errors: ErrInvalid.
	List(ctx context.Context, q *Query) ([]*Record, error)

	// Claim makes c.Owner the owner of up to c.Limit records and answers them,
	// Request included: state Running, epoch and version one higher. No record
	// is handed to two claims.
	//
	// With c.Adopt it first marks every owner dead whose registration has
	// lapsed, for good and before it takes anything; but nobody if c.Owner's own
	// has lapsed too, since then an outage may be why. Then it takes orphans:
	// Running records whose owner is dead or unknown, and whose Method is among
	// c.Methods or whose CancelRequested is set. What is left of the limit goes
	// to Pending records of c.Methods that are due, the longest due first.
	// Deleted records are claimed like any other.
	//
	// Errors: ErrOwnerLost, ErrInvalid.
	Claim(ctx context.Context, c *Claim) ([]*Record, error)

	// Heartbeat keeps owner alive for ttl from now; the first call registers
	// it. It answers the names of the owner's Running records whose
	// CancelRequested is set. A ttl of 0 resigns: the owner is dead at once,
	// and what it still owns is orphaned.
	//
	// Death is for good: a dead owner is answered ErrOwnerLost. An owner whose
	// ttl has lapsed but that no Claim has marked dead is alive again by this
	// call.
	//
	// Errors: ErrOwnerLost, ErrInvalid.
	Heartbeat(ctx context.Context, owner string, ttl time.Duration) ([]string, error)

	// Expire removes up to limit Done records whose ExpireTime has come, and
	// answers how many. Their names and request ids are free again. It may also
	// forget owners that have long been dead and own nothing.
	Expire(ctx context.Context, limit int) (int, error)

	// Secret answers 32 random bytes that the store created once, the same at
	// every call and for every process: the key of page tokens.
	Secret(ctx context.Context) ([]byte, error)
}

// A Notifier is a Store that tells of changes sooner than a poll would.
type Notifier interface {
	// Notify calls fn with hints about the writes of every process, its own
	// among them, until ctx ends (then it answers nil) or the source of hints
	// fails. Its first hint, and the first after every gap, has All and Due set:
	// from then on no write goes unhinted. fn returns fast and may be called
	// from any goroutine, several at a time, but not after Notify has returned.
	//
	// A hint with the name leaves when a record changes its State, its Owner or
	// one of CancelRequested and Deleted; Due leaves when a record may have
	// become claimable. A write of metadata or a checkpoint sends none. The Create
	// of a record that is not Pending needs none: whoever waits for a record has
	// read it.
	Notify(ctx context.Context, fn func(Hint)) error
}

// A Transactional store takes part in transactions of its caller: Create and
// Update with such a context commit or vanish with the transaction, Get sees
// what it has written, and hints leave with the commit. An error of theirs leaves
// the transaction usable, but for ErrConflict, after which the caller rolls back
// and begins anew.
type Transactional interface {
	// InTx reports whether ctx carries a transaction: the writes made with it
	// then commit or vanish with that transaction.
	InTx(ctx context.Context) bool
}

// A Hint says that something may have changed. Truth is re-read.
type Hint struct {
	Names []string // these records changed
	Due   bool     // something may be claimable
	All   bool     // hints may have been lost: re-read what you watch
}

// A Query selects records. Its conditions are joined by and.
type Query struct {
	// Parent selects the records of one parent; AllParents lifts that. A query
	// with Owner or Overdue is over all parents.
	Parent     string
	AllParents bool
	// Done, if set, selects by whether the state is Done.
	Done *bool
	// Owner, if not "", selects the Running records of that owner.
	Owner string
	// Overdue selects records that are not done and whose Deadline has come.
	Overdue bool
	// Before, if not "", selects IDs below it: the last one of the page before.
	Before string
	// Limit is how many records to answer at most; at least 1.
	Limit int
}

// SeesDeleted reports whether the query answers deleted records too. Queries
// with Owner or Overdue do, since the work of a deleted operation goes on and
// must end; lists of a parent do not.
func (q *Query) SeesDeleted() bool { return q.Owner != "" || q.Overdue }

// A Claim asks for work.
type Claim struct {
	Owner   string   // who asks; must be registered
	Methods []string // what the owner can run
	Limit   int      // at most this many records; at least 1
	Adopt   bool     // take orphans too
}
