package collection

import (
	"context"

	"schulhof/directory"
	"schulhof/store"
)

// MemberLocks lists the locks on the members of n themselves, under the members' IDs: what a listing needs besides Locks of n.
func (c *Collections) MemberLocks(ctx context.Context, who directory.ID, n Node) (all map[ID][]Lock, err error) {
	if _, err := c.route(ctx, who, n.Path); err != nil {
		return nil, err
	}
	err = c.store.Read(ctx, func(tx *store.Tx) error {
		all = nil
		locks, err := locksOf(tx, n.Owner, c.now().Unix())
		if err != nil {
			return err
		}
		for i := range locks {
			var parent *int64
			var name string
			err := tx.QueryRow(`SELECT parent_id, name FROM dav_entry WHERE id = $1`, int64(locks[i].entry)).Scan(&parent, &name)
			if isNoRows(err) {
				continue
			}
			if err != nil {
				return err
			}
			if ID(value(parent)) != n.ID {
				continue
			}
			if all == nil {
				all = map[ID][]Lock{}
			}
			all[locks[i].entry] = append(all[locks[i].entry], locks[i].lock(n.Path.Child(name)))
		}
		return nil
	})
	return all, err
}
