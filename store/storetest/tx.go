package storetest

import (
	"errors"

	"github.com/longrunning-go/longrunning/store"
)

const ruleTx rule = "tx: With a transaction that is none of this store's, Create and Update answer ErrTx and write nothing."

func txCases() []testCase {
	return []testCase{{ruleTx, txOfAnother}}
}

func txOfAnother(t *trial) {
	kept := unasked(t.create(t.a, t.draft(store.External)))
	ctx := store.WithTx(t.ctx(), struct{}{})
	fresh := t.draft(store.Pending)
	if _, err := t.a.Create(ctx, fresh); !errors.Is(err, store.ErrTx) {
		t.fail("Create: got error %v, want ErrTx", err)
	}
	if _, err := t.a.Update(ctx, marked(kept, "other")); !errors.Is(err, store.ErrTx) {
		t.fail("Update: got error %v, want ErrTx", err)
	}
	t.absent(t.rule, t.b, fresh.Name)
	t.same(t.rule, t.get(t.b, kept.Name), kept)
}
