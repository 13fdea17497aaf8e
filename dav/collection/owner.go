package collection

import (
	"context"
	"sync"

	"schulhof/directory"
	"schulhof/store"
)

// roots are the tops of an owner's three trees, which never change, and what is asked with each path below them.
type roots struct {
	calendars, contacts, files ID
	membersWrite               bool // of a group: every member writes in its folder
}

func (r roots) of(s Space) ID {
	switch s {
	case Calendars:
		return r.calendars
	case Contacts:
		return r.contacts
	default:
		return r.files
	}
}

// owners knows every owner's roots. Commits publish into it.
type owners struct {
	mu  sync.RWMutex
	all map[directory.ID]roots
}

func (o *owners) get(id directory.ID) (roots, bool) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	r, ok := o.all[id]
	return r, ok
}

func (o *owners) put(id directory.ID, r roots) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all[id] = r
}

func (o *owners) drop(id directory.ID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.all, id)
}

func (c *Collections) loadOwners(ctx context.Context) error {
	c.owners.all = map[directory.ID]roots{}
	return c.store.Read(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(`SELECT owner_id, calendars, contacts, files, members_write FROM dav_owner`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var row [5]int64
			if err := rows.Int64s(row[:]); err != nil {
				return err
			}
			c.owners.put(directory.ID(row[0]), roots{ID(row[1]), ID(row[2]), ID(row[3]), row[4] != 0})
		}
		return rows.Err()
	})
}
