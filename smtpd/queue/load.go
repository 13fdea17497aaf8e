package queue

import (
	"context"
	"fmt"
	"time"

	"schulhof/directory"
	"schulhof/store"
)

// Waiting is a message in the queue.
type Waiting struct {
	ID                         ID
	Account                    directory.ID // who sent it, 0: the server itself
	Kind, Tag                  string
	TraceID                    string
	Sender                     string
	Size                       int64 // bytes
	EightBit, UTF8, RequireTLS bool
	Ret, EnvID                 string
	Arrived                    time.Time
}

// RecipientState is a recipient that is still to be served, with the last answer about it.
type RecipientState struct {
	Recipient
	Code                 int // of the last reply, 0: none
	Enhanced, Text, Host string
	Relayed              bool   // the last server sends no notices
	TLS                  string // of the last connection

	row int64
}

const messageColumns = `m.id, m.owner_id, m.kind, m.tag, m.trace, m.sender, m.size, m.flags, m.ret, m.env_id, m.arrived`

// targets are what messageColumns is scanned into; finish when they are.
func (w *Waiting) targets(flags, arrived *int64) []any {
	return []any{&w.ID, &w.Account, &w.Kind, &w.Tag, &w.TraceID, &w.Sender, &w.Size, flags, &w.Ret, &w.EnvID, arrived}
}

func (w *Waiting) finish(flags, arrived int64) {
	w.EightBit, w.UTF8, w.RequireTLS = flags&flagEightBit != 0, flags&flagUTF8 != 0, flags&flagRequireTLS != 0
	w.Arrived = time.Unix(arrived, 0)
}

// loadDelivery reads all that a try needs. errWithdrawn: it is not to be tried.
func (q *Queue) loadDelivery(ctx context.Context, id int64) (d *delivery, err error) {
	err = q.store.Read(ctx, func(tx *store.Tx) (err error) {
		d, err = selectDelivery(tx, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	if d == nil || d.phase == phaseHeld || len(d.recipients) == 0 {
		return nil, errWithdrawn
	}
	return d, nil
}

// selectDelivery returns nil when there is no such delivery.
func selectDelivery(tx *store.Tx, id int64) (*delivery, error) {
	d := &delivery{id: id}
	var flags, arrived int64
	l := &d.location
	dest := append(d.message.targets(&flags, &arrived), &d.prefix, &d.signed, &d.sealed, &d.destination, &d.phase, &d.due, &d.notBefore, &d.began, &d.deadline, &d.told,
		&d.attempts, &d.attempting, &d.tried, &d.held, &l.Pack, &l.Offset, &l.Length, &l.Size)
	err := tx.QueryRow(`SELECT `+messageColumns+`, m.prefix, m.signed, m.sealed, d.destination, d.phase, d.due, d.not_before, d.began, d.deadline, d.told, d.attempts, d.attempting, d.tried, d.held,
		`+store.LocationColumns+` FROM queue_delivery d JOIN queue_message m ON m.id = d.message_id JOIN blob b ON b.id = m.blob_id WHERE d.id = $1`, id).Scan(dest...)
	if isNoRows(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("delivery %d: %w", id, err)
	}
	d.message.finish(flags, arrived)
	d.messageID, d.owner = d.message.ID, d.message.Account
	d.recipients, err = selectRecipients(tx, id)
	return d, err
}

func selectRecipients(tx *store.Tx, delivery int64) (list []RecipientState, err error) {
	rows, err := tx.Query(`SELECT id, address, notify, orcpt, code, enhanced, text, host FROM queue_recipient WHERE delivery_id = $1 ORDER BY id`, delivery)
	if err != nil {
		return nil, fmt.Errorf("recipients of delivery %d: %w", delivery, err)
	}
	defer rows.Close()
	for rows.Next() {
		var r RecipientState
		if err := rows.Scan(&r.row, &r.Address, &r.Notify, &r.ORcpt, &r.Code, &r.Enhanced, &r.Text, &r.Host); err != nil {
			return nil, fmt.Errorf("recipients of delivery %d: %w", delivery, err)
		}
		list = append(list, r)
	}
	return list, rows.Err()
}

// regroup sends the recipients of d where the routes lead now.
func (q *Queue) regroup(ctx context.Context, d *delivery) error {
	now := q.now().Unix()
	err := q.store.Write(ctx, func(tx *store.Tx) error {
		var phase int64
		err := tx.QueryRow(`SELECT phase FROM queue_delivery WHERE id = $1 AND attempting = 0`, d.id).Scan(&phase)
		if isNoRows(err) || phase == phaseHeld {
			return nil
		}
		if err != nil {
			return err
		}
		var names []string
		at := map[string]int64{}
		for _, r := range d.recipients {
			name := q.destinationOf(r.Address)
			if name == d.destination {
				continue
			}
			if at[name] == 0 {
				row := d.deliveryRow
				row.destination, row.due = name, now
				if at[name], err = row.insert(tx); err != nil {
					return err
				}
				names = append(names, name)
				if err := wakeDestination(tx, name, now); err != nil {
					return err
				}
			}
			if _, err := tx.Exec(`UPDATE queue_recipient SET delivery_id = $2 WHERE id = $1`, r.row, at[name]); err != nil {
				return err
			}
		}
		q.changed(tx, names...)
		var one int64
		err = tx.QueryRow(`SELECT 1 FROM queue_recipient WHERE delivery_id = $1 LIMIT 1`, d.id).Scan(&one)
		if isNoRows(err) {
			return dropDelivery(tx, d.id, d.messageID)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("regroup: %w", err)
	}
	q.log.Debug("queue: another route", "id", d.message.TraceID, "from", d.destination)
	return nil
}
