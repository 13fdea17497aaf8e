package queue

import (
	"fmt"
	"time"

	"schulhof/directory"
	"schulhof/store"
)

// The phases of a delivery.
const (
	phaseNew      = 0 // never tried
	phaseDeferred = 1 // to be tried again
	phaseHeld     = 2
)

// The bits of queue_message.flags.
const (
	flagEightBit = 1 << iota
	flagUTF8
	flagRequireTLS
)

func (m *Message) flags() (bits int64) {
	if m.EightBit {
		bits |= flagEightBit
	}
	if m.UTF8 {
		bits |= flagUTF8
	}
	if m.RequireTLS {
		bits |= flagRequireTLS
	}
	return bits
}

func insertMessage(tx *store.Tx, m *Message, blob store.BlobID, now int64) (id ID, err error) {
	prefix := m.Prefix
	if prefix == nil {
		prefix = []byte{}
	}
	err = tx.QueryRow(`INSERT INTO queue_message (owner_id, blob_id, prefix, kind, tag, trace, sender, size, flags, ret, env_id, arrived, signed, sealed)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) RETURNING id`,
		int64(m.Account), blob, prefix, m.Kind, m.Tag, m.TraceID, m.Sender, m.Body.Size, m.flags(), m.Ret, m.EnvID, now, m.Signed, m.Sealed).Scan(&id)
	return id, err
}

// deliveryRow is a row of queue_delivery that is written.
type deliveryRow struct {
	messageID             ID
	owner                 directory.ID
	destination           string
	phase                 int64
	due, notBefore, began int64
	deadline              *int64
	told                  bool
	attempts, tried       int64
	held                  string
}

func (r *deliveryRow) insert(tx *store.Tx) (id int64, err error) {
	err = tx.QueryRow(`INSERT INTO queue_delivery (message_id, owner_id, destination, phase, due, not_before, began, deadline, told, attempts, attempting, tried, held)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, $11, $12) RETURNING id`,
		int64(r.messageID), int64(r.owner), r.destination, r.phase, r.due, r.notBefore, r.began, r.deadline, r.told, r.attempts, r.tried, r.held).Scan(&id)
	return id, err
}

// insertRecipients writes recipients of whom nothing is known yet.
func insertRecipients(tx *store.Tx, delivery int64, owner directory.ID, list []Recipient) error {
	for _, r := range list {
		_, err := tx.Exec(`INSERT INTO queue_recipient (delivery_id, owner_id, address, notify, orcpt, code, enhanced, text, host)
			VALUES ($1, $2, $3, $4, $5, 0, '', '', '')`, delivery, int64(owner), r.Address, int64(r.Notify), r.ORcpt)
		if err != nil {
			return err
		}
	}
	return nil
}

func insertTell(tx *store.Tx, message ID, who directory.ID) error {
	_, err := tx.Exec(`INSERT INTO queue_tell (message_id, owner_id) VALUES ($1, $2) ON CONFLICT (message_id, owner_id) DO NOTHING`, int64(message), int64(who))
	return err
}

// wakeDestination sees to it that the scheduler looks at a destination at due, but not while it pauses.
func wakeDestination(tx *store.Tx, name string, due int64) error {
	_, err := tx.Exec(`INSERT INTO queue_destination (name, failing, wake, until, failures, text) VALUES ($1, 0, $2, 0, 0, '')
		ON CONFLICT (name) DO UPDATE SET wake = CASE
			WHEN excluded.wake >= queue_destination.wake THEN queue_destination.wake
			WHEN excluded.wake < queue_destination.until THEN CASE WHEN queue_destination.until < queue_destination.wake THEN queue_destination.until ELSE queue_destination.wake END
			ELSE excluded.wake END`, name, due)
	return err
}

