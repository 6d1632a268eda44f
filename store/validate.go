package store

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// The Validate functions answer nil, or an ErrInvalid that says what is wrong
// with an argument that no store can take. Stores call them first, so that one
// bad call fails alone and not the batch it would have joined.

// Validate checks the argument of Create and Update.
func (r *Record) Validate() error {
	for _, f := range []struct{ field, value string }{
		{"Name", r.Name},
		{"Parent", r.Parent},
		{"ID", r.ID},
		{"Method", r.Method},
		{"RequestID", r.RequestID},
		{"Owner", r.Owner},
	} {
		if !isText(f.value) {
			return fmt.Errorf("%w: record %q: %s %q is not UTF-8 free of NUL", ErrInvalid, r.Name, f.field, f.value)
		}
	}
	for key, value := range r.Carrier {
		if !isText(key) || !isText(value) {
			return fmt.Errorf("%w: record %q: Carrier %q: %q is not UTF-8 free of NUL", ErrInvalid, r.Name, key, value)
		}
	}
	if r.Name == "" || r.ID == "" {
		return fmt.Errorf("%w: record %q: Name and ID must be set, ID is %q", ErrInvalid, r.Name, r.ID)
	}
	if r.Timeout < 0 || r.DueIn < 0 || r.ExpireIn < 0 {
		return fmt.Errorf("%w: record %q: Timeout, DueIn and ExpireIn must not be negative", ErrInvalid, r.Name)
	}
	return r.validateState()
}

func (r *Record) validateState() error {
	switch {
	case r.State < Pending || r.State > Done:
		return fmt.Errorf("%w: record %q: unknown state %d", ErrInvalid, r.Name, r.State)
	case (r.State == Running) != (r.Owner != ""):
		return fmt.Errorf("%w: record %q: Owner must be set exactly while RUNNING; state %v has owner %q", ErrInvalid, r.Name, r.State, r.Owner)
	case r.State == Done && (r.Response == nil) == (r.Error == nil):
		return fmt.Errorf("%w: record %q: DONE needs exactly one of Response and Error", ErrInvalid, r.Name)
	case r.State != Done && (r.Response != nil || r.Error != nil):
		return fmt.Errorf("%w: record %q: state %v must have neither Response nor Error", ErrInvalid, r.Name, r.State)
	}
	return nil
}

// Validate checks the argument of List.
func (q *Query) Validate() error {
	if q.Limit < 1 {
		return fmt.Errorf("%w: Query.Limit is %d; it must be at least 1", ErrInvalid, q.Limit)
	}
	return nil
}

// Validate checks the argument of Claim.
func (c *Claim) Validate() error {
	if c.Limit < 1 {
		return fmt.Errorf("%w: Claim.Limit is %d; it must be at least 1", ErrInvalid, c.Limit)
	}
	return validateOwner(c.Owner)
}

// ValidateHeartbeat checks the arguments of Heartbeat.
func ValidateHeartbeat(owner string, ttl time.Duration) error {
	if ttl < 0 {
		return fmt.Errorf("%w: the ttl of owner %q is %v; it must not be negative", ErrInvalid, owner, ttl)
	}
	return validateOwner(owner)
}

func validateOwner(owner string) error {
	if owner == "" || !isText(owner) {
		return fmt.Errorf("%w: the owner %q is empty or not UTF-8 free of NUL", ErrInvalid, owner)
	}
	return nil
}

func isText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }
