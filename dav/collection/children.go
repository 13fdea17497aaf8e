package collection

import (
	"cmp"
	"context"
	"slices"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// Children lists the members of a collection in the order of their names (bytes), those after the name after ("": from the start), at
// most limit and at most PageSize. Each call is one snapshot; fewer than limit means that there are no more.
// fault.Invalid: n is no collection.
func (c *Collections) Children(ctx context.Context, who directory.ID, n Node, after string, limit int) ([]Node, error) {
	if limit <= 0 || limit > PageSize {
		limit = PageSize
	}
	switch n.Kind {
	case Object:
		return nil, fault.New(fault.Invalid, "that is no collection")
	case GroupList:
		return c.groupFolders(ctx, who, n.Path, after, limit)
	case CalendarHome, ContactsHome:
		return c.homeChildren(ctx, who, n, after, limit)
	case DirectoryBook:
		r, err := c.route(ctx, who, n.Path)
		if err != nil {
			return nil, err
		}
		list, err := c.bookCards(ctx, &r)
		return page(list, after, limit), err
	}
	return c.storedChildren(ctx, who, n, after, limit)
}

func (c *Collections) storedChildren(ctx context.Context, who directory.ID, n Node, after string, limit int) (list []Node, err error) {
	r, err := c.route(ctx, who, n.Path)
	if err != nil {
		return nil, err
	}
	err = c.store.Read(ctx, func(tx *store.Tx) error {
		list = list[:0]
		return eachChild(tx, n.ID, after, limit, func(e *entry) {
			list = append(list, c.nodeOf(&r.access, n.Path.Child(e.name), e, n.Kind))
		})
	})
	return list, err
}

// eachChild calls fn for members of a collection in the order of their names. fn must not keep e.
func eachChild(tx *store.Tx, collection ID, after string, limit int, fn func(e *entry)) error {
	rows, err := tx.Query(`SELECT `+entryColumns+` FROM dav_entry e WHERE e.parent_id = $1 AND e.name > $2 ORDER BY e.name LIMIT $3`,
		int64(collection), after, limit)
	if err != nil {
		return err
	}
	defer rows.Close()
	row, scan := newEntryRow(false), rows.Scan
	for rows.Next() {
		e, err := row.scan(scan)
		if err != nil {
			return err
		}
		fn(e)
	}
	return rows.Err()
}

// homeChildren lists a home: what is in it, and in an account's own also what its groups have.
func (c *Collections) homeChildren(ctx context.Context, who directory.ID, n Node, after string, limit int) ([]Node, error) {
	r, err := c.route(ctx, who, n.Path)
	if err != nil {
		return nil, err
	}
	groups, err := c.groupAccesses(ctx, &r)
	if err != nil {
		return nil, err
	}
	var list []Node
	err = c.store.Read(ctx, func(tx *store.Tx) error {
		list = list[:0]
		err := eachChild(tx, n.ID, "", MaxCollections, func(e *entry) {
			list = append(list, c.nodeOf(&r.access, n.Path.Child(e.name), e, n.Kind))
		})
		for i := range groups {
			if err != nil {
				return err
			}
			g := &groups[i]
			err = eachChild(tx, g.roots.of(n.Path.Space), "", MaxCollections, func(e *entry) {
				list = append(list, c.nodeOf(g, n.Path.Child(aliasOf(n.Path.Space, g.login, e.name)), e, n.Kind))
			})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if n.Kind == ContactsHome && !r.access.group {
		r.path = n.Path.Child(directoryName)
		list = append(list, c.bookNode(&r))
	}
	return page(list, after, limit), nil
}

// groupAccesses are the groups whose collections appear in the home of r; none unless it is the account's own.
func (c *Collections) groupAccesses(ctx context.Context, r *route) (list []access, err error) {
	if r.access.group {
		return nil, nil
	}
	groups, err := c.dir.GroupsOf(ctx, r.access.who.ID)
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		a, err := c.access(ctx, r.access.who.ID, g.Name)
		if fault.Is(err, fault.NotFound) {
			continue // it was removed just now
		}
		if err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	return list, nil
}

// groupFolders lists the folders of who's groups.
func (c *Collections) groupFolders(ctx context.Context, who directory.ID, p Path, after string, limit int) ([]Node, error) {
	r, err := c.route(ctx, who, p)
	if err != nil {
		return nil, err
	}
	groups, err := c.groupAccesses(ctx, &r)
	if err != nil {
		return nil, err
	}
	var list []Node
	err = c.store.Read(ctx, func(tx *store.Tx) error {
		list = list[:0]
		for i := range groups {
			g := &groups[i]
			e, err := entryByID(tx, g.roots.files)
			if isNoRows(err) {
				continue
			}
			if err != nil {
				return err
			}
			list = append(list, c.nodeOf(g, p.Child(g.login), &e, Object))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return page(list, after, limit), nil
}

// page sorts list by name and cuts out what follows after.
func page(list []Node, after string, limit int) []Node {
	slices.SortFunc(list, func(a, b Node) int { return cmp.Compare(a.Name(), b.Name()) })
	if after != "" {
		i, found := slices.BinarySearchFunc(list, after, func(n Node, name string) int { return cmp.Compare(n.Name(), name) })
		if found {
			i++
		}
		list = list[i:]
	}
	return list[:min(limit, len(list))]
}
