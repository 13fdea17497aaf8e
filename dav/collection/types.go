package collection

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"schulhof/directory"
	"schulhof/store"
)

// ID names an entry for ever: it stays when the entry is moved.
type ID int64

// Kind is what an entry is. The values are stored.
type Kind uint8

// The kinds.
const (
	Object        Kind = iota // a file, calendar object or card
	Folder                    // holds files and folders
	Calendar                  // holds calendar objects
	AddressBook               // holds cards
	CalendarHome              // holds calendars
	ContactsHome              // holds address books
	GroupList                 // the list of one's groups' folders; not stored
	DirectoryBook             // the school directory as an address book; not stored
)

// IsCollection reports whether an entry of this kind has members.
func (k Kind) IsCollection() bool { return k != Object }

// Node is an entry as the one who asked sees it.
type Node struct {
	Path         Path
	ID           ID
	Kind         Kind
	In           Kind         // the kind of collection it is in; Object for a top
	Owner        directory.ID // the account or group whose it is; 0 for what is not stored
	Privileges   Privileges
	Created      time.Time
	Modified     time.Time
	Properties   int    // how many stored properties it has
	DefaultTitle string // of collections: what to call it when no displayname is stored

	// of objects
	ETag        string // without quotes
	Size        int64
	ContentType string
	UID         string
	Component   string // of calendar objects

	// of collections
	Token      Token    // what Changes takes; the zero Token where Changes does not work
	Components []string // of calendars

	blob store.BlobID
	at   store.Location // Size 0 and Length 0: not known
	card []byte         // of what is computed
}

// Name is the last name of the path; "" at the top.
func (n Node) Name() string {
	if len(n.Path.Segments) == 0 {
		return ""
	}
	return n.Path.Segments[len(n.Path.Segments)-1]
}

// Privileges are what someone may do with an entry. RFC 3744 §3.
type Privileges struct {
	Read            bool
	Write           bool // change the bytes of the object, or of every object in the collection
	WriteProperties bool
	Bind            bool // make members
	Unbind          bool // remove members
	BreakLocks      bool // remove locks of others
	Delete          bool // remove the entry itself
}

// Key is the feed key of a collection: it wakes on any change of its members.
func Key(id ID) store.Key { return store.Key{Kind: "collection", ID: int64(id)} }

// etagBytes is how much of a content's hash makes its ETag: nobody finds two contents with the same 128 bits by chance.
const etagBytes = 16

func etagText(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func etagOf(h store.Hash) []byte { return append([]byte(nil), h[:etagBytes]...) }

// Token says up to which change someone knows a collection. As text it is the sync token's distinguishing part and the CTag.
// It names the collection, so that one of a collection that was there before at the same place is refused.
type Token struct {
	Collection ID
	ModSeq     uint64
}

func (t Token) String() string {
	return strconv.FormatInt(int64(t.Collection), 36) + "-" + strconv.FormatUint(t.ModSeq, 36)
}

// ParseToken reads what String wrote; ok is false for anything else.
func ParseToken(s string) (t Token, ok bool) {
	id, seq, found := strings.Cut(s, "-")
	if !found {
		return t, false
	}
	n, err := strconv.ParseInt(id, 36, 64)
	m, err2 := strconv.ParseUint(seq, 36, 63)
	t = Token{ID(n), m}
	return t, err == nil && err2 == nil && t.String() == s
}
