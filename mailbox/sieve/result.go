package sieve

import (
	"slices"
	"strings"
	"time"
)

// Result is what a script decided. No action at all means that the message is thrown away.
type Result struct {
	Actions []Action
	Marks   []Mark // to be remembered when the message was dealt with
}

// Action is one of Keep, FileInto, Redirect, Reject and Vacation.
type Action interface {
	// same reports whether a copy for the second action would be a second copy for the first. RFC 5228 §2.10.3.
	same(Action) bool
}

// Keep files the message into the inbox. Header is what takes the place of its header after editheader, nil: nothing.
type Keep struct {
	Implicit bool // no command asked for it; RFC 5228 §2.10.2
	Flags    []string
	Header   []byte
}

// FileInto files the message. RFC 5228 §4.1.
type FileInto struct {
	Mailbox    string
	SpecialUse string // a mailbox with this use comes before Mailbox; RFC 8579 §4
	Create     bool   // RFC 5490 §3.2
	Flags      []string
	Header     []byte
}

// Redirect sends the message to another address. RFC 5228 §4.2.
type Redirect struct {
	Address string
	Copy    bool // besides, not instead; RFC 3894
	Header  []byte
}

// Reject refuses the message. RFC 5429.
type Reject struct {
	Reason   string
	Extended bool // ereject: within the protocol if at all possible
}

// Vacation answers the sender, if RFC 5230 and RFC 3834 let it.
type Vacation struct {
	Subject, From, Reason string // "" for what the script leaves to the server
	MIME                  bool   // Reason is a MIME entity with its header; RFC 5230 §4.4
	Addresses             []string
	Handle                string        // answers of one handle go to a sender once in Interval
	Interval              time.Duration // 0: always; RFC 6131
	FCC                   *FileInto     // where a copy of the answer goes; RFC 8580
}

// Mark is an id that duplicate shall find again. RFC 7352.
type Mark struct {
	Handle, ID string
	For        time.Duration
}

func (k Keep) same(a Action) bool {
	other, ok := a.(Keep)
	return ok && slices.Equal(k.Flags, other.Flags) && sameHeader(k.Header, other.Header)
}

func (f FileInto) same(a Action) bool {
	other, ok := a.(FileInto)
	return ok && f.Mailbox == other.Mailbox && strings.EqualFold(f.SpecialUse, other.SpecialUse) &&
		slices.Equal(f.Flags, other.Flags) && sameHeader(f.Header, other.Header)
}

func (d Redirect) same(a Action) bool {
	other, ok := a.(Redirect)
	return ok && strings.EqualFold(d.Address, other.Address)
}

func (Reject) same(Action) bool { return false }

func (Vacation) same(Action) bool { return false }

// sameHeader compares by identity: each change of the header makes a new one.
func sameHeader(a, b []byte) bool { return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) }
