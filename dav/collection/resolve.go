package collection

import (
	"context"
	"strings"
	"time"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// Resolve finds what a path leads to, as who may see it. fault.NotFound: nothing, or nothing that who may know of. fault.Invalid: no path.
func (c *Collections) Resolve(ctx context.Context, who directory.ID, p Path) (n Node, err error) {
	n, missing, err := c.Find(ctx, who, p)
	if err == nil && missing > 0 {
		return Node{}, errNotFound()
	}
	return n, err
}

// Find follows a path as far as it leads: n is the last entry that is there, missing how many names after it are not. Of a space's top
// below which a name is missing n tells only what making a member asks for: its kind, its owner, and what one may do there.
// fault.NotFound: someone else's.
func (c *Collections) Find(ctx context.Context, who directory.ID, p Path) (n Node, missing int, err error) {
	r, err := c.route(ctx, who, p)
	if err != nil {
		return n, 0, err
	}
	if r.list {
		return Node{Path: r.path, Kind: GroupList, Privileges: r.access.privileges(Groups, GroupList, true)}, 0, nil
	}
	if r.book {
		return c.findInBook(ctx, &r)
	}
	var s spot
	err = c.store.Read(ctx, func(tx *store.Tx) error {
		s, err = c.locate(tx, r)
		return err
	})
	if err != nil {
		return n, 0, err
	}
	missing = s.missing()
	s.path.Segments = s.path.Segments[:len(s.path.Segments)-missing]
	return c.node(&s), missing, nil
}

// findInBook is Find in the school directory.
func (c *Collections) findInBook(ctx context.Context, r *route) (n Node, missing int, err error) {
	if n, err = c.resolveBook(ctx, r); !fault.Is(err, fault.NotFound) {
		return n, 0, err
	}
	missing = len(r.names)
	r.path.Segments, r.names = r.path.Segments[:len(r.path.Segments)-missing], nil
	n, err = c.resolveBook(ctx, r)
	return n, missing, err
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
	n.Token = e.token()
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
