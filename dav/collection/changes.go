package collection

import (
	"context"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// Changes is what is new in a collection since a token.
type Changes struct {
	Changed []Node   // members that are new or changed, in the order of their last change
	Removed []string // names of members that are not there any more
	Next    Token    // the token of what was told
	More    bool     // there is more: ask again with Next
}

// Changes tells what changed among the members of a collection since a token: the zero Token lists all members. At most limit of them
// (PageSize at most), oldest change first, so that a client that stops halfway goes on where it stopped. fault.Expired (valid-sync-token):
// the token is of another collection or too old, the client starts anew. fault.Refused: n keeps no log (homes). RFC 6578 §3.
func (c *Collections) Changes(ctx context.Context, who directory.ID, n Node, since Token, limit int) (ch Changes, err error) {
	if limit <= 0 || limit > PageSize {
		limit = PageSize
	}
	switch n.Kind {
	case Folder, Calendar, AddressBook, DirectoryBook:
	default:
		return ch, refuse(fault.Refused, "supported-report", "there is no log of changes here")
	}
	if since == n.Token { // Resolve read the counter just now
		return Changes{Next: since}, nil
	}
	r, err := c.route(ctx, who, n.Path)
	if err != nil {
		return ch, err
	}
	if r.book {
		return c.bookChanges(ctx, &r, since)
	}
	err = c.store.Read(ctx, func(tx *store.Tx) error {
		ch = Changes{}
		var counter, from uint64
		err := tx.QueryRow(`SELECT counter, log_from FROM dav_entry WHERE id = $1`, int64(n.ID)).Scan(&counter, &from)
		if isNoRows(err) {
			return errNotFound()
		}
		if err != nil {
			return err
		}
		if since != (Token{}) && (since.Collection != n.ID || since.ModSeq > counter || since.ModSeq < from) {
			return errExpired()
		}
		l := changeLog{tx: tx, n: &n, since: since.ModSeq, limit: limit, initial: since == Token{}}
		if err := l.read(&ch, func(e *entry) Node { return c.nodeOf(&r.access, n.Path.Child(e.name), e, n.Kind) }); err != nil {
			return err
		}
		ch.Next.Collection = n.ID
		if !ch.More {
			ch.Next.ModSeq = counter
		}
		return nil
	})
	return ch, err
}

func errExpired() error {
	return refuse(fault.Expired, "valid-sync-token", "the changes since then are not known any more")
}

// changeLog reads one page of a collection's changes.
type changeLog struct {
	tx      *store.Tx
	n       *Node
	since   uint64
	limit   int
	initial bool // nothing was known, so nothing is removed
}

// read merges what changed and what was removed in the order of their counts, which are all different.
func (l *changeLog) read(ch *Changes, node func(*entry) Node) error {
	changed, err := l.changed()
	if err != nil {
		return err
	}
	var removed []removedName
	if !l.initial {
		if removed, err = l.removed(); err != nil {
			return err
		}
	}
	for n := 0; len(changed)+len(removed) > 0; n++ {
		if n == l.limit {
			ch.More = true
			return nil
		}
		if len(removed) == 0 || len(changed) > 0 && changed[0].modseq < removed[0].modseq {
			ch.Next.ModSeq = changed[0].modseq
			ch.Changed = append(ch.Changed, node(&changed[0]))
			changed = changed[1:]
		} else {
			ch.Next.ModSeq = removed[0].modseq
			ch.Removed = append(ch.Removed, removed[0].name)
			removed = removed[1:]
		}
	}
	return nil
}

func (l *changeLog) changed() (list []entry, err error) {
	rows, err := l.tx.Query(`SELECT `+entryColumns+` FROM dav_entry e WHERE e.parent_id = $1 AND e.modseq > $2 ORDER BY e.modseq LIMIT $3`,
		int64(l.n.ID), l.since, l.limit+1)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	row, scan := newEntryRow(false), rows.Scan
	for rows.Next() {
		e, err := row.scan(scan)
		if err != nil {
			return nil, err
		}
		list = append(list, *e)
	}
	return list, rows.Err()
}

// removedName is a row of dav_removed.
type removedName struct {
	name   string
	modseq uint64
}

func (l *changeLog) removed() (list []removedName, err error) {
	rows, err := l.tx.Query(`SELECT name, modseq FROM dav_removed WHERE collection_id = $1 AND modseq > $2 ORDER BY modseq LIMIT $3`,
		int64(l.n.ID), l.since, l.limit+1)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r removedName
		if err := rows.Scan(&r.name, &r.modseq); err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, rows.Err()
}
