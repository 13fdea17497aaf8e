package collection

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"

	"schulhof/dav/vcard"
	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// The school directory is an address book in every account's contacts home that is nowhere stored: a view of what directory.Visible says.
// Its sync token is the directory's own count of changes, with the words that are on the cards. Cards are vCard 3.0, which every client reads; a card is made of what the
// directory knows of a person or group and of nothing about the reader, so it has the same ETag for everybody.

// cardSuffix ends the name of each card, after the login name.
const cardSuffix = ".vcf"

// card is a composed card.
type card struct {
	of    directory.Contact // what it was made of
	uid   string
	etag  string
	bytes []byte
}

// cards keeps composed cards as long as what they are made of stays the same.
type cards struct {
	mu  sync.Mutex
	all map[directory.ID]*card
}

// sameCard tells whether two states of a principal make the same card.
func sameCard(a, b *directory.Contact) bool {
	return a.Account.Name == b.Account.Name && a.Account.Given == b.Account.Given && a.Account.Family == b.Account.Family &&
		a.Account.Address == b.Account.Address && a.Account.Role == b.Account.Role &&
		a.Group.Title == b.Group.Title && a.Group.Name == b.Group.Name && a.Group.Address == b.Group.Address && slices.Equal(a.Members, b.Members)
}

// card composes the card of a contact, or finds it.
func (c *Collections) card(of directory.Contact) *card {
	id := of.ID()
	c.cards.mu.Lock()
	made := c.cards.all[id]
	c.cards.mu.Unlock()
	if made != nil && sameCard(&made.of, &of) {
		return made
	}
	made = &card{of: of}
	if of.Group.ID != 0 {
		made.uid = cardUID(id, of.Group.Address)
		made.bytes = c.groupCard(made.uid, &of)
	} else {
		made.uid = cardUID(id, of.Account.Address)
		made.bytes = c.personCard(made.uid, &of.Account)
	}
	made.etag = etagText(etagOf(sha256.Sum256(made.bytes)))
	c.cards.mu.Lock()
	defer c.cards.mu.Unlock()
	if len(c.cards.all) >= maxCards {
		clear(c.cards.all)
	}
	c.cards.all[id] = made
	return made
}

func (c *Collections) personCard(uid string, a *directory.Account) []byte {
	p := vcard.Person{UID: uid, FN: a.Name, Family: a.Family, Given: a.Given, Emails: []string{a.Address}, Org: c.opts.Words.School}
	if p.FN == "" {
		p.FN = a.Login
	}
	switch a.Role {
	case directory.Teacher:
		p.Role = c.opts.Words.Teacher
	case directory.Staff, directory.Admin:
		p.Role = c.opts.Words.Staff
	}
	return p.Card(vcard.Version3)
}

func (c *Collections) groupCard(uid string, of *directory.Contact) []byte {
	g := vcard.Group{UID: uid, FN: of.Group.Title, Email: of.Group.Address}
	if g.FN == "" {
		g.FN = of.Group.Name
	}
	for _, m := range of.Members {
		g.Members = append(g.Members, cardUID(m.ID, m.Address))
	}
	return g.Card(vcard.Version3)
}

