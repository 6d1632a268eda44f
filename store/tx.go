package store

import "context"

type txKey struct{}

// WithTx answers a context that carries a transaction of the caller, in the type
// of the database's driver. It is for stores, which wrap it in a function that
// takes their driver's type; applications call that one.
func WithTx(ctx context.Context, tx any) context.Context {
	return context.WithValue(ctx, txKey{}, tx)
}

// TxOf answers the transaction that ctx carries, nil if there is none. A store
// that cannot write in it answers ErrTx to Create and Update.
func TxOf(ctx context.Context) any { return ctx.Value(txKey{}) }
