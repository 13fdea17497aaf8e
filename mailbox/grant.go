package mailbox

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// Grant is one line of a mailbox's access control list.
type Grant struct {
	Principal  directory.ID // Anyone, an account or a group
	Identifier string       // its login, or "anyone"
	Rights     Rights
}

// GrantMode says how a grant changes. RFC 4314 §3.1.
type GrantMode uint8

// The modes of SETACL: rights, +rights, -rights.
const (
	GrantReplace GrantMode = iota
	GrantAdd
	GrantRemove
)

// Access lists who may do what with a mailbox: first those who always may everything, then the grants, each by name. who needs the right
// to administer it. RFC 4314 §3.3.
func (m *Mail) Access(ctx context.Context, who directory.ID, name string) ([]Grant, error) {
	b, err := m.lookup(ctx, who, name, RightAdmin)
	if err != nil {
		return nil, err
	}
	var list []Grant
	if a, err := m.dir.Account(ctx, b.Owner); err == nil {
		list = append(list, Grant{b.Owner, a.Login, AllRights})
	} else {
		members, err := m.dir.Members(ctx, b.Owner)
		if err != nil {
			return nil, err
		}
		for _, member := range members {
			if member.Owner {
				list = append(list, Grant{member.Account.ID, member.Account.Login, AllRights})
			}
		}
	}
	first := len(list)
	for principal, r := range m.shares.grants(b.ID) {
		always := slices.ContainsFunc(list[:first], func(g Grant) bool { return g.Principal == principal })
		if name := m.identifier(ctx, principal); name != "" && !always {
			list = append(list, Grant{principal, name, r})
		}
	}
	slices.SortFunc(list[first:], func(a, b Grant) int { return strings.Compare(a.Identifier, b.Identifier) })
	return list, nil
}

// identifier is the name of a principal in an access control list.
func (m *Mail) identifier(ctx context.Context, principal directory.ID) string {
	if principal == Anyone {
		return anyoneName
	}
	if a, err := m.dir.Account(ctx, principal); err == nil {
		return a.Login
	}
	g, err := m.dir.GroupByID(principal)
	if err != nil {
		return ""
	}
	return g.Name
}

var errNobody = fault.New(fault.Refused, "no account or group is called that")

// principal is whom an identifier means: anyone, or an account or group by login or address. Rights that are taken from somebody ("-anna")
// are not supported. fault.Refused. RFC 4314 §2.
func (m *Mail) principal(ctx context.Context, identifier string) (directory.ID, error) {
	if identifier == anyoneName {
		return Anyone, nil
	}
	if strings.HasPrefix(identifier, "-") {
		return 0, fault.New(fault.Refused, "negative rights are not supported")
	}
	if a, err := m.dir.AccountByAddress(ctx, identifier); err == nil {
		return a.ID, nil
	}
	g, err := m.dir.Group(ctx, identifier)
	if err != nil {
		return 0, errNobody
	}
	return g.ID, nil
}

// always reports a principal whose rights to owner's mailboxes cannot be changed.
func (m *Mail) always(principal, owner directory.ID) bool {
	_, leads := m.dir.Membership(owner, principal)
	return leads || principal == owner && !m.isGroup(owner)
}

func (m *Mail) isGroup(id directory.ID) bool {
	_, err := m.dir.GroupByID(id)
	return err == nil
}

// Grantable tells what an identifier always may, and what it can be granted. who needs the right to administer the mailbox. RFC 4314 §3.4.
func (m *Mail) Grantable(ctx context.Context, who directory.ID, name, identifier string) (always, optional Rights, err error) {
	b, err := m.lookup(ctx, who, name, RightAdmin)
	if err != nil {
		return 0, 0, err
	}
	principal, err := m.principal(ctx, identifier)
	if err != nil {
		return 0, 0, err
	}
	if m.always(principal, b.Owner) {
		return AllRights, 0, nil
	}
	return 0, AllRights, nil
}

// SetRights changes what an identifier may do with a mailbox; none left removes it from the list. who needs the right to administer it, and pupils
// share no mailboxes of their own. fault.NotFound, Forbidden, Refused, Limit. RFC 4314 §3.1, §3.2.
func (m *Mail) SetRights(ctx context.Context, who directory.ID, name, identifier string, mode GrantMode, r Rights) error {
	b, err := m.lookup(ctx, who, name, RightAdmin)
	if err != nil {
		return err
	}
	if a, err := m.dir.Account(ctx, b.Owner); err == nil && a.Role == directory.Student {
		return fault.New(fault.Refused, "pupils do not share their mailboxes; the administrator can")
	}
	return m.setRights(ctx, b, identifier, mode, r)
}

// AdministerRights is SetRights by the administrator, who may share every owner's mailboxes. name is the owner's.
func (m *Mail) AdministerRights(ctx context.Context, owner directory.ID, name, identifier string, mode GrantMode, r Rights) error {
	b, err := m.lookup(ctx, owner, name, 0)
	if err != nil {
		return err
	}
	return m.setRights(ctx, b, identifier, mode, r)
}

