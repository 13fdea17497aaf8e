package collection

import (
	"context"

	"schulhof/directory"
	"schulhof/store/fault"
)

// access is how someone stands to an owner.
type access struct {
	who   directory.Account
	owner directory.ID
	login string // of the owner
	title string // of a group
	// of groups
	group  bool
	leader bool // owner of the group, or a member who is teacher, staff or admin
	roots  roots
}

// access tells how who stands to the principal that is called login ("": who). fault.NotFound for those who may not even know of it.
func (c *Collections) access(ctx context.Context, who directory.ID, login string) (a access, err error) {
	if a.who, err = c.dir.Account(ctx, who); err != nil {
		return a, err
	}
	if login == "" || login == a.who.Login {
		a.owner, a.login = who, a.who.Login
	} else if err := c.groupAccess(ctx, &a, login); err != nil {
		return a, err
	}
	var ok bool
	if a.roots, ok = c.owners.get(a.owner); !ok {
		return a, errNotFound()
	}
	return a, nil
}

func (c *Collections) groupAccess(ctx context.Context, a *access, login string) error {
	g, err := c.dir.Group(ctx, login)
	if err != nil || g.Name != login {
		return errNotFound()
	}
	a.owner, a.login, a.group, a.title = g.ID, g.Name, true, g.Title
	if a.title == "" {
		a.title = g.Name
	}
	return c.askMembership(a)
}

// askMembership asks anew what a member may do: a transaction that had to wait asks again. fault.NotFound: no member any more.
func (c *Collections) askMembership(a *access) error {
	if !a.group {
		return nil
	}
	member, owner := c.dir.Membership(a.owner, a.who.ID)
	if !member {
		return errNotFound()
	}
	switch a.who.Role {
	case directory.Teacher, directory.Staff, directory.Admin:
		a.leader = true
	default:
		a.leader = owner
	}
	return nil
}

func errNotFound() error { return fault.New(fault.NotFound, "there is nothing of that name") }

// provided tells whether the collection name in a home is one that every group has: it goes with the group, and nobody else removes it.
func (a *access) provided(in Kind, name string) bool {
	switch in {
	case CalendarHome:
		return a.group && (name == calendarName || name == tasksName)
	case ContactsHome:
		return a.group && name == contactsName
	}
	return false
}

// privileges is what a may do in a space: with the members of a collection of kind there, and with the entry of kind itself. top: it is
// one of the roots, which nobody removes.
func (a *access) privileges(s Space, kind Kind, top bool) Privileges {
	write := !a.group || a.leader
	if s == Groups && a.roots.membersWrite {
		write = true
	}
	if kind == GroupList {
		return Privileges{Read: true}
	}
	p := Privileges{Read: true, Write: write, WriteProperties: write, Delete: write && !top, BreakLocks: !a.group || a.leader}
	if kind.IsCollection() {
		p.Bind, p.Unbind = write, write
	}
	return p
}
