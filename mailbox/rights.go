package mailbox

import (
	"context"
	"strings"

	"schulhof/directory"
	"schulhof/store/fault"
)

// Rights is a set of what RFC 4314 §2.1 lets one do with a mailbox.
type Rights uint16

// The rights, in the order in which they are written.
const (
	RightLookup   Rights = 1 << iota // l: see its name
	RightRead                        // r: open it
	RightSeen                        // s: keep one's own \Seen
	RightWrite                       // w: the other flags
	RightInsert                      // i: append and copy into it
	RightPost                        // p: write mail in the owner's name
	RightCreate                      // k: create below it
	RightDelete                      // x: delete and rename it
	RightTrash                       // t: \Deleted
	RightExpunge                     // e: remove what has \Deleted
	RightAdmin                       // a: change rights
	AllRights     = RightAdmin<<1 - 1
	readers       = RightLookup | RightRead | RightSeen
	anyRight      = RightLookup | RightRead | RightInsert | RightCreate | RightDelete | RightAdmin // what MYRIGHTS asks one of
	rightLetters  = "lrswipkxtea"
	virtualCreate = RightCreate | RightDelete // c of RFC 2086
	virtualDelete = RightExpunge | RightTrash // d of RFC 2086
)

// Anyone is everybody who has an account.
const (
	Anyone     directory.ID = 0
	anyoneName              = "anyone"
)

// ParseRights reads letters; c and d of RFC 2086 are kx and et. fault.Invalid names a letter that is no right. RFC 4314 §2.1.1.
func ParseRights(letters string) (r Rights, err error) {
	for _, c := range letters {
		switch i := strings.IndexRune(rightLetters, c); {
		case i >= 0:
			r |= 1 << i
		case c == 'c':
			r |= virtualCreate
		case c == 'd':
			r |= virtualDelete
		default:
			return 0, fault.New(fault.Invalid, "%q is no right: want some of lrswipkxteacd", c)
		}
	}
	return r, nil
}

// String is r's letters.
func (r Rights) String() string {
	b := make([]byte, 0, len(rightLetters))
	for i := range len(rightLetters) {
		if r&(1<<i) != 0 {
			b = append(b, rightLetters[i])
		}
	}
	return string(b)
}

// Compatible is r's letters with c and d for clients that only know RFC 2086: RFC 4314 §2.1.1.
func (r Rights) Compatible() string {
	s := r.String()
	if r&virtualCreate != 0 {
		s += "c"
	}
	if r&virtualDelete != 0 {
		s += "d"
	}
	return s
}

// Has reports whether r includes all of need.
func (r Rights) Has(need Rights) bool { return r&need == need }

// Flags are those that r lets one change. RFC 4314 §4.
func (r Rights) Flags() (f Flags) {
	if r.Has(RightSeen) {
		f |= Seen
	}
	if r.Has(RightTrash) {
		f |= DeletedFlag
	}
	if r.Has(RightWrite) {
		f |= allFlags &^ (Seen | DeletedFlag)
	}
	return f
}

// rights is the only place that decides who may do what with a mailbox: its owner everything, so does who owns the group that it belongs to,
// everybody else what was granted to them, to a group of theirs, or to anyone.
func (m *Mail) rights(who directory.ID, id ID, owner directory.ID) Rights {
	if who == owner {
		return AllRights
	}
	if _, leads := m.dir.Membership(owner, who); leads {
		return AllRights
	}
	return m.shares.granted(id, who, func(principal directory.ID) bool {
		member, _ := m.dir.Membership(principal, who)
		return member
	})
}

// allow asks whether who may do what need says with b. fault.NotFound for those who may not even know of it, else fault.Forbidden.
func (m *Mail) allow(who directory.ID, b *Mailbox, need Rights) error {
	if who == b.Owner {
		return nil
	}
	return refuse(m.rights(who, b.ID, b.Owner), need)
}

// RightsOn is what who may do with b.
func (m *Mail) RightsOn(who directory.ID, b *Mailbox) Rights { return m.rights(who, b.ID, b.Owner) }

func refuse(have, need Rights) error {
	switch {
	case have.Has(need):
		return nil
	case have&(RightLookup|RightRead) == 0:
		return fault.New(fault.NotFound, "no such mailbox")
	}
	return fault.New(fault.Forbidden, "that needs the right %s", need&^have)
}

// MyRights tells what who may do with the mailbox name. fault.NotFound also for those who may do nothing. RFC 4314 §3.5.
func (m *Mail) MyRights(ctx context.Context, who directory.ID, name string) (Rights, error) {
	b, err := m.lookup(ctx, who, name, 0)
	if err != nil {
		return 0, err
	}
	r := m.rights(who, b.ID, b.Owner)
	if r&anyRight == 0 {
		return 0, fault.New(fault.NotFound, "no such mailbox")
	}
	return r, nil
}
