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

// provision gives a new account or group its roots, a calendar, a task list and an address book, in the transaction that creates it.
func (c *Collections) provision(tx *store.Tx, id directory.ID, _ bool) error {
	now := c.now().Unix()
	r := roots{membersWrite: true}
	for _, root := range []struct {
		kind Kind
		to   *ID
	}{{CalendarHome, &r.calendars}, {ContactsHome, &r.contacts}, {Folder, &r.files}} {
		e := entry{owner: id, kind: root.kind, created: now, modified: now}
		if err := insertEntry(tx, &e); err != nil {
			return fmt.Errorf("provide DAV roots: %w", err)
		}
		*root.to = e.id
	}
	for i, e := range []entry{
		{parent: r.calendars, name: calendarName, kind: Calendar, components: "VEVENT"},
		{parent: r.calendars, name: tasksName, kind: Calendar, components: "VTODO,VJOURNAL"},
		{parent: r.contacts, name: contactsName, kind: AddressBook},
	} {
		e.owner, e.created, e.modified, e.modseq = id, now, now, uint64(i%2+1)
		if err := insertEntry(tx, &e); err != nil {
			return fmt.Errorf("provide %s: %w", e.name, err)
		}
	}
	_, err := tx.Exec(`UPDATE dav_entry SET counter = (SELECT COUNT(*) FROM dav_entry m WHERE m.parent_id = dav_entry.id)
		WHERE owner_id = $1 AND parent_id IS NULL`, int64(id))
	if err != nil {
		return fmt.Errorf("provide DAV roots: %w", err)
	}
	_, err = tx.Exec(`INSERT INTO dav_owner (owner_id, calendars, contacts, files, used_bytes, kept_bytes, members_write)
		VALUES ($1, $2, $3, $4, 0, 0, 1)`, int64(id), int64(r.calendars), int64(r.contacts), int64(r.files))
	if err != nil {
		return fmt.Errorf("provide DAV owner: %w", err)
	}
	tx.AfterCommit(func() { c.owners.put(id, r) })
	return nil
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
		`INSERT INTO dav_gone (entry_id) SELECT id FROM dav_entry WHERE owner_id = $1 AND parent_id IS NULL`,
		`DELETE FROM dav_trash WHERE owner_id = $1`,
		`DELETE FROM dav_lock WHERE owner_id = $1 OR holder = $1`,
		`DELETE FROM dav_owner WHERE owner_id = $1`,
	} {
		if _, err := tx.Exec(query, int64(id)); err != nil {
			return fmt.Errorf("remove DAV of principal %d: %w", id, err)
		}
	}
	tx.AfterCommit(func() { c.owners.drop(id) })
	return nil
}
