package lists

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

const heldColumns = `id, token, reason, COALESCE(group_id, 0), COALESCE(account_id, 0), sender, recipients, author, subject, rule, size,
	COALESCE(blob_id, 0), trace_id, require_tls, received, expires, state, decided, decided_by FROM held_mail`

func scanHeld(scan func(...any) error) (h Held, err error) {
	var reason, state string
	var group, account, blob, protected, received, expires, decided int64
	var recipients, author, subject []byte
	err = scan(&h.ID, &h.token, &reason, &group, &account, &h.Sender, &recipients, &author, &subject, &h.Rule, &h.Size, &blob, &h.TraceID,
		&protected, &received, &expires, &state, &decided, &h.DecidedBy)
	h.Reason, h.State, h.Group, h.Account, h.blob = Reason(reason), State(state), directory.ID(group), directory.ID(account), store.BlobID(blob)
	h.Recipients, h.Author, h.Subject = strings.Split(string(recipients), "\n"), string(author), string(subject)
	h.RequireTLS = protected != 0
	h.Received, h.Expires = time.Unix(received, 0), time.Unix(expires, 0)
	if decided > 0 {
		h.Decided = time.Unix(decided, 0)
	}
	return h, err
}

func insertHeld(tx *store.Tx, h *Held, blob store.BlobID) error {
	protected := 0
	if h.RequireTLS {
		protected = 1
	}
	_, err := tx.Exec(`INSERT INTO held_mail (token, reason, group_id, account_id, sender, recipients, author, subject, rule, size, blob_id,
		trace_id, received, expires, state, require_tls, decided, decided_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 0, '')`,
		h.token, string(h.Reason), idOrNull(h.Group), idOrNull(h.Account), h.Sender, []byte(strings.Join(h.Recipients, "\n")), []byte(h.Author),
		[]byte(h.Subject), h.Rule, h.Size, int64(blob), h.TraceID, h.Received.Unix(), h.Expires.Unix(), string(h.State), protected)
	if err != nil {
		return fmt.Errorf("insert held message: %w", err)
	}
	return nil
}

func idOrNull(id directory.ID) any {
	if id == 0 {
		return nil
	}
	return int64(id)
}

// countWaiting is how many messages wait for the same group, or of the same account.
func countWaiting(tx *store.Tx, h *Held) (n int64, err error) {
	query, id := `SELECT COUNT(*) FROM held_mail WHERE state = 'waiting' AND group_id = $1`, h.Group
	if h.Reason == ReasonLimit {
		query, id = `SELECT COUNT(*) FROM held_mail WHERE state = 'waiting' AND group_id IS NULL AND account_id = $1`, h.Account
	}
	if err := tx.QueryRow(query, int64(id)).Scan(&n); err != nil {
		return 0, fmt.Errorf("count held messages: %w", err)
	}
	return n, nil
}

func selectHeld(tx *store.Tx, all bool) ([]Held, error) {
	if all {
		return heldRows(tx, `SELECT `+heldColumns+` ORDER BY id`)
	}
	return heldRows(tx, `SELECT `+heldColumns+` WHERE state = 'waiting' ORDER BY id`)
}

func heldOf(tx *store.Tx, id directory.ID) ([]Held, error) {
	return heldRows(tx, `SELECT `+heldColumns+` WHERE group_id = $1 OR account_id = $1`, int64(id))
}

// overdue are messages that nobody has decided in time, and decided ones that are remembered no longer.
func overdue(tx *store.Tx, now time.Time) ([]Held, error) {
	return heldRows(tx, `SELECT `+heldColumns+` WHERE (state = 'waiting' AND expires <= $1) OR (state <> 'waiting' AND decided <= $2) ORDER BY id LIMIT $3`,
		now.Unix(), now.Add(-KeepDecided).Unix(), expireAtOnce)
}

func heldRows(tx *store.Tx, query string, args ...any) (list []Held, err error) {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return nil, fmt.Errorf("read held messages: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		h, err := scanHeld(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("read held message: %w", err)
		}
		list = append(list, h)
	}
	return list, rows.Err()
}

// selectOne finds a held message by its token, or by its id if token is "". fault.NotFound.
func selectOne(tx *store.Tx, id int64, token string) (Held, error) {
	h, err := scanHeld(tx.QueryRow(`SELECT `+heldColumns+` WHERE id = $1 OR token = $2`, id, token).Scan)
	if errors.Is(err, store.ErrNoRows) {
		return h, fault.New(fault.NotFound, "no such held message")
	}
	if err != nil {
		return h, fmt.Errorf("read held message: %w", err)
	}
	return h, nil
}

// settle gives a message that waits its state and lets go of its body. false: somebody was quicker.
func settle(tx *store.Tx, h *Held, s State, by string, now time.Time) (bool, error) {
	n, err := tx.Exec(`UPDATE held_mail SET state = $2, decided = $3, decided_by = $4, blob_id = NULL WHERE id = $1 AND state = 'waiting'`,
		h.ID, string(s), now.Unix(), by)
	if err != nil {
		return false, fmt.Errorf("settle held message: %w", err)
	}
	if n == 0 {
		return false, nil
	}
	if err := tx.Dereference(h.blob, 1); err != nil {
		return false, fmt.Errorf("settle held message: %w", err)
	}
	return true, nil
}

func deleteHeld(tx *store.Tx, id int64) error {
	if _, err := tx.Exec(`DELETE FROM held_mail WHERE id = $1`, id); err != nil {
		return fmt.Errorf("delete held message: %w", err)
	}
	return nil
}

// limitDue reports whether the administrators should be told that account passes a limit: not within the hour before.
func (l *Lists) limitDue(ctx context.Context, account directory.ID) (due bool, err error) {
	err = l.store.Read(ctx, func(tx *store.Tx) error {
		var at int64
		err := tx.QueryRow(`SELECT at FROM limit_told WHERE account_id = $1`, int64(account)).Scan(&at)
		if errors.Is(err, store.ErrNoRows) {
			due, err = true, nil
			return nil
		}
		since := l.now().Sub(time.Unix(at, 0))
		due = since >= tellEvery || since < 0
		return err
	})
	return due, err
}

// limitTold notes that the administrators are told now; false: they were within the hour before.
func limitTold(tx *store.Tx, account directory.ID, at time.Time) (bool, error) {
	n, err := tx.Exec(`INSERT INTO limit_told (account_id, at) VALUES ($1, $2) ON CONFLICT (account_id) DO UPDATE SET at = excluded.at
		WHERE limit_told.at <= $3 OR limit_told.at > excluded.at`, int64(account), at.Unix(), at.Add(-tellEvery).Unix())
	if err != nil {
		return false, fmt.Errorf("remember who was told: %w", err)
	}
	return n == 1, nil
}
