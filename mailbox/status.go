package mailbox

import (
	"context"
	"fmt"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

const statusColumns = `id, name, special_use, uidvalidity, messages, uidnext, unseen, deleted, deleted_size, size, modseq`

// Status comes from counters kept in the mailbox row: no scan of messages. One name: fault.NotFound if there is none. Several: one
// snapshot (LIST-STATUS, RFC 5819), in the order of names, without those that do not exist.
func (m *Mail) Status(ctx context.Context, who directory.ID, names ...string) (list []Status, err error) {
	clean := make([]string, len(names))
	for i, name := range names {
		if clean[i], err = CleanName(name); err != nil {
			return nil, err
		}
	}
	err = m.store.Read(ctx, func(tx *store.Tx) error {
		list = make([]Status, 0, len(clean))
		if len(clean) == 1 {
			s := Status{Mailbox: Mailbox{Owner: who}}
			err := tx.QueryRow(`SELECT `+statusColumns+` FROM mailbox WHERE owner_id = $1 AND name = $2`, int64(who), clean[0]).Scan(s.columns()...)
			if isNoRows(err) {
				s, err = m.sharedStatus(tx, who, clean[0])
			}
			list = append(list, s)
			return err
		}
		byName, err := statusOf(tx, who)
		for _, name := range clean {
			if s, ok := byName[name]; ok {
				list = append(list, s)
			} else if s, sharedErr := m.sharedStatus(tx, who, name); sharedErr == nil {
				list = append(list, s)
			} else if !fault.Is(sharedErr, fault.NotFound) && !fault.Is(sharedErr, fault.Forbidden) {
				return sharedErr
			}
		}
		return err
	})
	return list, err
}

func (s *Status) columns() []any {
	return []any{&s.Mailbox.ID, &s.Mailbox.Name, &s.Mailbox.SpecialUse, &s.Mailbox.UIDValidity, &s.Messages, &s.UIDNext, &s.Unseen,
		&s.Deleted, &s.DeletedSize, &s.Size, &s.HighestModSeq}
}

func statusOf(tx *store.Tx, owner directory.ID) (map[string]Status, error) {
	rows, err := tx.Query(`SELECT `+statusColumns+` FROM mailbox WHERE owner_id = $1`, int64(owner))
	if err != nil {
		return nil, fmt.Errorf("status: %w", err)
	}
	defer rows.Close()
	list := make(map[string]Status)
	for rows.Next() {
		s := Status{Mailbox: Mailbox{Owner: owner}}
		if err := rows.Scan(s.columns()...); err != nil {
			return nil, fmt.Errorf("status: %w", err)
		}
		list[s.Mailbox.Name] = s
	}
	return list, rows.Err()
}
