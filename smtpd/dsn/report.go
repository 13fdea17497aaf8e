package dsn

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Action is what happened to a recipient's copy. RFC 3464 §2.3.3.
type Action string

// The actions that we report.
const (
	Failed    Action = "failed"
	Delayed   Action = "delayed"
	Delivered Action = "delivered"
	Relayed   Action = "relayed" // handed to a server that reports nothing
)

// Report is one notification.
type Report struct {
	Host       string // who reports
	ID         string // of the notification: letters and digits, unique
	At         time.Time
	To         string    // whom it is for: MAIL FROM of the message
	Arrived    time.Time // when the message came; zero: not known
	EnvelopeID string    // ENVID, decoded; "" for none
	RetryUntil time.Time // of delays: when we give up; zero: not said
	Recipients []Recipient

	Original io.Reader // the whole message, or nil
	Header   []byte    // the message's header, when Original is nil
	UTF8     bool      // the message's header is an internationalised one
}

// Recipient is what a report says of one recipient.
type Recipient struct {
	Address  string
	Original string // ORCPT as type;address, decoded; "" for none
	Action   Action
	Status   string // RFC 3463: 5.1.1; its class fits the action
	Code     int    // of the SMTP reply, 0: there was none
	Enhanced string // as the reply had it, "" for none
	Text     string // the reply's text, or our own words; may be anything
	Host     string // who replied, "": we did ourselves
	Tried    time.Time
}

// dateFormat is RFC 5322 §3.3.
const dateFormat = "Mon, 02 Jan 2006 15:04:05 -0700"

// Write writes the whole message with CRLF line ends. Only errors of w and of reading Original are returned.
func (r *Report) Write(w io.Writer) error {
	b := new(bytes.Buffer)
	boundary := "report-" + r.ID
	global := r.global()
	r.header(b, boundary)
	fmt.Fprintf(b, "--%s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n", boundary)
	r.forPeople(b)
	kind := "message/delivery-status"
	if global {
		kind = "message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit" // RFC 6533 §4
	}
	fmt.Fprintf(b, "\r\n--%s\r\nContent-Type: %s\r\n\r\n", boundary, kind)
	r.forPrograms(b, global)
	fmt.Fprintf(b, "\r\n--%s\r\nContent-Type: %s\r\nContent-Transfer-Encoding: 8bit\r\n\r\n", boundary, r.returnedType())
	if r.Original == nil {
		b.Write(r.Header)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if r.Original != nil {
		if _, err := io.Copy(w, r.Original); err != nil {
			return fmt.Errorf("return message: %w", err)
		}
	}
	if _, err := fmt.Fprintf(w, "\r\n--%s--\r\n", boundary); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// global reports whether the report itself must be an internationalised message. RFC 6533 §6.
func (r *Report) global() bool {
	return !isASCII(r.To) || slices.ContainsFunc(r.Recipients, func(p Recipient) bool { return !isASCII(p.Address) || !isASCII(p.Original) })
}

// returnedType is the media type of what is returned of the message.
func (r *Report) returnedType() string {
	switch {
	case r.Original != nil && r.UTF8:
		return "message/global"
	case r.Original != nil:
		return "message/rfc822"
	case r.UTF8:
		return "message/global-headers"
	}
	return "text/rfc822-headers"
}

func (r *Report) header(b *bytes.Buffer, boundary string) {
	date := r.At.Format(dateFormat)
	fmt.Fprintf(b, "Return-Path: <>\r\nReceived: by %s with LOCAL\r\n\tid %s;\r\n\t%s\r\n", r.Host, r.ID, date)
	fmt.Fprintf(b, "From: Mail Delivery System <postmaster@%s>\r\nTo: <%s>\r\nSubject: %s\r\n", r.Host, clean(r.To, true), r.subject())
	fmt.Fprintf(b, "Date: %s\r\nMessage-ID: <%s@%s>\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n", date, r.ID, r.Host)
	fmt.Fprintf(b, "Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"%s\"\r\n\r\n", boundary)
}

// forPrograms writes the fields of RFC 3464 §2.
func (r *Report) forPrograms(b *bytes.Buffer, global bool) {
	if r.EnvelopeID != "" {
		field(b, "Original-Envelope-Id", r.EnvelopeID, global)
	}
	field(b, "Reporting-MTA", "dns; "+r.Host, global)
	if !r.Arrived.IsZero() {
		field(b, "Arrival-Date", r.Arrived.Format(dateFormat), global)
	}
	for _, p := range r.Recipients {
		b.WriteString("\r\n")
		if kind, address, ok := strings.Cut(p.Original, ";"); ok {
			field(b, "Original-Recipient", strings.ToLower(kind)+"; "+address, global)
		}
		kind := "rfc822"
		if !isASCII(p.Address) {
			kind = "utf-8" // RFC 6533 §3
		}
		field(b, "Final-Recipient", kind+"; "+p.Address, global)
		field(b, "Action", string(p.Action), global)
		field(b, "Status", p.Status, global)
		if p.Host != "" {
			field(b, "Remote-MTA", "dns; "+p.Host, global)
		}
		if p.Code != 0 {
			field(b, "Diagnostic-Code", "smtp; "+p.reply(), global)
		} else if p.Text != "" && p.Action != Delivered {
			field(b, "Diagnostic-Code", "x-schulhof; "+p.Text, global)
		}
		if !p.Tried.IsZero() {
			field(b, "Last-Attempt-Date", p.Tried.Format(dateFormat), global)
		}
		if p.Action == Delayed && !r.RetryUntil.IsZero() {
			field(b, "Will-Retry-Until", r.RetryUntil.Format(dateFormat), global)
		}
	}
}

// reply is what the server said.
func (p *Recipient) reply() string {
	switch {
	case p.Code == 0:
		return p.Text
	case p.Enhanced == "":
		return fmt.Sprintf("%d %s", p.Code, p.Text)
	}
	return fmt.Sprintf("%d %s %s", p.Code, p.Enhanced, p.Text)
}

// field writes one field on one line; what others sent is bounded and cannot begin another line.
func field(b *bytes.Buffer, name, value string, global bool) {
	fmt.Fprintf(b, "%s: %s\r\n", name, clean(value, global))
}

// clean is s as it may stand in a line: no control characters, at most maxText bytes, ASCII unless utf8 is allowed.
func clean(s string, utf8 bool) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\t', r == '\r', r == '\n':
			return ' '
		case r < ' ', r >= 0x7f && r < 0xa0, r > '~' && !utf8, r == '\u2028', r == '\u2029', r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "") + "..."
	}
	return strings.TrimSpace(s)
}

// maxText is how much of one value is shown, bytes; a line has at most 998. RFC 5322 §2.1.1.
const maxText = 900

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
