package filter

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"mime/quotedprintable"
	"net/mail"
	"strings"

	"schulhof/directory"
	"schulhof/mailbox/message"
	"schulhof/mailbox/sieve"
	"schulhof/store/fault"
)

// dateFormat is RFC 5322 §3.3.
const dateFormat = "Mon, 02 Jan 2006 15:04:05 -0700"

// head begins a message that a filter writes: the fields that all have. RFC 3834 §3.1.7: it says that no person wrote it.
func (p *planner) head(from, to, subject, kind string) *bytes.Buffer {
	var id [12]byte
	rand.Read(id[:])
	now := p.now().In(p.opts.Zone).Format(dateFormat)
	var b bytes.Buffer
	fmt.Fprintf(&b, "Received: by %s with LOCAL\r\n\tid %x;\r\n\t%s\r\n", p.opts.Hostname, id[:6], now)
	fmt.Fprintf(&b, "From: %s\r\nTo: <%s>\r\n", from, to)
	b.Write(message.AppendField(nil, "Subject", subject))
	fmt.Fprintf(&b, "Date: %s\r\nMessage-ID: <%s@%s>\r\nAuto-Submitted: %s\r\n", now, hex.EncodeToString(id[:]), p.opts.Hostname, kind)
	b.WriteString("Precedence: bulk\r\nX-Auto-Response-Suppress: All\r\nMIME-Version: 1.0\r\n")
	return &b
}

// appendText writes a text/plain part.
func appendText(b *bytes.Buffer, text string) {
	b.WriteString("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
	w := quotedprintable.NewWriter(b)
	_, _ = w.Write([]byte(crlf(text))) // into memory
	_ = w.Close()
	b.WriteString("\r\n")
}

// answer writes a vacation message. RFC 5230 §5.
func (p *planner) answer(owner *directory.Account, l *letter, v sieve.Vacation) *bytes.Buffer {
	from := (&mail.Address{Name: owner.Name, Address: owner.Address}).String()
	if a, err := mail.ParseAddress(v.From); err == nil {
		if own, err := p.dir.OwnsAddress(p.ctx, owner.ID, a.Address); err == nil && own {
			from = a.String()
		}
	}
	h := l.index.Headers
	subject := v.Subject
	if subject == "" {
		subject = "Auto: " + h.Subject
	}
	b := p.head(from, l.sender, subject, "auto-replied (vacation)")
	if id := safeID(h.MessageID); id != "" {
		fmt.Fprintf(b, "In-Reply-To: <%s>\r\nReferences:", id)
		refs := h.References
		for _, ref := range refs[max(0, len(refs)-10):] {
			if ref = safeID(ref); ref != "" {
				fmt.Fprintf(b, " <%s>\r\n", ref)
			}
		}
		fmt.Fprintf(b, " <%s>\r\n", id)
	}
	reason := v.Reason
	if len(reason) > answerBytes {
		reason = strings.ToValidUTF8(reason[:answerBytes], "")
	}
	if v.MIME {
		appendEntity(b, reason)
	} else {
		appendText(b, reason)
	}
	return b
}

// safeID is a message id that may stand in a header.
func safeID(id string) string {
	if len(id) > 500 || strings.ContainsFunc(id, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '<' || c == '>' }) {
		return ""
	}
	return id
}

// crlf is a text whose lines end as mail has it; whatever ended them, and without NULs, with which it could not be sent. RFC 5322 §2.3.
func crlf(text string) string {
	return strings.NewReplacer("\r\n", "\r\n", "\r", "\r\n", "\n", "\r\n", "\x00", "").Replace(text)
}

// appendEntity writes a MIME entity that the script has: of its header only Content- fields, so that it cannot forge others.
func appendEntity(b *bytes.Buffer, entity string) {
	entity = crlf(entity)
	head, body, found := strings.Cut(entity, "\r\n\r\n")
	if !found {
		appendText(b, entity)
		return
	}
	keep := false
	for line := range strings.SplitSeq(head, "\r\n") {
		if !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "\t") {
			name, _, found := strings.Cut(line, ":")
			keep = found && len(name) > 8 && strings.EqualFold(name[:8], "Content-")
		}
		if keep {
			b.WriteString(line + "\r\n")
		}
	}
	b.WriteString("\r\n" + body)
	if !strings.HasSuffix(body, "\r\n") {
		b.WriteString("\r\n")
	}
}

// reach is where an address leads; outside: to another server.
func (p *planner) reach(address string) (list []directory.Recipient, outside bool) {
	list, err := p.dir.Resolve(p.ctx, address, "")
	return list, fault.Is(err, fault.Forbidden) && p.req.Outside
}

// mayAnswer asks the school's contact policy.
func (p *planner) mayAnswer(owner *directory.Account, list []directory.Recipient, outside bool) error {
	ask := directory.Approach{From: owner.ID, Outside: outside, At: p.now()}
	for _, one := range list {
		ask.To = append(ask.To, one.Account)
	}
	return p.dir.MayContact(ask)
}
