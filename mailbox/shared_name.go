package mailbox

import (
	"context"
	"slices"
	"strings"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// Where a person sees what belongs to others: under the login of the account or group. INBOX is that name itself, other mailboxes stand
// below it. RFC 2342.
const (
	OtherUsers  = "Other Users"
	SharedRoot  = "Shared"
	othersStart = OtherUsers + delimiter
	sharedStart = SharedRoot + delimiter
)

// Reserved reports a name that is no person's own; those that people had before it was are still found.
func Reserved(name string) bool {
	return name == OtherUsers || name == SharedRoot || strings.HasPrefix(name, othersStart) || strings.HasPrefix(name, sharedStart)
}

// resolve takes a name of somebody else's mailbox apart: whose it is, and what the owner calls it. It asks for no right.
func (m *Mail) resolve(who directory.ID, name string) (owner directory.ID, path string, ok bool) {
	rest, others := strings.CutPrefix(name, othersStart)
	if !others {
		if rest, ok = strings.CutPrefix(name, sharedStart); !ok {
			return 0, "", false
		}
	}
	login, path, below := strings.Cut(rest, delimiter)
	if !below {
		path = inbox
	} else if clean, err := CleanName(path); err != nil || clean == inbox {
		return 0, "", false // INBOX has one name only
	} else {
		path = clean
	}
	if others {
		a, err := m.dir.AccountByAddress(context.Background(), login)
		return a.ID, path, err == nil && a.Login == login && a.ID != who
	}
	g, err := m.dir.Group(context.Background(), login)
	return g.ID, path, err == nil && g.Name == login
}

// nameFor is what who calls owner's mailbox path; "" if there is no such name.
func (m *Mail) nameFor(who, owner directory.ID, path string) string {
	if who == owner {
		return path
	}
	start := m.nameOf(owner)
	if start == "" || path == inbox {
		return start
	}
	return start + delimiter + path
}

// pathOf is what who calls owner's mailbox now; "" if it is gone.
func (m *Mail) pathOf(ctx context.Context, who directory.ID, id ID, owner directory.ID) (path string, err error) {
	err = m.store.Read(ctx, func(tx *store.Tx) error {
		err := tx.QueryRow(`SELECT name FROM mailbox WHERE id = $1`, int64(id)).Scan(&path)
		if isNoRows(err) {
			return nil
		}
		return err
	})
	if path != "" {
		path = m.nameFor(who, owner, path)
	}
	return path, err
}

// nameOf is what others call owner's INBOX.
func (m *Mail) nameOf(owner directory.ID) string {
	start, login := sharedStart, ""
	if g, err := m.dir.GroupByID(owner); err == nil {
		login = g.Name
	} else if a, err := m.dir.Account(context.Background(), owner); err == nil {
		start, login = othersStart, a.Login
	}
	if login == "" || strings.Contains(login, delimiter) {
		return ""
	}
	return start + login
}

// asSeenBy is b with the name that who uses.
func (m *Mail) asSeenBy(who directory.ID, b Mailbox) Mailbox {
	if who != b.Owner {
		b.Name, b.SpecialUse = m.nameFor(who, b.Owner, b.Name), ""
	}
	return b
}

// Visible lists all that who may see: their own as Mailboxes does, and what others share. Levels that are no mailboxes, or whose
// mailbox who may not see, appear as NoSelect. RFC 4314 §4 (LIST).
func (m *Mail) Visible(ctx context.Context, who directory.ID) (list []Mailbox, err error) {
	owners, err := m.sharers(ctx, who)
	if err != nil {
		return nil, err
	}
	err = m.store.Read(ctx, func(tx *store.Tx) error {
		if list, err = boxesOf(tx, who); err != nil {
			return err
		}
		have := make(map[string]bool, len(list))
		for i := range list {
			have[list[i].Name] = true
		}
		for _, owner := range owners {
			boxes, err := boxesOf(tx, owner)
			if err != nil {
				return err
			}
			for _, b := range boxes {
				if !m.rights(who, b.ID, owner).Has(RightLookup) {
					continue
				}
				if b = m.asSeenBy(who, b); b.Name != "" && !have[b.Name] { // an own one from before the name was reserved comes first
					list = append(list, b)
				}
			}
		}
		list, err = m.withLevels(tx, who, list)
		return err
	})
	return list, err
}

// sharers are the owners of mailboxes, other than who, of which who may see some, ascending.
func (m *Mail) sharers(ctx context.Context, who directory.ID) ([]directory.ID, error) {
	groups, err := m.dir.GroupsOf(ctx, who)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	owners := map[directory.ID]bool{}
	principals := []directory.ID{who, Anyone}
	for _, g := range groups {
		principals = append(principals, g.ID)
		if _, leads := m.dir.Membership(g.ID, who); leads {
			owners[g.ID] = true
		}
	}
	m.shares.owners(owners, principals...)
	delete(owners, who)
	list := make([]directory.ID, 0, len(owners))
	for owner := range owners {
		list = append(list, owner)
	}
	slices.Sort(list)
	return list, nil
}