func (m *Mail) setRights(ctx context.Context, b Mailbox, identifier string, mode GrantMode, r Rights) error {
	principal, err := m.principal(ctx, identifier)
	if err != nil {
		return err
	}
	if m.always(principal, b.Owner) {
		return fault.New(fault.Refused, "%s always has every right here", identifier)
	}
	return m.store.Write(ctx, func(tx *store.Tx) error { return m.setRightsIn(tx, &b, principal, mode, r) })
}

// setRightsIn changes one line of b's list. What it decides on it reads in tx: the rights in memory lack what others did in the same commit.
func (m *Mail) setRightsIn(tx *store.Tx, b *Mailbox, principal directory.ID, mode GrantMode, r Rights) error {
	if err := stillThere(tx, b.ID); err != nil {
		return err
	}
	var old Rights
	err := tx.QueryRow(`SELECT rights FROM mailbox_right WHERE mailbox_id = $1 AND principal_id = $2`, int64(b.ID), int64(principal)).Scan(&old)
	if err != nil && !isNoRows(err) {
		return fmt.Errorf("read rights: %w", err)
	}
	now := r
	switch mode {
	case GrantAdd:
		now = old | r
	case GrantRemove:
		now = old &^ r
	case GrantReplace:
	}
	if now == old {
		return nil
	}
	if old == 0 {
		if err := m.stillKnown(tx, principal); err != nil {
			return err
		}
		if err := roomForGrants(tx, b.Owner, 1); err != nil {
			return err
		}
	}
	return m.grant(tx, b.ID, b.Owner, principal, now)
}

// grant writes one line of a mailbox's list; it wakes those who have the mailbox open, and whom it is about: their list changes.
func (m *Mail) grant(tx *store.Tx, id ID, owner, principal directory.ID, r Rights) error {
	query, args := `DELETE FROM mailbox_right WHERE mailbox_id = $1 AND principal_id = $2`, []any{int64(id), int64(principal)}
	if r != 0 {
		query = `INSERT INTO mailbox_right (mailbox_id, principal_id, rights) VALUES ($1, $2, $3)
			ON CONFLICT (mailbox_id, principal_id) DO UPDATE SET rights = excluded.rights`
		args = append(args, int64(r))
	}
	if _, err := tx.Exec(query, args...); err != nil {
		return fmt.Errorf("grant rights: %w", err)
	}
	tx.Changed(Key(id), 0)
	tx.Changed(ListKey(principal), 0)
	tx.AfterCommit(func() { m.shares.put(id, owner, principal, r) })
	return nil
}

// inherited are the grants that new mailboxes get, by their place in names: those of the one of list that governs each. fault.Limit.
// RFC 4314 §4 (CREATE).
func (m *Mail) inherited(tx *store.Tx, owner directory.ID, names []string, list []Mailbox) (grants [][]Grant, err error) {
	grants, n := make([][]Grant, len(names)), 0
	for i, name := range names {
		above := m.governing(owner, name, list)
		if above == nil {
			continue
		}
		if grants[i], err = grantsOf(tx, above.ID); err != nil {
			return nil, err
		}
		n += len(grants[i])
	}
	if n == 0 {
		return grants, nil
	}
	return grants, roomForGrants(tx, owner, n)
}

// insertShared is insertBox with grants.
func (m *Mail) insertShared(tx *store.Tx, b *Mailbox, grants []Grant) error {
	if err := insertBox(tx, b); err != nil {
		return err
	}
	for _, g := range grants {
		if err := m.grant(tx, b.ID, b.Owner, g.Principal, g.Rights); err != nil {
			return err
		}
	}
	return nil
}

// governing is the one of owner's mailboxes whose rights hold for a new one called name: the nearest above it, at the top of a group's the
// INBOX. nil: there is none, at the top of a person's own.
func (m *Mail) governing(owner directory.ID, name string, list []Mailbox) *Mailbox {
	above := nearest(name, list)
	if above == nil && m.isGroup(owner) {
		above = nearest(inbox+delimiter, list)
	}
	return above
}

// nearest is the closest of list that stands above name; nil: none.
func nearest(name string, list []Mailbox) (found *Mailbox) {
	for i := range list {
		if isBelow(name, list[i].Name) && (found == nil || len(list[i].Name) > len(found.Name)) {
			found = &list[i]
		}
	}
	return found
}

// MayPost reports whether account was granted to write mail in the name of address: the right p on the INBOX of the account or group that has it.
func (m *Mail) MayPost(ctx context.Context, account directory.ID, address string) (bool, error) {
	owner, err := m.principal(ctx, address)
	if err != nil || owner == Anyone || m.shares.of(owner) == 0 {
		return false, nil
	}
	b, err := m.lookup(ctx, owner, inbox, 0)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil && m.rights(account, b.ID, owner).Has(RightPost), err
}
