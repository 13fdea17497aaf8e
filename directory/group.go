package directory

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"schulhof/store"
	"schulhof/store/fault"
)

// Kind is what a group is at school.
type Kind string

// The kinds of groups.
const (
	Class      Kind = "class"
	Course     Kind = "course"
	Year       Kind = "year"
	Department Kind = "department"
	Club       Kind = "club"
	StaffGroup Kind = "staff"
	All        Kind = "all"
)

// Kinds lists every kind of group.
func Kinds() []Kind { return []Kind{Class, Course, Year, Department, Club, StaffGroup, All} }

func (k Kind) valid() bool {
	switch k {
	case Class, Course, Year, Department, Club, StaffGroup, All:
		return true
	}
	return false
}

// Group is a group of accounts with an address of its own.
type Group struct {
	ID       ID
	Name     string // its login name: the part before @ at creation, a number behind it after a clash
	Address  string
	Title    string
	Kind     Kind
	ToSender bool    // a mail to the group reaches its sender too (default true)
	Post     Posting // who may write to its address; "": as its kind, see Posting
	Archive  bool    // its own mailbox keeps what is sent to it
}

// Member is an account in a group.
type Member struct {
	Account Account
	Owner   bool
}

// AddGroup makes a group. Name may be a full address; without a domain it is at the main one; Address counts if it is set.
// It is made with ToSender as given, and as a list as its kind is: see ChangeList. fault.Invalid, AlreadyExists, NotFound (the domain).
func (d *Directory) AddGroup(ctx context.Context, g Group) (Group, error) {
	name := g.Address
	if name == "" {
		name = g.Name
	}
	address, err := d.newAddress(name, true)
	if err != nil {
		return Group{}, fmt.Errorf("add group: %w", err)
	}
	if !g.Kind.valid() {
		return Group{}, errKind(g.Kind)
	}
	if g.Title, err = checkDisplayName("title", g.Title); err != nil {
		return Group{}, fmt.Errorf("add group: %w", err)
	}
	g.Address, g.Post, g.Archive = address.String(), "", false
	now := d.now().Unix()
	err = d.store.Write(ctx, func(tx *store.Tx) error {
		if g.ID, g.Name, err = insertPrincipal(tx, kindGroup, address, g.Title, now); err != nil {
			return err
		}
		if err := insertGroup(tx, g); err != nil {
			return err
		}
		if err := d.provision(tx, g.ID, true); err != nil {
			return err
		}
		made := g
		tx.AfterCommit(func() { d.view.putGroup(made, now) })
		return d.record(tx, groupRow(made, ""))
	})
	if err != nil {
		return Group{}, fmt.Errorf("add group: %w", err)
	}
	return g, nil
}

func errKind(k Kind) error {
	return fault.New(fault.Invalid, "%s is no kind of group: class, course, year, department, club, staff, all", printable(string(k)))
}

// Group finds a group by name or address. fault.NotFound.
func (d *Directory) Group(_ context.Context, nameOrAddress string) (Group, error) {
	if g, ok := d.view.groupByName(nameOrAddress); ok {
		return g, nil
	}
	return Group{}, fault.New(fault.NotFound, "no group %s", printable(nameOrAddress))
}

// groupByName looks for a login name, or for an address.
func (v *view) groupByName(name string) (Group, bool) {
	id := v.principalByName(name)
	v.mu.RLock()
	defer v.mu.RUnlock()
	if g := v.groups[id]; g != nil {
		return g.Group, true
	}
	return Group{}, false
}

// principalByName is the principal of a login name or an address; 0: none.
func (v *view) principalByName(name string) ID {
	if len(name) > MaxLoginBytes {
		return 0
	}
	a, err := ParseAddress(name)
	folded := FoldName(name)
	v.mu.RLock()
	defer v.mu.RUnlock()
	if err == nil {
		return v.addresses[a.key()]
	}
	return v.logins[folded]
}

// Groups lists all groups by name.
func (d *Directory) Groups(_ context.Context) ([]Group, error) {
	v := d.view
	v.mu.RLock()
	defer v.mu.RUnlock()
	list := make([]Group, 0, len(v.groups))
	for _, g := range sortedByLogin(v.groups, func(g *groupEntry) string { return g.Name }) {
		list = append(list, g.Group)
	}
	return list, nil
}

// GroupsOf lists the groups that account is a member of, in the order it joined them.
func (d *Directory) GroupsOf(_ context.Context, account ID) ([]Group, error) {
	v := d.view
	v.mu.RLock()
	defer v.mu.RUnlock()
	e := v.accounts[account]
	if e == nil {
		return nil, fault.New(fault.NotFound, "no such account")
	}
	list := make([]Group, 0, len(e.groups))
	for _, g := range e.groups {
		list = append(list, g.Group)
	}
	return list, nil
}

