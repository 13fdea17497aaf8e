package directory

import (
	"cmp"
	"context"
	"slices"

	"schulhof/store/fault"
)

// Contact is an account or group as others may see it in the school's address book.
type Contact struct {
	Account Account // of a person
	Group   Group   // of a group: ID is not 0
	Members []Reference
}

// Reference names an account: what a group's card says of its members.
type Reference struct {
	ID      ID
	Address string
}

// ID is the principal's.
func (c *Contact) ID() ID {
	if c.Group.ID != 0 {
		return c.Group.ID
	}
	return c.Account.ID
}

// Login is the principal's name, by which contacts are sorted.
func (c *Contact) Login() string {
	if c.Group.ID != 0 {
		return c.Group.Name
	}
	return c.Account.Login
}

// Visible lists whom account may see, by login name, and up to which change that is true (see VisibleSince).
//
// Teachers, staff and administrators see everybody. Others see themselves, their groups and who is in them: the class with its teachers,
// the course, the club; groups of kind All open nothing, or every pupil would see the whole school. Accounts that are disabled or deleted
// are seen by nobody. fault.NotFound: no such account.
func (d *Directory) Visible(_ context.Context, account ID) (list []Contact, seq uint64, err error) {
	v := d.view
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.accounts[account] == nil {
		return nil, 0, fault.New(fault.NotFound, "no such account")
	}
	now := world{view: v}
	for id := range now.visible(account) {
		list = append(list, v.contact(id))
	}
	slices.SortFunc(list, func(a, b Contact) int { return cmp.Compare(a.Login(), b.Login()) })
	return list, v.seq, nil
}

// VisibleByLogin is one of Visible's contacts. fault.NotFound: none that account may see is called login.
func (d *Directory) VisibleByLogin(_ context.Context, account ID, login string) (Contact, error) {
	v := d.view
	v.mu.RLock()
	defer v.mu.RUnlock()
	id, ok := v.logins[login]
	if ok && v.accounts[account] != nil {
		now := world{view: v}
		if now.sees(account, id) {
			return v.contact(id), nil
		}
	}
	return Contact{}, fault.New(fault.NotFound, "no such contact")
}

// ListSeq is the number of the last change of accounts, groups and memberships.
func (d *Directory) ListSeq() uint64 {
	d.view.mu.RLock()
	defer d.view.mu.RUnlock()
	return d.view.seq
}

// VisibleSince tells how what account may see differs from what it saw after change since: who entered or changed, and the login names of
// those it does not see any more. fault.Expired: the change is not known (LogRetention); fault.NotFound: no such account.
func (d *Directory) VisibleSince(_ context.Context, account ID, since uint64) (changed []Contact, gone []string, seq uint64, err error) {
	v := d.view
	v.mu.RLock()
	defer v.mu.RUnlock()
	switch {
	case v.accounts[account] == nil:
		return nil, nil, 0, fault.New(fault.NotFound, "no such account")
	case since > v.seq || since < v.logFrom:
		return nil, nil, 0, fault.New(fault.Expired, "the changes since then are not known any more")
	case since == v.seq:
		return nil, nil, since, nil
	}
	then, now := pastWorld(v, since), world{view: v}
	before, after := then.visible(account), now.visible(account)
	names := map[string]bool{}
	for id := range after {
		if !before[id] || then.differs(&now, id) {
			c := v.contact(id)
			names[c.Login()] = true
			changed = append(changed, c)
		}
	}
	for id := range before {
		if login := then.login(id); !after[id] && !names[login] {
			gone = append(gone, login)
		}
	}
	slices.SortFunc(changed, func(a, b Contact) int { return cmp.Compare(a.Login(), b.Login()) })
	slices.Sort(gone)
	return changed, gone, v.seq, nil
}

// contact needs mu.
func (v *view) contact(id ID) Contact {
	if e := v.accounts[id]; e != nil {
		return Contact{Account: v.inForce(e)}
	}
	g := v.groups[id]
	c := Contact{Group: g.Group, Members: make([]Reference, 0, len(g.members))}
	for _, m := range g.members {
		if m.account.State == Active {
			c.Members = append(c.Members, Reference{m.account.ID, m.account.Address})
		}
	}
	return c
}
