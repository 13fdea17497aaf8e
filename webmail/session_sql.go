package webmail

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"schulhof/directory"
	"schulhof/store"
)

func insertSession(tx *store.Tx, s *session) error {
	_, err := tx.Exec(`INSERT INTO webmail_session (token, owner_id, version, created, seen, expires) VALUES ($1, $2, $3, $4, $5, $6)`,
		s.hash[:], int64(s.account), int64(s.version), s.created.Unix(), s.seen.Unix(), s.expires.Unix())
	if err != nil {
		return fmt.Errorf("insert session: %w", err)
	}
	return nil
}

// selectSession returns nil when there is none.
func selectSession(tx *store.Tx, hash [sha256.Size]byte) (*session, error) {
	s := &session{hash: hash}
	var version, created, seen, expires int64
	err := tx.QueryRow(`SELECT owner_id, version, created, seen, expires FROM webmail_session WHERE token = $1`, hash[:]).
		Scan(&s.account, &version, &created, &seen, &expires)
	if errors.Is(err, store.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s.version, s.created, s.seen, s.expires = uint64(version), time.Unix(created, 0), time.Unix(seen, 0), time.Unix(expires, 0)
	return s, nil
}

func touchSession(tx *store.Tx, hash [sha256.Size]byte, now time.Time) error {
	_, err := tx.Exec(`UPDATE webmail_session SET seen = $2 WHERE token = $1 AND seen < $2`, hash[:], now.Unix())
	return err
}

func deleteSession(tx *store.Tx, hash [sha256.Size]byte) error {
	_, err := tx.Exec(`DELETE FROM webmail_session WHERE token = $1`, hash[:])
	return err
}

// sweepSessions removes what has ended by itself.
func sweepSessions(tx *store.Tx, now time.Time) error {
	_, err := tx.Exec(`DELETE FROM webmail_session WHERE expires <= $1 OR seen <= $2`, now.Unix(), now.Add(-sessionIdle).Unix())
	if err != nil {
		return fmt.Errorf("sweep sessions: %w", err)
	}
	if _, err := tx.Exec(`DELETE FROM webmail_form WHERE sent <= $1`, now.Add(-sessionLife).Unix()); err != nil {
		return fmt.Errorf("sweep forms: %w", err)
	}
	return nil
}

// trimSessions ends the oldest sessions of an account that has no room for another one.
func trimSessions(tx *store.Tx, account directory.ID) error {
	_, err := tx.Exec(`DELETE FROM webmail_session WHERE owner_id = $1 AND token NOT IN
		(SELECT token FROM webmail_session WHERE owner_id = $1 ORDER BY created DESC, token LIMIT $2)`, int64(account), maxSessions-1)
	if err != nil {
		return fmt.Errorf("trim sessions: %w", err)
	}
	return nil
}

// Purge removes what a deleted account has here. It is for OnPurge of the directory, also where no pages are made: accounts are deleted while
// no server runs, too.
func Purge(tx *store.Tx, account directory.ID, _ bool) error {
	for _, query := range []string{`DELETE FROM webmail_session WHERE owner_id = $1`, `DELETE FROM webmail_form WHERE owner_id = $1`} {
		if _, err := tx.Exec(query, int64(account)); err != nil {
			return fmt.Errorf("remove what an account has in the webmail: %w", err)
		}
	}
	return nil
}
