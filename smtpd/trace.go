package smtpd

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/base32"
	"strings"
	"time"

	"schulhof/mailbox/message"
)

var idEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// newTraceID is the id that follows a message from acceptance to delivery: 80 random bits, 16 characters.
func newTraceID() string {
	var b [10]byte
	rand.Read(b[:])
	return idEncoding.EncodeToString(b[:])
}

// trace is what our header fields on top of a message say. It is the same for all recipients, because they
// share one stored body: no "for" clause, and Delivered-To only where it names what all of them were
// addressed by.
type trace struct {
	sender      string // MAIL FROM
	deliveredTo string // the alias or group that all recipients come from; "" for none
	hello       string
	remote      string // the peer's address; "" hides it (submission)
	hostname    string
	protocol    string // RFC 3848, RFC 6531 §4.3: ESMTPS …
	tls         string // "TLS1.3 …" or ""
	id          string
	at          time.Time
}

// appendTo writes Return-Path, Delivered-To and Received. RFC 5321 §4.4.
func (t *trace) appendTo(b []byte) []byte {
	b = append(append(append(b, "Return-Path: <"...), t.sender...), ">\r\n"...)
	if t.deliveredTo != "" {
		b = append(append(append(b, "Delivered-To: "...), t.deliveredTo...), crlf...)
	}
	b = append(b, "Received: from "...)
	if t.remote == "" {
		b = append(b, "submission"...) // who it was stands in From; where they sit is nobody's business
	} else {
		b = append(append(append(append(b, headerSafe(t.hello)...), " (["...), t.remote...), "])"...)
	}
	b = append(append(b, "\r\n\tby "...), t.hostname...)
	b = append(append(b, " with "...), t.protocol...)
	if t.tls != "" {
		b = append(append(append(b, " ("...), t.tls...), ')')
	}
	b = append(append(b, "\r\n\tid "...), t.id...)
	b = append(b, ";\r\n\t"...)
	return append(t.at.AppendFormat(b, dateFormat), crlf...)
}

// headerSafe is a HELO argument as it may stand in a comment-free place of a header: in ASCII, because the message may not be an
// internationalised one (RFC 6532).
func headerSafe(hello string) string {
	if validDomain(hello) && message.IsASCII(hello) {
		return hello
	}
	return strings.Map(func(c rune) rune {
		if c > ' ' && c < 0x7f && !strings.ContainsRune(`()<>,;:\"`, c) {
			return c
		}
		return '?'
	}, hello)
}

// protocolName is the "with" of RFC 3848 and RFC 6531 §4.3.
func protocolName(lmtp, extended, utf8, encrypted, authenticated bool) string {
	name := "SMTP"
	switch {
	case lmtp && utf8:
		name = "UTF8LMTP"
	case lmtp:
		name = "LMTP"
	case utf8:
		name = "UTF8SMTP"
	case extended:
		name = "ESMTP"
	}
	if extended && encrypted {
		name += "S"
	}
	if extended && authenticated {
		name += "A"
	}
	return name
}

// tlsName is "TLS1.3 TLS_AES_128_GCM_SHA256".
func tlsName(state tls.ConnectionState, ok bool) string {
	if !ok {
		return ""
	}
	return strings.ReplaceAll(tls.VersionName(state.Version), " ", "") + " " + tls.CipherSuiteName(state.CipherSuite)
}
