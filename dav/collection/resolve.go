package collection

import (
	"context"
	"strings"
	"time"

	"schulhof/directory"
	"schulhof/store"
)

// Resolve finds what a path leads to, as who may see it. fault.NotFound: nothing, or nothing that who may know of. fault.Invalid: no path.
func (c *Collections) Resolve(ctx context.Context, who directory.ID, p Path) (n Node, err error) {
	r, err := c.route(ctx, who, p)
	if err != nil {
		return n, err
	}
	if r.list {
		return Node{Path: r.path, Kind: GroupList, Privileges: r.access.privileges(Groups, GroupList, true)}, nil
	}
	if r.book {
		return c.resolveBook(ctx, &r)
	}
	var s spot
	err = c.store.Read(ctx, func(tx *store.Tx) error {
		s, err = c.locate(tx, r)
		return err
	})
	if err != nil {
		return n, err
	}
	if !s.found {
		return n, errNotFound()
	}
	return c.node(&s), nil
}

// node is the entry that s leads to, for its owner or member.
func (c *Collections) node(s *spot) Node {
	in := Object
	if above := s.parent(); above != nil {
		in = above.kind
	}
	return c.nodeOf(&s.access, s.path, s.last(), in)
}

// nodeOf makes a Node of e, which is at path p in a collection of kind in.
func (c *Collections) nodeOf(a *access, p Path, e *entry, in Kind) Node {
	n := Node{
		Path: p, ID: e.id, Kind: e.kind, In: in, Owner: e.owner, Privileges: a.privileges(p.Space, e.kind, in == Object),
		Created: time.Unix(e.created, 0), Modified: time.Unix(e.modified, 0), Properties: e.properties,
	}
	if a.provided(in, e.name) {
		n.Privileges.Delete = false
	}
	if !e.kind.IsCollection() {
		n.ETag, n.Size, n.ContentType, n.UID, n.Component = etagText(e.etag), e.size, e.contentType, string(e.uid), e.component
		n.blob, n.at = e.blob, e.at
		return n
	}
	n.DefaultTitle = c.defaultTitle(a, p.Space, e)
	if e.kind != CalendarHome && e.kind != ContactsHome {
		n.Token = Token{e.id, e.counter}
	}
	if e.components != "" {
		n.Components = strings.Split(e.components, ",")
	}
	return n
}

// defaultTitle is what a collection is called that nobody gave a name: in the school's language, and a group's with the group's title.
func (c *Collections) defaultTitle(a *access, s Space, e *entry) string {
	title := e.name
	w := &c.opts.Words
	main := false
	switch {
	case e.kind == Calendar && e.name == calendarName:
		title, main = w.Calendar, true
	case e.kind == Calendar && e.name == tasksName:
		title = w.Tasks
	case e.kind == AddressBook && e.name == contactsName:
		title, main = w.Contacts, true
	case e.parent == 0 && a.group:
		return a.title
	}
	if !a.group || s == Groups {
		return title
	}
	if main {
		return a.title
	}
	return a.title + ": " + title
}