// ChangeGroup changes what is not nil. fault.NotFound, fault.Invalid.
func (d *Directory) ChangeGroup(ctx context.Context, id ID, title *string, kind *Kind, toSender *bool) error {
	if kind != nil && !kind.valid() {
		return errKind(*kind)
	}
	if title != nil {
		clean, err := checkDisplayName("title", *title)
		if err != nil {
			return fmt.Errorf("change group: %w", err)
		}
		title = &clean
	}
	err := d.store.Write(ctx, func(tx *store.Tx) error {
		g, created, err := selectGroup(tx, id)
		if err != nil {
			return err
		}
		old := g
		if title != nil {
			g.Title = *title
		}
		if kind != nil {
			g.Kind = *kind
		}
		if toSender != nil {
			g.ToSender = *toSender
		}
		if err := updateGroup(tx, g); err != nil {
			return err
		}
		tx.AfterCommit(func() { d.view.putGroup(g, created) })
		if g.Title == old.Title && g.Kind == old.Kind {
			return nil // nothing that others see
		}
		return d.record(tx, groupRow(g, string(old.Kind)))
	})
	if err != nil {
		return fmt.Errorf("change group: %w", err)
	}
	return nil
}

// DeleteGroup removes a group, its address, its memberships and what OnPurge's hooks remove. fault.NotFound.
func (d *Directory) DeleteGroup(ctx context.Context, id ID) error {
	err := d.store.Write(ctx, func(tx *store.Tx) error {
		g, _, err := selectGroup(tx, id)
		if err != nil {
			return err
		}
		rows, err := memberRows(tx, `SELECT group_id, account_id FROM membership WHERE group_id = $1 ORDER BY account_id`, id)
		if err != nil {
			return err
		}
		if err := d.cleanUp(tx, id, true); err != nil {
			return err
		}
		if err := deletePrincipal(tx, id); err != nil {
			return err
		}
		tx.AfterCommit(func() { d.view.dropGroup(id) })
		return d.record(tx, append(rows, groupRow(g, string(g.Kind)))...)
	})
	if err != nil {
		return fmt.Errorf("delete group: %w", err)
	}
	return nil
}

// AddMembers adds accounts to a group, as owners or plain members; those who are in it already become what owner says.
// fault.NotFound, fault.Limit.
func (d *Directory) AddMembers(ctx context.Context, group ID, accounts []ID, owner bool) error {
	err := d.store.Write(ctx, func(tx *store.Tx) error {
		if _, _, err := selectGroup(tx, group); err != nil {
			return err
		}
		var rows []logRow
		for _, id := range accounts {
			if _, _, err := selectAccount(tx, id); err != nil {
				return err
			}
			fresh, err := upsertMember(tx, group, id, owner)
			if err != nil {
				return err
			}
			if fresh {
				rows = append(rows, memberRow(group, id, ""))
			}
		}
		n, err := count(tx, `SELECT COUNT(*) FROM membership WHERE group_id = $1`, int64(group))
		if err != nil {
			return fmt.Errorf("count members: %w", err)
		}
		if n > MaxMembers {
			return fault.New(fault.Limit, "a group has at most %d members", MaxMembers)
		}
		tx.AfterCommit(func() { d.view.putMembers(group, accounts, owner) })
		return d.record(tx, rows...)
	})
	if err != nil {
		return fmt.Errorf("add members: %w", err)
	}
	return nil
}

// RemoveMembers takes accounts out of a group. fault.NotFound: no such group, or one of them is not in it; then none is removed.
func (d *Directory) RemoveMembers(ctx context.Context, group ID, accounts []ID) error {
	err := d.store.Write(ctx, func(tx *store.Tx) error {
		g, _, err := selectGroup(tx, group)
		if err != nil {
			return err
		}
		var rows []logRow
		for _, id := range accounts {
			rows = append(rows, memberRow(group, id, wasMember))
			n, err := tx.Exec(`DELETE FROM membership WHERE group_id = $1 AND account_id = $2`, int64(group), int64(id))
			if err != nil {
				return fmt.Errorf("delete member: %w", err)
			}
			if n == 0 {
				who := "that account"
				if a, ok := d.view.account(id); ok {
					who = a.Address
				}
				return fault.New(fault.NotFound, "%s is not a member of %s", who, g.Name)
			}
		}
		tx.AfterCommit(func() { d.view.dropMembers(group, accounts) })
		return d.record(tx, rows...)
	})
	if err != nil {
		return fmt.Errorf("remove members: %w", err)
	}
	return nil
}

// Members lists a group's members by login, disabled ones too, deleted ones not. fault.NotFound.
func (d *Directory) Members(_ context.Context, group ID) ([]Member, error) {
	v := d.view
	v.mu.RLock()
	defer v.mu.RUnlock()
	g := v.groups[group]
	if g == nil {
		return nil, fault.New(fault.NotFound, "no such group")
	}
	list := make([]Member, 0, len(g.members))
	for _, m := range g.members {
		if m.account.State != Deleted {
			list = append(list, Member{Account: v.inForce(m.account), Owner: m.owner})
		}
	}
	return list, nil
}

// Membership tells whether account is a member of group, and whether as an owner.
func (d *Directory) Membership(group, account ID) (member, owner bool) {
	v := d.view
	v.mu.RLock()
	defer v.mu.RUnlock()
	e, g := v.accounts[account], v.groups[group]
	if e == nil || g == nil || !slices.Contains(e.groups, g) {
		return false, false
	}
	i, found := slices.BinarySearchFunc(g.members, e.Login, func(m memberEntry, login string) int { return cmp.Compare(m.account.Login, login) })
	return found, found && g.members[i].owner
}
