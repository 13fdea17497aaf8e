package mailbox

import (
	"context"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// Quota is what an owner uses and may use.
type Quota struct {
	UsedBytes, LimitBytes       int64 // LimitBytes 0: none
	UsedMessages, LimitMessages int64
}

// Quota tells what owner uses. fault.NotFound: owner has no mail.
func (m *Mail) Quota(ctx context.Context, owner directory.ID) (q Quota, err error) {
	if q.LimitBytes, err = m.quotaLimit(ctx, owner); err != nil {
		return q, err
	}
	err = m.store.Read(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT used_bytes, used_messages FROM mail_owner WHERE owner_id = $1`, int64(owner)).
			Scan(&q.UsedBytes, &q.UsedMessages)
	})
	if isNoRows(err) {
		err = fault.New(fault.NotFound, "no such mailbox owner")
	}
	return q, err
}

// quotaLimit is the quota in force, 0 for none.
func (m *Mail) quotaLimit(ctx context.Context, owner directory.ID) (int64, error) {
	a, err := m.dir.Account(ctx, owner)
	if err == nil {
		return a.QuotaBytes, nil
	}
	if _, groupErr := m.dir.GroupByID(owner); groupErr == nil {
		return 0, nil
	}
	return 0, err
}

// charge adds to what owner uses unless that would pass limit (0: none; only growth is refused). fault.OverQuota, fault.NotFound.
func charge(tx *store.Tx, owner directory.ID, bytes, messages, limit int64) error {
	if bytes <= 0 {
		limit = 0
	}
	n, err := tx.Exec(`UPDATE mail_owner SET used_bytes = used_bytes + $2, used_messages = used_messages + $3
		WHERE owner_id = $1 AND (CAST($4 AS BIGINT) = 0 OR used_bytes + $2 <= $4)`, int64(owner), bytes, messages, limit)
	if err != nil || n == 1 {
		return err
	}
	var one int
	err = tx.QueryRow(`SELECT 1 FROM mail_owner WHERE owner_id = $1`, int64(owner)).Scan(&one)
	if isNoRows(err) {
		return fault.New(fault.NotFound, "no such mailbox owner")
	}
	if err != nil {
		return err
	}
	return fault.New(fault.OverQuota, "the mailbox is full")
}
