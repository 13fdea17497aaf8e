package mailbox

import (
	"log/slog"
	"strconv"
	"time"

	"schulhof/directory"
	"schulhof/store"

	"github.com/prometheus/client_golang/prometheus"
)

type (
	// ID names a mailbox for ever; MAILBOXID (RFC 8474) is its String.
	ID int64
	// UID names a message in its mailbox for ever. RFC 9051 §2.3.1.1.
	UID uint32
	// ModSeq counts the changes of one mailbox. RFC 7162; it fits int63.
	ModSeq uint64
	// ContentID names a message's content, which copies share; EMAILID (RFC 8474) is its String.
	ContentID int64
	// ThreadID names a conversation; THREADID (RFC 8474) is its String.
	ThreadID int64
)

func (id ID) String() string        { return "F" + strconv.FormatInt(int64(id), 16) }
func (id ContentID) String() string { return "M" + strconv.FormatInt(int64(id), 16) }
func (id ThreadID) String() string  { return "T" + strconv.FormatInt(int64(id), 16) }

// Flags is a set: the five system flags, then the owner's keywords as bits (5 to 62).
type Flags uint64

// The system flags (RFC 9051 §2.3.2) and their union.
const (
	Seen Flags = 1 << iota
	Answered
	Flagged
	DeletedFlag
	Draft
	SystemFlags = Seen | Answered | Flagged | DeletedFlag | Draft
)

const (
	firstKeyword = 5
	allFlags     = Flags(1<<63 - 1)
)

// MaxKeywords is how many different keywords one owner may use: NO [LIMIT] beyond.
const MaxKeywords = 58

// Options say how the mail domain runs. The zero value is usable.
type Options struct {
	Log        *slog.Logger
	Metrics    prometheus.Registerer
	Now        func() time.Time
	MaxSize    int64 // bytes per message, default 50 MiB
	MaxBoxes   int   // mailboxes per owner, default 5,000
	ViewMemory int64 // bytes of hot views kept, default 256 MiB
	Lessons    bool  // somebody learns from what people say about messages: see Lessons
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxSize <= 0 {
		o.MaxSize = DefaultMaxSize
	}
	if o.MaxBoxes <= 0 {
		o.MaxBoxes = DefaultMaxBoxes
	}
	if o.ViewMemory <= 0 {
		o.ViewMemory = DefaultViewMemory
	}
	return o
}

// Mailbox describes one mailbox as its owner sees it.
type Mailbox struct {
	ID          ID
	Owner       directory.ID
	Name        string
	SpecialUse  string // "\\Drafts", "\\Sent", "\\Junk", "\\Trash", "\\Archive" or ""
	Subscribed  bool
	UIDValidity uint32
	NoSelect    bool // only a level of the hierarchy
}

// Status is what STATUS tells (RFC 9051 §6.3.11, RFC 7162, RFC 8438).
type Status struct {
	Mailbox       Mailbox
	Messages      uint32
	UIDNext       UID
	Unseen        uint32
	Deleted       uint32
	DeletedSize   int64
	Size          int64
	HighestModSeq ModSeq
}

// Key is the feed key of a mailbox: it wakes on any change of its messages, its name or its being there.
func Key(id ID) store.Key { return store.Key{Kind: "mailbox", ID: int64(id)} }

// MailKey is the feed key of all mailboxes of an owner together: it wakes on any change of the messages of any of them.
func MailKey(owner directory.ID) store.Key { return store.Key{Kind: "mail", ID: int64(owner)} }

// ListKey is the feed key of an owner's list of mailboxes and subscriptions, and of what others grant to the owner: an account, a group or Anyone.
func ListKey(owner directory.ID) store.Key { return store.Key{Kind: "mailboxes", ID: int64(owner)} }
