package authenticate

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
)

// appendField writes the one Authentication-Results field of a message in the name of hostname. RFC 8601 §2.2. All of it is ASCII, in
// lines of one result each; what others chose stands in quotes where it is no plain word.
func (v *Verdict) appendField(dst []byte, hostname string) []byte {
	dst = append(append(dst, "Authentication-Results: "...), hostname...)
	dst = appendResult(dst, "spf", v.SPF.Result, v.SPF.Reason)
	switch {
	case v.SPF.Domain == "":
	case v.SPF.Hello:
		dst = appendProperty(dst, "smtp.helo", v.SPF.Domain)
	default:
		dst = appendProperty(dst, "smtp.mailfrom", addressText(v.SPF.Local, v.SPF.Domain))
	}
	if len(v.DKIM) == 0 {
		dst = appendResult(dst, "dkim", None, "")
	}
	for _, d := range v.DKIM {
		dst = d.appendTo(dst)
	}
	dst = appendResult(dst, "arc", v.ARC.Result, v.ARC.Reason)
	if n := len(v.ARC.Sealers); n > 0 {
		dst = append(strconv.AppendInt(append(dst, " (i="...), int64(n), 10), ')')
	}
	dst = appendResult(dst, "dmarc", v.DMARC.Result, v.DMARC.Reason)
	if v.DMARC.Record != "" {
		dst = append(append(append(dst, " (p="...), v.DMARC.Policy...), ')')
		if v.DMARC.Sealed {
			dst = append(dst, " (trusted seal)"...)
		}
	}
	if v.DMARC.From != "" {
		dst = appendProperty(dst, "header.from", v.DMARC.From)
	}
	dst = appendResult(dst, "iprev", v.IPRev.Result, "")
	if v.IPRev.Name != "" {
		dst = appendProperty(dst, "policy.iprev", v.IPRev.Name)
	}
	return append(dst, "\r\n"...)
}

// appendTo writes the result of one signature. RFC 8601 §2.7.1; header.b is of RFC 6008.
func (d *DKIM) appendTo(dst []byte) []byte {
	dst = appendResult(dst, "dkim", d.Result, d.Reason)
	if d.Bits != 0 && d.Algorithm == "rsa" {
		dst = append(strconv.AppendInt(append(dst, " ("...), int64(d.Bits), 10), "-bit key)"...)
	}
	for _, p := range []struct{ name, value string }{{"header.d", d.Domain}, {"header.i", d.Identity}, {"header.s", d.Selector}, {"header.b", d.Signature}} {
		if p.value != "" {
			dst = appendProperty(dst, p.name, p.value)
		}
	}
	if d.Algorithm != "" {
		dst = append(append(append(dst, " header.a="...), d.Algorithm...), "-sha256"...)
	}
	return dst
}

// appendResult begins a result on a line of its own.
func appendResult(dst []byte, method string, r Result, reason string) []byte {
	dst = append(append(append(append(dst, ";\r\n\t"...), method...), '='), r...)
	if reason != "" {
		dst = appendQuoted(append(dst, " reason="...), reason)
	}
	return dst
}

// appendProperty writes name=value, on a line of its own if that at hand would grow too long.
func appendProperty(dst []byte, name, value string) []byte {
	at, line := len(dst), bytes.LastIndexByte(dst, '\n')+1
	dst = append(append(append(dst, ' '), name...), '=')
	if value = value[:min(len(value), maxProperty)]; strings.ContainsFunc(value, mustQuote) {
		dst = appendQuoted(dst, value)
	} else {
		dst = append(dst, value...)
	}
	if len(dst)-line > maxLine {
		dst = slices.Replace(dst, at, at+1, '\r', '\n', '\t')
	}
	return dst
}

// mustQuote tells characters that stand in a value only within quotes.
func mustQuote(c rune) bool {
	return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("-_.@+", c))
}

// appendQuoted writes a quoted-string. What is not printable ASCII becomes a question mark, and so does a semicolon: there are programs that
// take it for the end of a result within quotes too, and would believe what a sender writes behind it.
func appendQuoted(dst []byte, value string) []byte {
	dst = append(dst, '"')
	for _, c := range value[:min(len(value), maxReasonText)] {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', byte(c))
		case c < ' ' || c > '~' || c == ';':
			dst = append(dst, '?')
		default:
			dst = append(dst, byte(c))
		}
	}
	return append(dst, '"')
}

// addressText is an address as a property tells it: a local part outside of ASCII stays away, because the message may not be an
// internationalised one.
func addressText(local, domain string) string {
	for i := range len(local) {
		if local[i] < ' ' || local[i] > '~' {
			return domain
		}
	}
	if len(local) > 64 {
		return domain
	}
	return local + "@" + domain
}
