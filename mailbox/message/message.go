package message

import "time"

// FormatVersion is stored beside what Index serialises; a higher one makes mailbox re-index, in the background. What earlier versions
// wrote is served meanwhile, so ParseLayout must go on reading it.
const FormatVersion = 1

// Index is what the server knows of a message without its bytes.
type Index struct {
	Size    int64
	Root    *Part
	Flawed  bool // beyond a limit, or cut short: part of the content is opaque
	Headers Summary
}

// Summary holds what threading, sorting and the webmail need, decoded to UTF-8, NFC, bounded.
type Summary struct {
	MessageID                     string   // without <>; "" if none
	References                    []string // References, else In-Reply-To; without <>; at most 100, oldest first
	Subject                       string
	BaseSubject                   string    // RFC 5256 §2.1; the form to compare is SortKey(BaseSubject)
	IsReply                       bool      // the subject had re:/fwd: (RFC 5256 §2.1 "reply or forward")
	Date                          time.Time // zero if missing or broken
	From, To, Cc, Sender, ReplyTo []Address
	ListID                        string
	Attachments                   int
}

// Address is one mailbox of a header. Group syntax: members, flattened.
type Address struct{ Name, Local, Domain string }

// Part is one body part. Offsets are from the message's first byte.
type Part struct {
	Header, Body, End                               int64   // Header..Body: the header with its blank line; Body..End: the body (without the CRLF before a boundary)
	Lines                                           int64   // line ends within the body
	Type, Subtype                                   string  // lower case, "text" "plain"
	Encoding                                        string  // lower case: 7bit 8bit binary quoted-printable base64, or what the message claims
	ID, Description, Disposition, Filename, Charset string  // Disposition and Charset lower case, Filename decoded and without control characters
	Children                                        []*Part // of a multipart; for message/rfc822: one child, the embedded message

	mime *mimeFields // what BODYSTRUCTURE needs beyond the above; nil after ParseLayout
	mail *values     // the envelope's fields, if this part is a message (the root or an embedded one)
}

// mimeFields are the parts of a body structure as the message spelled them.
type mimeFields struct {
	params, dispositionParams []param
	language                  []string
	description               string // not decoded
	location, md5             string
}

// node is a part with all that belongs to it, so that a part costs one allocation.
type node struct {
	part        Part
	mime        mimeFields
	params      [2]param
	disposition [1]param
}

func newPart() *Part {
	n := &node{}
	n.mime.params, n.mime.dispositionParams = n.params[:0], n.disposition[:0]
	n.part.mime = &n.mime
	return &n.part
}

// Param returns the decoded value (RFC 2231) of a parameter of the Content-Type; "" if there is none, and after ParseLayout. name is lower case.
func (p *Part) Param(name string) string { return decodedParam(p.fields().params, name) }

// Multipart reports whether p consists of parts.
func (p *Part) Multipart() bool { return p.Type == "multipart" }

// Embedded reports whether p holds a whole message: message/rfc822, or message/global (RFC 6532 §3.7).
func (p *Part) Embedded() bool {
	return p.Type == "message" && len(p.Children) == 1
}

// Find returns the part that an IMAP section number names (1-based; nil path: the message itself). RFC 9051 §6.4.5.1. nil if there is none.
// Part 1 of a message that is no multipart is that message's only body.
func (x *Index) Find(path []int) *Part { return x.Root.Find(path) }

// Find is Index.Find for a tree that ParseLayout returned.
func (p *Part) Find(path []int) *Part {
	for i, n := range path {
		if i > 0 && !p.Multipart() {
			if !p.Embedded() {
				return nil
			}
			p = p.Children[0]
		}
		switch {
		case p.Multipart() && n >= 1 && n <= len(p.Children):
			p = p.Children[n-1]
		case p.Multipart() || n != 1:
			return nil
		}
	}
	return p
}

// walk calls visit for p and all parts below it, in the message's order.
func (p *Part) walk(visit func(*Part)) {
	visit(p)
	for _, c := range p.Children {
		c.walk(visit)
	}
}