// hurry ends a destination's pause and makes all that waits for it due.
func hurry(tx *store.Tx, name string, now int64) error {
	if _, err := tx.Exec(`UPDATE queue_delivery SET due = $2 WHERE destination = $1 AND phase = 1 AND due > $2`, name, now); err != nil {
		return err
	}
	_, err := tx.Exec(`UPDATE queue_destination SET until = 0, wake = $2 WHERE name = $1`, name, now)
	return err
}

// hurryAll is hurry for every destination.
func hurryAll(tx *store.Tx, now int64) error {
	if _, err := tx.Exec(`UPDATE queue_delivery SET due = $1 WHERE phase = 1 AND due > $1`, now); err != nil {
		return err
	}
	_, err := tx.Exec(`UPDATE queue_destination SET until = 0, wake = $1`, now)
	return err
}

// dropMessage removes a message with all that hangs on it.
func dropMessage(tx *store.Tx, id ID) error {
	var blob store.BlobID
	err := tx.QueryRow(`DELETE FROM queue_message WHERE id = $1 RETURNING blob_id`, int64(id)).Scan(&blob)
	if isNoRows(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("drop message: %w", err)
	}
	for _, query := range []string{
		`DELETE FROM queue_recipient WHERE delivery_id IN (SELECT id FROM queue_delivery WHERE message_id = $1)`,
		`DELETE FROM queue_delivery WHERE message_id = $1`, `DELETE FROM queue_tell WHERE message_id = $1`,
	} {
		if _, err := tx.Exec(query, int64(id)); err != nil {
			return fmt.Errorf("drop message: %w", err)
		}
	}
	return tx.Dereference(blob, 1)
}

// dropDelivery removes a delivery whose recipients are gone, and its message when it was the last.
func dropDelivery(tx *store.Tx, id int64, message ID) error {
	if _, err := tx.Exec(`DELETE FROM queue_delivery WHERE id = $1`, id); err != nil {
		return err
	}
	var one int64
	err := tx.QueryRow(`SELECT 1 FROM queue_delivery WHERE message_id = $1 LIMIT 1`, int64(message)).Scan(&one)
	if isNoRows(err) {
		return dropMessage(tx, message)
	}
	return err
}

// selectIDs reads a column of integers.
func selectIDs(tx *store.Tx, query string, args ...any) (ids []int64, err error) {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var row [1]int64
	for rows.Next() {
		if err := rows.Int64s(row[:]); err != nil {
			return nil, err
		}
		ids = append(ids, row[0])
	}
	return ids, rows.Err()
}

func selectRoutes(tx *store.Tx) (map[string]Route, error) {
	routes := map[string]Route{}
	rows, err := tx.Query(`SELECT domain, host, port, tls, login, password FROM route`)
	if err != nil {
		return nil, fmt.Errorf("routes: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var r Route
		if err := rows.Scan(&r.Domain, &r.Host, &r.Port, &r.TLS, &r.User, &r.Password); err != nil {
			return nil, fmt.Errorf("routes: %w", err)
		}
		routes[r.Domain] = r
	}
	return routes, rows.Err()
}

func insertRoute(tx *store.Tx, r Route) error {
	_, err := tx.Exec(`INSERT INTO route (domain, host, port, tls, login, password) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (domain) DO UPDATE SET host = excluded.host, port = excluded.port, tls = excluded.tls, login = excluded.login, password = excluded.password`,
		r.Domain, r.Host, r.Port, r.TLS, r.User, []byte(r.Password))
	return err
}

func selectUndo(tx *store.Tx) (map[directory.ID]time.Duration, error) {
	undo := map[directory.ID]time.Duration{}
	rows, err := tx.Query(`SELECT owner_id, seconds FROM queue_undo`)
	if err != nil {
		return nil, fmt.Errorf("undo: %w", err)
	}
	defer rows.Close()
	var row [2]int64
	for rows.Next() {
		if err := rows.Int64s(row[:]); err != nil {
			return nil, fmt.Errorf("undo: %w", err)
		}
		undo[directory.ID(row[0])] = time.Duration(row[1]) * time.Second
	}
	return undo, rows.Err()
}
