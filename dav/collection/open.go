package collection

import (
	"context"

	"schulhof/store"
	"schulhof/store/fault"
)

// Open opens an object's bytes for reading. n comes from Resolve or a listing of the same request. fault.Invalid: a collection.
func (c *Collections) Open(ctx context.Context, n Node) (Reader, error) {
	if n.card != nil {
		return newMemoryReader(n.card), nil
	}
	at, err := c.place(ctx, n)
	if err != nil {
		return nil, err
	}
	r, err := c.store.OpenBlob(ctx, at)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// place tells where n's bytes lie.
func (c *Collections) place(ctx context.Context, n Node) (at store.Location, err error) {
	switch {
	case n.Kind != Object || n.blob == 0:
		return at, fault.New(fault.Invalid, "a collection has no content")
	case !n.Privileges.Read:
		return at, errNotFound()
	case n.at.Length > 0:
		return n.at, nil
	}
	err = c.store.Read(ctx, func(tx *store.Tx) error {
		at, err = tx.Locate(n.blob)
		return err
	})
	return at, err
}
