package collection

import (
	"context"
	"fmt"

	"schulhof/directory"
	"schulhof/store"
)

// provisionSlice is how many principals one transaction provides for at the start after the migration.
const provisionSlice = 100

// What every account and group has.
const (
	calendarName = "calendar"
	tasksName    = "tasks"
	contactsName = "contacts"
)

// provided are the columns of dav_entry that provision fills.
const provided = `INSERT INTO dav_entry (owner_id, parent_id, name, kind, modseq, counter, members, components, created, modified, properties, size,
	content_type, recurring, log_from) VALUES `

// provision gives a new account or group its roots, a calendar, a task list and an address book, in the transaction that creates it. It is
// part of the import of whole schools: few statements, and none that returns rows it writes, which costs more the longer a transaction is.
func (c *Collections) provision(tx *store.Tx, id directory.ID, _ bool) error {
	now := c.now().Unix()
	_, err := tx.Exec(provided+`($1, NULL, '', $3, 0, 2, 2, '', $2, $2, 0, 0, '', 0, 0), ($1, NULL, '', $4, 0, 1, 1, '', $2, $2, 0, 0, '', 0, 0),
		($1, NULL, '', $5, 0, 0, 0, '', $2, $2, 0, 0, '', 0, 0)`, int64(id), now, int64(CalendarHome), int64(ContactsHome), int64(Folder))
	if err != nil {
		return fmt.Errorf("provide DAV roots: %w", err)
	}
	r, err := findRoots(tx, id)
	if err != nil {
		return fmt.Errorf("provide DAV roots: %w", err)
	}
	_, err = tx.Exec(provided+`($1, $3, $5, $8, 1, 0, 0, 'VEVENT', $2, $2, 0, 0, '', 0, 0), ($1, $3, $6, $8, 2, 0, 0, 'VTODO,VJOURNAL', $2, $2, 0, 0, '', 0, 0),
		($1, $4, $7, $9, 1, 0, 0, '', $2, $2, 0, 0, '', 0, 0)`, int64(id), now, int64(r.calendars), int64(r.contacts),
		calendarName, tasksName, contactsName, int64(Calendar), int64(AddressBook))
	if err != nil {
		return fmt.Errorf("provide collections: %w", err)
	}
	_, err = tx.Exec(`INSERT INTO dav_owner (owner_id, calendars, contacts, files, used_bytes, kept_bytes, members_write)
		VALUES ($1, $2, $3, $4, 0, 0, 1)`, int64(id), int64(r.calendars), int64(r.contacts), int64(r.files))
	if err != nil {
		return fmt.Errorf("provide DAV owner: %w", err)
	}
	tx.AfterCommit(func() { c.owners.put(id, r) })
	return nil
}

// findRoots reads the roots that were just made.
func findRoots(tx *store.Tx, id directory.ID) (r roots, err error) {
	r.membersWrite = true
	rows, err := tx.Query(`SELECT id, kind FROM dav_entry WHERE owner_id = $1 AND parent_id IS NULL`, int64(id))
	if err != nil {
		return r, err
	}
	defer rows.Close()
	for rows.Next() {
		var row [2]int64
		if err := rows.Int64s(row[:]); err != nil {
			return r, err
		}
		switch Kind(row[1]) {
		case CalendarHome:
			r.calendars = ID(row[0])
		case ContactsHome:
			r.contacts = ID(row[0])
		default:
			r.files = ID(row[0])
		}
	}
	return r, rows.Err()
}

// provideMissing provides for accounts and groups that are older than the DAV tables, or were imported without this room.
func (c *Collections) provideMissing(ctx context.Context) error {
	missing, err := c.missingOwners(ctx)
	if err != nil {
		return err
	}
	for len(missing) > 0 {
		slice := missing[:min(len(missing), provisionSlice)]
		missing = missing[len(slice):]
		err := c.store.WriteBulk(ctx, func(tx *store.Tx) error {
			for _, id := range slice {
				if err := c.provision(tx, id, false); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *Collections) missingOwners(ctx context.Context) (missing []directory.ID, err error) {
	accounts, err := c.dir.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	for _, a := range accounts {
		if _, ok := c.owners.get(a.ID); !ok {
			missing = append(missing, a.ID)
		}
	}
	groups, err := c.dir.Groups(ctx)
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		if _, ok := c.owners.get(g.ID); !ok {
			missing = append(missing, g.ID)
		}
	}
	return missing, nil
}

// purge removes what an account or group has, in the removing transaction: it vanishes at once, its rows go slice by slice.
func (c *Collections) purge(tx *store.Tx, id directory.ID, _ bool) error {
	for _, query := range []string{
		`INSERT INTO dav_gone (entry_id) SELECT id FROM dav_entry WHERE owner_id = $1 AND parent_id IS NULL
			ON CONFLICT (entry_id) DO NOTHING`,
		`DELETE FROM dav_trash WHERE owner_id = $1`,
		`DELETE FROM dav_lock WHERE owner_id = $1 OR holder = $1`,
		`DELETE FROM dav_owner WHERE owner_id = $1`,
	} {
		if _, err := tx.Exec(query, int64(id)); err != nil {
			return fmt.Errorf("remove DAV of principal %d: %w", id, err)
		}
	}
	tx.AfterCommit(func() {
		c.owners.drop(id)
		c.wakeJanitor()
	})
	return nil
}
