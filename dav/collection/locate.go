package collection

import (
	"context"
	"strings"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// route is a path that was understood: whose tree it is in, and the names below that tree's root.
type route struct {
	path   Path // cleaned, with its owner
	access access
	root   ID
	names  []string
	list   bool // the list of groups itself
	book   bool // in the school directory, which is computed; names are below it
}

// route reads a path for who. fault.NotFound, fault.Invalid, fault.Limit.
func (c *Collections) route(ctx context.Context, who directory.ID, p Path) (r route, err error) {
	if r.path, err = p.clean(); err != nil {
		return r, err
	}
	r.names = r.path.Segments
	switch p.Space {
	case Files:
		if r.access, err = c.access(ctx, who, p.Owner); err == nil && r.access.group {
			err = errNotFound() // a group's folder is in Groups
		}
	case Groups:
		if len(r.names) == 0 {
			r.list = true
			r.access.who, err = c.dir.Account(ctx, who)
			return r, err
		}
		if r.access, err = c.access(ctx, who, r.names[0]); err == nil && !r.access.group {
			err = errNotFound()
		}
		r.names = r.names[1:]
	case Calendars, Contacts:
		if r.access, err = c.access(ctx, who, p.Owner); err == nil {
			err = c.routeHome(ctx, &r)
		}
	default:
		err = errNotFound()
	}
	if err != nil {
		return r, err
	}
	if p.Space != Groups {
		r.path.Owner = r.access.login
	}
	if r.root == 0 {
		r.root = r.access.roots.of(p.Space)
	}
	return r, nil
}

// In a member's home the collections of a group are called group-NAME (its calendar, its address book) and group-NAME~COLLECTION
// (every other one).
const (
	groupPrefix    = "group-"
	groupSeparator = "~"
	directoryName  = "directory"
)

// mainOf is the collection of a group's home that has the short name.
func mainOf(s Space) string {
	if s == Contacts {
		return contactsName
	}
	return calendarName
}

// aliasOf is what a group's collection is called in its members' homes.
func aliasOf(s Space, login, name string) string {
	if name == mainOf(s) {
		return groupPrefix + login
	}
	return groupPrefix + login + groupSeparator + name
}

// routeHome follows the name of a group's collection in a member's home.
func (c *Collections) routeHome(ctx context.Context, r *route) error {
	if len(r.names) == 0 || r.access.group {
		return nil
	}
	if r.path.Space == Contacts && r.names[0] == directoryName {
		r.book, r.names = true, r.names[1:]
		return nil
	}
	alias, ok := strings.CutPrefix(r.names[0], groupPrefix)
	if !ok {
		return nil
	}
	login, name, other := strings.Cut(alias, groupSeparator)
	if !other {
		name = mainOf(r.path.Space)
	}
	a, err := c.access(ctx, r.access.who.ID, login)
	if err != nil || !a.group || aliasOf(r.path.Space, login, name) != r.names[0] {
		return errNotFound()
	}
	home := r.access.login
	r.access = a
	r.access.login = home
	r.root = a.roots.of(r.path.Space)
	r.names = append([]string{name}, r.names[1:]...)
	return nil
}

// spot is where a route leads in a transaction.
type spot struct {
	route
	chain []entry // from the root to the last name that is there; never empty
	found bool    // all names are there
}

// last is the entry of the whole path when it was found, else the last one above it that is there.
func (s *spot) last() *entry { return &s.chain[len(s.chain)-1] }

// parent is the entry above last; nil for a root.
func (s *spot) parent() *entry {
	if len(s.chain) < 2 {
		return nil
	}
	return &s.chain[len(s.chain)-2]
}

// missing is how many names are not there.
func (s *spot) missing() int { return len(s.names) + 1 - len(s.chain) }

// name is the last name of the route; "" for a root.
func (s *spot) name() string {
	if len(s.names) == 0 {
		return ""
	}
	return s.names[len(s.names)-1]
}

// locate walks r in tx. A route that ends early is no error.
func (c *Collections) locate(tx *store.Tx, r route) (s spot, err error) {
	s.route = r
	if r.book {
		return s, errForbidden() // readers ask before; there is nothing to write
	}
	if err := c.askMembership(&s.access); err != nil {
		return s, err
	}
	s.chain = make([]entry, 1, len(r.names)+1)
	if len(r.names) == 0 {
		if s.chain[0], err = entryByID(tx, r.root); isNoRows(err) {
			return s, errNotFound()
		}
		s.found = err == nil
		return s, err
	}
	// Roots stay as they are but for their counters, which nobody reads on the way down.
	s.chain[0] = entry{id: r.root, owner: r.access.owner, kind: rootKind(r.path.Space)}
	for _, name := range r.names {
		above := s.last()
		if !above.kind.IsCollection() {
			return s, nil
		}
		e, err := entryNamed(tx, above.id, name)
		if isNoRows(err) {
			return s, nil
		}
		if err != nil {
			return s, err
		}
		s.chain = append(s.chain, e)
	}
	s.found = true
	return s, nil
}

func rootKind(s Space) Kind {
	switch s {
	case Calendars:
		return CalendarHome
	case Contacts:
		return ContactsHome
	default:
		return Folder
	}
}

// errNoParent answers a write below a name that is not there: 409 in RFC 4918 §9.3.1, §9.7.1, §9.8.5.
func errNoParent() error {
	return fault.Wrap(fault.Conflict, ErrNoParent, "the collection that should hold it does not exist")
}
