package mailbox

import (
	"context"
	"slices"
	"strings"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// specialUses are the mailboxes that every account gets, and the uses that CREATE may name (RFC 6154).
var specialUses = [...]struct{ name, use string }{ //nolint:gochecknoglobals // a constant table
	{"Drafts", `\Drafts`}, {"Sent", `\Sent`}, {"Junk", `\Junk`}, {"Trash", `\Trash`}, {"Archive", `\Archive`},
}

// Mailboxes lists who's own, sorted by name bytes with INBOX first; parents that were never created appear as NoSelect.
func (m *Mail) Mailboxes(ctx context.Context, who directory.ID) (list []Mailbox, err error) {
	err = m.store.Read(ctx, func(tx *store.Tx) error {
		list, err = m.listIn(tx, who)
		return err
	})
	return list, err
}

func (m *Mail) listIn(tx *store.Tx, who directory.ID) ([]Mailbox, error) {
	list, err := boxesOf(tx, who)
	if err != nil {
		return nil, err
	}
	return m.withLevels(tx, who, list)
}

// withLevels adds the levels above list's mailboxes that are none, marks what who has subscribed to, and sorts.
func (m *Mail) withLevels(tx *store.Tx, who directory.ID, list []Mailbox) ([]Mailbox, error) {
	names, err := subscribedNames(tx, who)
	if err != nil {
		return nil, err
	}
	have := make(map[string]bool, len(list))
	for i := range list {
		have[list[i].Name] = true
	}
	for _, b := range list {
		for _, p := range parents(b.Name) {
			if !have[p] {
				have[p] = true
				list = append(list, Mailbox{Owner: who, Name: p, NoSelect: true})
			}
		}
	}
	for i := range list {
		_, list[i].Subscribed = slices.BinarySearch(names, list[i].Name)
	}
	slices.SortFunc(list, byName)
	return list, nil
}

// Subscriptions lists subscribed names, also of mailboxes that no longer exist, sorted by bytes.
func (m *Mail) Subscriptions(ctx context.Context, who directory.ID) (names []string, err error) {
	err = m.store.Read(ctx, func(tx *store.Tx) error {
		names, err = subscribedNames(tx, who)
		return err
	})
	return names, err
}

// Lookup finds a mailbox with which who may do what need says. fault.NotFound, Forbidden, Invalid. Subscribed is not filled in.
func (m *Mail) Lookup(ctx context.Context, who directory.ID, name string, need Rights) (Mailbox, error) {
	b, err := m.lookup(ctx, who, name, need)
	if err != nil {
		return b, err
	}
	return m.asSeenBy(who, b), nil
}

// lookup is Lookup; the mailbox's name is its owner's for it.
func (m *Mail) lookup(ctx context.Context, who directory.ID, name string, need Rights) (b Mailbox, err error) {
	if name, err = CleanName(name); err != nil {
		return b, err
	}
	b, ok, changes := m.known.find(who, name)
	if ok {
		return b, m.allow(who, &b, need)
	}
	err = m.store.Read(ctx, func(tx *store.Tx) error {
		b, err = m.locate(tx, who, name, need)
		return err
	})
	if err == nil {
		m.known.learn(b, changes)
	}
	return b, err
}

// locate finds what name, cleaned, means to who, and asks for the rights. What belongs to others is found by its owner's name.
func (m *Mail) locate(tx *store.Tx, who directory.ID, name string, need Rights) (Mailbox, error) {
	b, err := boxByName(tx, who, name)
	if isNoRows(err) {
		if owner, path, ok := m.resolve(who, name); ok {
			b, err = boxByName(tx, owner, path)
		}
	}
	if isNoRows(err) {
		return b, fault.New(fault.NotFound, "no such mailbox")
	}
	if err != nil {
		return b, err
	}
	return b, m.allow(who, &b, need)
}

// Create makes name and its missing parents. A trailing "/" is ignored. fault: AlreadyExists, Invalid (name), Limit, Forbidden. use: "" or a special
// use (fault.Refused with "USEATTR" meaning if unsupported or taken). RFC 9051 §6.3.4, RFC 6154 §3.
func (m *Mail) Create(ctx context.Context, who directory.ID, name, use string) (b Mailbox, err error) {
	if name, err = CleanName(strings.TrimSuffix(name, delimiter)); err != nil {
		return b, err
	}
	if use != "" {
		i := slices.IndexFunc(specialUses[:], func(s struct{ name, use string }) bool { return strings.EqualFold(s.use, use) })
		if i < 0 || name == inbox {
			return b, fault.New(fault.Refused, "that special use is not supported here")
		}
		use = specialUses[i].use
	}
	err = m.store.Write(ctx, func(tx *store.Tx) error {
		if Reserved(name) {
			b, err = m.createShared(tx, who, name, use)
			return err
		}
		b, err = m.createIn(tx, who, name, use)
		return err
	})
	return b, err
}

func (m *Mail) createIn(tx *store.Tx, who directory.ID, name, use string) (b Mailbox, err error) {
	list, err := boxesOf(tx, who)
	if err != nil {
		return b, err
	}
	have := make(map[string]bool, len(list))
	for _, other := range list {
		have[other.Name] = true
		if use != "" && other.SpecialUse == use {
			return b, fault.New(fault.Refused, "another mailbox has that special use")
		}
	}
	if have[name] {
		return b, fault.New(fault.AlreadyExists, "the mailbox exists")
	}
	missing := slices.DeleteFunc(append(parents(name), name), func(n string) bool { return have[n] })
	if len(list)+len(missing) > m.opts.MaxBoxes {
		return b, fault.New(fault.Limit, "no more than %d mailboxes", m.opts.MaxBoxes)
	}
	grants, err := m.inherited(tx, who, missing, list)
	if err != nil {
		return b, err
	}
	validity, err := m.listChanged(tx, who, len(missing))
	if err != nil {
		return b, err
	}
	for i, n := range missing {
		b = Mailbox{Owner: who, Name: n, UIDValidity: validity + uint32(i)}
		if n == name {
			b.SpecialUse = use
		}
		if err := m.insertShared(tx, &b, grants[i]); err != nil {
			return b, err
		}
	}
	return b, nil
}

// Delete removes a mailbox and its messages; inferiors stay, and it becomes a mere level above them. It vanishes at once, its rows go
// slice by slice. fault.Refused: INBOX, or such a level. fault.NotFound. RFC 9051 §6.3.5.
func (m *Mail) Delete(ctx context.Context, who directory.ID, name string) error {
	name, err := CleanName(name)
	if err != nil {
		return err
	}
	if name == inbox {
		return fault.New(fault.Refused, "INBOX cannot be deleted")
	}
	err = m.store.Write(ctx, func(tx *store.Tx) error { return m.deleteIn(tx, who, name) })
	if err == nil {
		m.wakeJanitor()
	}
	return err
}

func (m *Mail) deleteIn(tx *store.Tx, who directory.ID, name string) error {
	b, err := m.locate(tx, who, name, RightDelete)
	if fault.Is(err, fault.NotFound) {
		list, err := boxesOf(tx, who)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(list, func(b Mailbox) bool { return isBelow(b.Name, name) }) {
			return fault.New(fault.Refused, "the name has mailboxes below it")
		}
		return fault.New(fault.NotFound, "no such mailbox")
	}
	if err == nil && b.Name == inbox {
		err = fault.New(fault.Refused, "INBOX cannot be deleted")
	}
	if err != nil {
		return err
	}
	var modseq uint64
	var size, messages int64
	err = tx.QueryRow(`DELETE FROM mailbox WHERE id = $1 RETURNING modseq, size, messages`, int64(b.ID)).Scan(&modseq, &size, &messages)
	if err != nil {
		return err
	}
	if err := charge(tx, b.Owner, -size, -messages, 0); err != nil {
		return err
	}
	if _, err := tx.Exec(`INSERT INTO mailbox_gone (mailbox_id) VALUES ($1)`, int64(b.ID)); err != nil {
		return err
	}
	if _, err := m.listChanged(tx, b.Owner, 0); err != nil {
		return err
	}
	tx.Changed(Key(b.ID), modseq+1)
	tx.AfterCommit(func() { m.views.deleted(b.ID) })
	if _, err := tx.Exec(`DELETE FROM mailbox_metadata WHERE mailbox_id = $1`, int64(b.ID)); err != nil {
		return err
	}
	return m.dropRights(tx, b.ID)
}

// Subscribe adds name to the subscriptions of who, or takes it away. The mailbox need not exist. RFC 9051 §6.3.7.
func (m *Mail) Subscribe(ctx context.Context, who directory.ID, name string, on bool) error {
	name, err := CleanName(name)
	if err != nil {
		return err
	}
	return m.store.Write(ctx, func(tx *store.Tx) error {
		names, err := subscribedNames(tx, who)
		if err != nil {
			return err
		}
		if _, is := slices.BinarySearch(names, name); is == on {
			return nil
		}
		if on && len(names) >= MaxSubscriptions {
			return fault.New(fault.Limit, "no more than %d subscriptions", MaxSubscriptions)
		}
		query := `INSERT INTO subscription (owner_id, name) VALUES ($1, $2)`
		if !on {
			query = `DELETE FROM subscription WHERE owner_id = $1 AND name = $2`
		}
		if _, err := tx.Exec(query, int64(who), name); err != nil {
			return err
		}
		_, err = m.listChanged(tx, who, 0)
		return err
	})
}
