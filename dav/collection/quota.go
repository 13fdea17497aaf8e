package collection

import (
	"context"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// Usage is what an owner uses and may use, in bytes. It counts the objects of all three trees, not old versions and the trash.
type Usage struct {
	Used  int64
	Limit int64 // 0: none
	Kept  int64 // old versions and the trash
}

// Usage tells what the owner of n uses; the zero Usage for what is not stored.
func (c *Collections) Usage(ctx context.Context, n Node) (u Usage, err error) {
	if n.Owner == 0 {
		return u, nil
	}
	var own *int64
	err = c.store.Read(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT used_bytes, kept_bytes, quota_bytes FROM dav_owner WHERE owner_id = $1`, int64(n.Owner)).
			Scan(&u.Used, &u.Kept, &own)
	})
	if isNoRows(err) {
		return u, errNotFound()
	}
	u.Limit = c.quotaOf(ctx, n.Owner)
	if own != nil {
		u.Limit = *own
	}
	return u, err
}

// quotaOf is the quota of an account, or what groups have; 0: none.
func (c *Collections) quotaOf(ctx context.Context, owner directory.ID) int64 {
	if a, err := c.dir.Account(ctx, owner); err == nil {
		return a.QuotaBytes
	}
	return c.opts.GroupQuota
}

// charge adds to what the owner uses unless that would pass the quota (only growth is refused). fault.OverQuota, fault.NotFound.
func (c *Collections) charge(tx *store.Tx, a *access, bytes int64) error {
	if bytes == 0 {
		return nil
	}
	limit := c.opts.GroupQuota
	if !a.group {
		limit = a.who.QuotaBytes
	}
	n, err := tx.Exec(`UPDATE dav_owner SET used_bytes = used_bytes + $2 WHERE owner_id = $1
		AND (CAST($2 AS BIGINT) <= 0 OR COALESCE(quota_bytes, $3) = 0 OR used_bytes + $2 <= COALESCE(quota_bytes, $3))`,
		int64(a.owner), bytes, limit)
	if err != nil || n == 1 {
		return err
	}
	var one int
	err = tx.QueryRow(`SELECT 1 FROM dav_owner WHERE owner_id = $1`, int64(a.owner)).Scan(&one)
	if isNoRows(err) {
		return errNotFound()
	}
	if err != nil {
		return err
	}
	return refuse(fault.OverQuota, "quota-not-exceeded", "there is no room left")
}
