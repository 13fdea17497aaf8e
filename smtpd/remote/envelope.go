package remote

import (
	"fmt"
	"strconv"
	"strings"

	"schulhof/mailbox/message"
)

const textRequireTLS = "The message must stay protected on its whole way, which the server does not promise (REQUIRETLS)"

// mayAsk decides what can be asked of this server at all: the MAIL command, and the recipients for whom a RCPT makes
// sense. The others get their result here.
func (t *transaction) mayAsk() (mail string, ask []int) {
	refuse := func(i int, enhanced, text string) {
		t.results[i] = Result{Enhanced: enhanced, Text: text, Host: t.host, TLS: t.protection}
	}
	sender, senderUTF8 := asciiAddress(t.m.Sender)
	enhanced, text := t.impossible(senderUTF8)
	for i, to := range t.to {
		address, utf8 := asciiAddress(to.Address)
		switch {
		case enhanced != "":
			refuse(i, enhanced, text)
		case !validPath(address) || address == "":
			refuse(i, "5.1.3", "The address has a form that cannot be sent")
		case utf8 && !t.has("SMTPUTF8"):
			refuse(i, "5.6.7", "The server takes no addresses with other letters than ASCII (SMTPUTF8)")
		default:
			ask = append(ask, i)
			senderUTF8 = senderUTF8 || utf8
		}
	}
	return t.mail(sender, t.m.UTF8 || senderUTF8), ask
}

// impossible says why the server cannot take this message, whoever it is for; "": it can.
func (t *transaction) impossible(senderUTF8 bool) (enhanced, text string) {
	sender, _ := asciiAddress(t.m.Sender)
	limit := t.size()
	switch {
	case !validPath(sender):
		return "5.1.7", "The sender's address has a form that cannot be sent"
	case (t.m.UTF8 || senderUTF8) && !t.has("SMTPUTF8"):
		return "5.6.7", "The server takes no headers and addresses with other letters than ASCII (SMTPUTF8)"
	case t.m.Eight && !t.has("8BITMIME"):
		return "5.6.3", "The server takes 7-bit text only, and the message is not"
	case limit > 0 && t.m.Size > limit:
		return "5.3.4", "The message has " + strconv.FormatInt(t.m.Size, 10) + " bytes; the server takes at most " + strconv.FormatInt(limit, 10)
	case t.m.RequireTLS && (!t.proven || !t.has("REQUIRETLS")):
		return "5.7.30", textRequireTLS
	}
	return "", ""
}

// mail is the MAIL command, with the parameters that the server knows.
func (t *transaction) mail(sender string, utf8 bool) string {
	var b strings.Builder
	b.WriteString("MAIL FROM:<" + sender + ">")
	if t.has("SIZE") && t.m.Size > 0 {
		fmt.Fprintf(&b, " SIZE=%d", t.m.Size)
	}
	if t.m.Eight {
		b.WriteString(" BODY=8BITMIME")
	}
	if utf8 {
		b.WriteString(" SMTPUTF8")
	}
	if t.m.RequireTLS {
		b.WriteString(" REQUIRETLS")
	}
	if t.has("DSN") {
		if t.m.Ret == "FULL" || t.m.Ret == "HDRS" {
			b.WriteString(" RET=" + t.m.Ret)
		}
		if t.m.EnvID != "" {
			b.WriteString(" ENVID=" + xtext(t.m.EnvID))
		}
	}
	return b.String()
}

// rcpt is the RCPT command for one recipient. RFC 3461 §4.
func (t *transaction) rcpt(to Recipient) string {
	address, _ := asciiAddress(to.Address)
	command := "RCPT TO:<" + address + ">"
	if !t.has("DSN") {
		return command
	}
	if len(to.Notify) > 0 {
		command += " NOTIFY=" + strings.Join(to.Notify, ",")
	}
	if kind, original, ok := strings.Cut(to.ORcpt, ";"); ok {
		encode := xtext
		if strings.EqualFold(kind, "utf-8") {
			encode = utf8xtext
		}
		command += " ORCPT=" + kind + ";" + encode(original)
	}
	return command
}

// asciiAddress puts the domain of an address into ASCII; utf8: there is still something that is not.
func asciiAddress(address string) (ascii string, utf8 bool) {
	if local, domain, _ := message.CutAddress(address); !message.IsASCII(domain) {
		if domain = asciiDomain(domain); domain != "" {
			address = local + "@" + domain
		}
	}
	return address, !message.IsASCII(address)
}

// validPath refuses what would end the path, or the line, that the address stands in.
func validPath(address string) bool {
	quoted := false
	for i := 0; i < len(address); i++ {
		switch c := address[i]; {
		case c < ' ' || c == 0x7f:
			return false
		case quoted && c == '\\':
			i++
			if i == len(address) || address[i] < ' ' {
				return false
			}
		case c == '"':
			quoted = !quoted
		case !quoted && (c == '<' || c == '>' || c == ' '):
			return false
		}
	}
	return !quoted && len(address) <= maxCommand/2
}

// xtext encodes what is not printable ASCII, "+" and "=". RFC 3461 §4.
func xtext(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < '!' || c > '~' || c == '+' || c == '=' {
			fmt.Fprintf(&b, "+%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// utf8xtext encodes an address with other letters so that every server can pass it on. RFC 6533 §3.
func utf8xtext(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < '!' || r > '~' || r == '+' || r == '=' || r == '\\' {
			fmt.Fprintf(&b, `\x{%02X}`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
