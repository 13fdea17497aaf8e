package directory

import (
	"context"
	"fmt"
	"slices"

	"schulhof/store"
	"schulhof/store/fault"
)

// Posting is who may write to a group's address.
type Posting string

// The kinds of posting. Owners of the group and administrators always may.
const (
	PostMembers   Posting = "members"   // its members, also those elsewhere, and teachers and staff
	PostStaff     Posting = "staff"     // teachers and staff
	PostAnyone    Posting = "anyone"    // everybody, also from elsewhere
	PostModerated Posting = "moderated" // everybody, but an owner lets each message through or not
)

// Postings lists every kind of posting.
func Postings() []Posting { return []Posting{PostMembers, PostStaff, PostAnyone, PostModerated} }

// DefaultPosting is who may write to a group of kind k unless it is set. Parents and partners write to a class or an office, mail to
// everybody is for those who answer for it.
func (k Kind) DefaultPosting() Posting {
	if k == All || k == Year {
		return PostStaff
	}
	return PostAnyone
}

// Posting is who may write to g.
func (g Group) Posting() Posting {
	if g.Post == "" {
		return g.Kind.DefaultPosting()
	}
	return g.Post
}

// ListChange says what to change of a group as a list; nil leaves as it is.
type ListChange struct {
	Post    *Posting // "": as its kind
	Archive *bool
}

// ChangeList changes what a group is as a list. fault.NotFound, fault.Invalid.
func (d *Directory) ChangeList(ctx context.Context, group ID, c ListChange) error {
	if c.Post != nil && *c.Post != "" && !slices.Contains(Postings(), *c.Post) {
		return fault.New(fault.Invalid, "who may write to a group is one of members, staff, anyone, moderated")
	}
	err := d.store.Write(ctx, func(tx *store.Tx) error {
		g, created, err := selectGroup(tx, group)
		if err != nil {
			return err
		}
		if c.Post != nil {
			g.Post = *c.Post
		}
		if c.Archive != nil {
			g.Archive = *c.Archive
		}
		if err := upsertList(tx, g); err != nil {
			return err
		}
		tx.AfterCommit(func() { d.view.putGroup(g, created) })
		return nil
	})
	if err != nil {
		return fmt.Errorf("change list: %w", err)
	}
	return nil
}

// ListsAt are the groups that an address leads to, directly, by aliases or with a detail, each once. None for what leads elsewhere.
func (d *Directory) ListsAt(address string) []Group {
	a, err := ParseAddress(address)
	if err != nil {
		return nil
	}
	v := d.view
	v.mu.RLock()
	defer v.mu.RUnlock()
	if !v.hasDomain(a.Domain) {
		return nil
	}
	if e, _ := v.directAccount(a); e != nil {
		return nil
	}
	x := expansion{view: v, listsOnly: true, visited: map[*aliasEntry]bool{}}
	x.expand(a, "", "")
	list := make([]Group, len(x.lists))
	for i, g := range x.lists {
		list[i] = g.Group
	}
	return list
}

// GroupByID finds a group. fault.NotFound.
func (d *Directory) GroupByID(id ID) (Group, error) {
	d.view.mu.RLock()
	defer d.view.mu.RUnlock()
	if g := d.view.groups[id]; g != nil {
		return g.Group, nil
	}
	return Group{}, fault.New(fault.NotFound, "no such group")
}

// MayPost asks whether somebody may write to a group's address: account, or 0 and the address of somebody elsewhere. moderated: an owner
// has to let it through. fault.Refused, with a sentence that names the rule.
func (d *Directory) MayPost(group, account ID, sender string) (moderated bool, err error) {
	v := d.view
	v.mu.RLock()
	defer v.mu.RUnlock()
	g := v.groups[group]
	if g == nil {
		return false, fault.New(fault.NotFound, "no such group")
	}
	e := v.accounts[account]
	if e != nil && (e.Role == Admin || slices.Contains(g.members, memberEntry{e, true})) {
		return false, nil
	}
	staff := e != nil && (e.Role == Teacher || e.Role == Staff)
	switch g.Posting() {
	case PostAnyone:
		return false, nil
	case PostModerated:
		return true, nil
	case PostStaff:
		if staff {
			return false, nil
		}
		return false, fault.New(fault.Refused, "only teachers and staff write to %s / An %[1]s schreiben nur Lehrkraefte und Beschaeftigte", g.Address)
	}
	if staff || e != nil && isIn(e, group) || e == nil && g.hasExternal(sender) {
		return false, nil
	}
	return false, fault.New(fault.Refused, "only members write to %s / An %[1]s schreiben nur Mitglieder", g.Address)
}

// hasExternal needs the view's lock.
func (g *groupEntry) hasExternal(address string) bool {
	a, err := ParseAddress(address)
	if err != nil {
		return false
	}
	canonical := a.String()
	return slices.ContainsFunc(g.external, func(x External) bool { return x.Address == canonical })
}

// Moderators are the accounts that decide about a group's held messages: its owners, or the administrators when it has none.
func (d *Directory) Moderators(group ID) []Account {
	v := d.view
	v.mu.RLock()
	defer v.mu.RUnlock()
	var list []Account
	if g := v.groups[group]; g != nil {
		for _, m := range g.members {
			if m.owner && m.account.State == Active {
				list = append(list, v.inForce(m.account))
			}
		}
	}
	if len(list) > 0 {
		return list
	}
	return v.administrators()
}

// Administrators are the active accounts with that role, by login.
func (d *Directory) Administrators() []Account {
	d.view.mu.RLock()
	defer d.view.mu.RUnlock()
	return d.view.administrators()
}

// administrators needs mu.
func (v *view) administrators() (list []Account) {
	for _, e := range sortedByLogin(v.accounts, func(e *accountEntry) string { return e.Login }) {
		if e.Role == Admin && e.State == Active {
			list = append(list, v.inForce(e))
		}
	}
	return list
}