// cardUID is a UUID (RFC 9562 §5.8) that a principal keeps for ever: programs find the members of a group by it.
func cardUID(id directory.ID, address string) string {
	b := sha256.Sum256(fmt.Appendf(nil, "%d %s", id, address))
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// bookPath is the path of the directory in the home that r is in.
func (r *route) bookPath() Path {
	p := r.path
	p.Segments = p.Segments[:1:1]
	return p
}

// resolveBook is Resolve for the directory and its cards.
func (c *Collections) resolveBook(ctx context.Context, r *route) (n Node, err error) {
	switch len(r.names) {
	case 0:
		return c.bookNode(r), nil
	case 1:
		contact, err := c.contact(ctx, r, r.names[0])
		if err != nil {
			return n, err
		}
		return c.cardNode(r, contact), nil
	}
	return n, errNotFound()
}

// contact is whom the card name is of.
func (c *Collections) contact(ctx context.Context, r *route, name string) (directory.Contact, error) {
	login, ok := strings.CutSuffix(name, cardSuffix)
	if !ok {
		return directory.Contact{}, errNotFound()
	}
	return c.dir.VisibleByLogin(ctx, r.access.who.ID, login)
}

func (c *Collections) bookNode(r *route) Node {
	return Node{Path: r.bookPath(), Kind: DirectoryBook, In: ContactsHome, Privileges: Privileges{Read: true},
		DefaultTitle: c.opts.Words.Directory, Token: c.bookToken(c.dir.ListSeq())}
}

// bookToken is the directory's token at a change of the accounts and groups. It names the words on the cards in place of a collection: when the
// school's language changes every card does, of which no log tells, and a token of before is refused.
func (c *Collections) bookToken(seq uint64) Token { return Token{Collection: c.printing, ModSeq: seq} }

// printingOf tells apart cards that bear other words.
func printingOf(w *Words) ID {
	b := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", w.School, w.Teacher, w.Staff))
	return ID(binary.BigEndian.Uint64(b[:]) >> 1) // positive, as Token.String wants it
}

func (c *Collections) cardNode(r *route, of directory.Contact) Node {
	made := c.card(of)
	return Node{Path: r.bookPath().Child(of.Login() + cardSuffix), Kind: Object, In: DirectoryBook, Privileges: Privileges{Read: true},
		Created: of.Account.Created, Modified: of.Account.Created,
		ETag: made.etag, Size: int64(len(made.bytes)), ContentType: "text/vcard;charset=utf-8", UID: made.uid, card: made.bytes}
}

// bookCards are the cards that the owner of the home sees, by name.
func (c *Collections) bookCards(ctx context.Context, r *route) ([]Node, error) {
	contacts, _, err := c.dir.Visible(ctx, r.access.who.ID)
	if err != nil {
		return nil, err
	}
	list := make([]Node, len(contacts))
	for i := range contacts {
		list[i] = c.cardNode(r, contacts[i])
	}
	return list, nil
}

// bookChanges is Changes for the directory. It is told in one piece: a view has no order of changes in which it could be cut.
func (c *Collections) bookChanges(ctx context.Context, r *route, since Token) (ch Changes, err error) {
	if since != (Token{}) && since.Collection != c.printing {
		return ch, errExpired()
	}
	var changed []directory.Contact
	var gone []string
	var seq uint64
	if since.ModSeq == 0 {
		changed, seq, err = c.dir.Visible(ctx, r.access.who.ID)
	} else {
		changed, gone, seq, err = c.dir.VisibleSince(ctx, r.access.who.ID, since.ModSeq)
	}
	if fault.Is(err, fault.Expired) {
		return ch, errExpired()
	}
	if err != nil {
		return ch, err
	}
	ch.Next = c.bookToken(seq)
	for i := range changed {
		ch.Changed = append(ch.Changed, c.cardNode(r, changed[i]))
	}
	for _, login := range gone {
		ch.Removed = append(ch.Removed, login+cardSuffix)
	}
	return ch, nil
}

// eachCard yields the cards of nodes.
func eachCard(nodes []Node, yield func(Found, error) bool) {
	for _, n := range nodes {
		if !yield(Found{Node: n, Bytes: n.card}, nil) {
			return
		}
	}
}

// Key is the feed key that wakes when n's members change.
func (n Node) Key() store.Key {
	if n.Kind == DirectoryBook {
		return directory.ListKey()
	}
	return Key(n.ID)
}

// fetchCards is Fetch for the directory.
func (c *Collections) fetchCards(ctx context.Context, r *route, names []string, yield func(Found, error) bool) {
	for _, name := range names {
		f := Found{Node: Node{Path: r.bookPath().Child(name)}, Missing: true}
		contact, err := c.contact(ctx, r, name)
		switch {
		case err == nil:
			n := c.cardNode(r, contact)
			f = Found{Node: n, Bytes: n.card}
		case !fault.Is(err, fault.NotFound):
			yield(Found{}, err)
			return
		}
		if !yield(f, nil) {
			return
		}
	}
}
