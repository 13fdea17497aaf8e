package collection

import (
	"context"
	"fmt"
	"unicode/utf8"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// PropertyName names a property: XML name space and local name.
type PropertyName struct{ Space, Name string }

// Property is a stored property, with its value as XML, verbatim.
type Property struct {
	PropertyName
	Value []byte
}

// Properties reads the stored properties of nodes, those of one node under its ID. Nodes without any cost nothing.
func (c *Collections) Properties(ctx context.Context, nodes ...Node) (all map[ID][]Property, err error) {
	var with []ID
	for _, n := range nodes {
		if n.Properties > 0 {
			with = append(with, n.ID)
		}
	}
	if len(with) == 0 {
		return nil, nil
	}
	err = c.store.Read(ctx, func(tx *store.Tx) error {
		all = make(map[ID][]Property, len(with))
		for _, id := range with {
			if all[id], err = properties(tx, id); err != nil {
				return err
			}
		}
		return nil
	})
	return all, err
}

func properties(tx *store.Tx, id ID) (list []Property, err error) {
	rows, err := tx.Query(`SELECT space, name, value FROM dav_property WHERE entry_id = $1 ORDER BY space, name`, int64(id))
	if err != nil {
		return nil, fmt.Errorf("read properties: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var p Property
		if err := rows.Scan(&p.Space, &p.Name, &p.Value); err != nil {
			return nil, fmt.Errorf("read properties: %w", err)
		}
		list = append(list, p)
	}
	return list, rows.Err()
}

// PatchOptions say what to change: first Remove, then Set. What is not there is removed already.
type PatchOptions struct {
	Guard
	Set    []Property
	Remove []PropertyName
}

// Patch changes stored properties, all or none. The change counts as one of the entry: it appears in the Changes of its collection, its
// ETag stays. fault.Forbidden, fault.InUse, fault.Limit, fault.TooLarge, fault.Invalid. RFC 4918 §9.2.
func (c *Collections) Patch(ctx context.Context, who directory.ID, p Path, o PatchOptions) (n Node, err error) {
	if err := checkProperties(o.Set); err != nil {
		return n, err
	}
	r, err := c.route(ctx, who, p)
	if err != nil {
		return n, err
	}
	if r.list {
		return n, errForbidden()
	}
	err = c.store.Write(ctx, func(tx *store.Tx) error {
		s, err := c.locate(tx, r)
		if err != nil {
			return err
		}
		if !s.found {
			return errNotFound()
		}
		if !s.access.privileges(s.path.Space, s.last().kind, false).WriteProperties {
			return errForbidden()
		}
		if err := c.ask(ctx, tx, who, &o.Guard); err != nil {
			return err
		}
		if err := c.unlocked(tx, &s, &o.Guard, touchSelf); err != nil {
			return err
		}
		if err := c.patch(tx, &s, o.Set, o.Remove); err != nil {
			return err
		}
		n = c.node(&s)
		return nil
	})
	return n, err
}

func (c *Collections) patch(tx *store.Tx, s *spot, set []Property, remove []PropertyName) (err error) {
	e := s.last()
	for _, p := range remove {
		_, err := tx.Exec(`DELETE FROM dav_property WHERE entry_id = $1 AND space = $2 AND name = $3`, int64(e.id), p.Space, p.Name)
		if err != nil {
			return fmt.Errorf("remove property: %w", err)
		}
	}
	if err := setProperties(tx, e, set); err != nil {
		return err
	}
	if in := s.parent(); in != nil {
		if e.modseq, err = nextModSeq(tx, in.id); err != nil {
			return err
		}
	}
	_, err = tx.Exec(`UPDATE dav_entry SET properties = $2, modseq = $3 WHERE id = $1`, int64(e.id), e.properties, e.modseq)
	return err
}

// setProperties writes properties of e and counts what it has then; the caller writes that count.
func setProperties(tx *store.Tx, e *entry, set []Property) error {
	for _, p := range set {
		_, err := tx.Exec(`INSERT INTO dav_property (entry_id, space, name, value) VALUES ($1, $2, $3, $4)
			ON CONFLICT (entry_id, space, name) DO UPDATE SET value = excluded.value`, int64(e.id), p.Space, p.Name, append([]byte{}, p.Value...))
		if err != nil {
			return fmt.Errorf("set property: %w", err)
		}
	}
	if err := tx.QueryRow(`SELECT COUNT(*) FROM dav_property WHERE entry_id = $1`, int64(e.id)).Scan(&e.properties); err != nil {
		return err
	}
	if e.properties > MaxProperties {
		return fault.New(fault.Limit, "an entry has at most %d properties", int64(MaxProperties))
	}
	return nil
}

func checkProperties(set []Property) error {
	if len(set) > MaxProperties {
		return fault.New(fault.Limit, "an entry has at most %d properties", int64(MaxProperties))
	}
	for _, p := range set {
		switch {
		case p.Name == "" || !storable(p.Name) || !storable(p.Space):
			return fault.New(fault.Invalid, "a property's name is empty or no text")
		case len(p.Name) > MaxPropertyName || len(p.Space) > MaxPropertyName:
			return fault.New(fault.TooLarge, "a property's name is longer than %d bytes", int64(MaxPropertyName))
		case len(p.Value) > MaxPropertyValue:
			return fault.New(fault.TooLarge, "a property is longer than %d bytes", int64(MaxPropertyValue))
		}
	}
	return nil
}

// storable reports text without NUL, which both databases keep as it is.
func storable(s string) bool {
	for i := range len(s) {
		if s[i] == 0 {
			return false
		}
	}
	return utf8.ValidString(s)
}
