package smtpd

import (
	"net/netip"
	"strings"
	"unicode/utf8"
)

// parsePath reads <…> at the beginning of s and what follows it. A source route is read and ignored
// (RFC 5321 §4.1.1.3, appendix C). The address comes in one normal form: a quoted local part stays quoted
// only where it must, so that nothing behind us can take an @ or a % inside the quotes for another.
// "" is the null path <>. ok is false for anything that is no path.
func parsePath(s string) (address, rest string, ok bool) {
	s = strings.TrimLeft(s, " ") // "MAIL FROM: <x>" is wrong and common
	if !strings.HasPrefix(s, "<") {
		return "", "", false
	}
	s = s[1:]
	if strings.HasPrefix(s, ">") {
		return "", s[1:], true
	}
	if strings.HasPrefix(s, "@") {
		route, after, found := strings.Cut(s, ":")
		if !found || !validRoute(route) {
			return "", "", false
		}
		s = after
	}
	address, s, ok = parseMailbox(s)
	if !ok || !strings.HasPrefix(s, ">") || len(address) > maxPath {
		return "", "", false
	}
	return address, s[1:], true
}

// validRoute checks the A-d-l of a source route: @one,@two.
func validRoute(route string) bool {
	for hop := range strings.SplitSeq(route, ",") {
		if !strings.HasPrefix(hop, "@") || !validDomain(hop[1:]) {
			return false
		}
	}
	return true
}

// parseMailbox reads local@domain, or postmaster alone (RFC 5321 §4.1.1.3).
func parseMailbox(s string) (address, rest string, ok bool) {
	local, s, ok := parseLocalPart(s)
	if !ok {
		return "", "", false
	}
	if !strings.HasPrefix(s, "@") {
		return local, s, strings.EqualFold(local, "postmaster")
	}
	s = s[1:]
	end := strings.IndexAny(s, "> \t")
	if end < 0 {
		end = len(s)
	}
	if !validDomain(s[:end]) {
		return "", "", false
	}
	return local + "@" + s[:end], s[end:], true
}

// parseLocalPart reads a dot-string or a quoted string. RFC 5321 §4.1.2, RFC 6531 §3.3.
func parseLocalPart(s string) (local, rest string, ok bool) {
	if strings.HasPrefix(s, `"`) {
		return parseQuoted(s[1:])
	}
	end := strings.IndexAny(s, "@> \t")
	if end < 0 {
		end = len(s)
	}
	if !validDotString(s[:end]) {
		return "", "", false
	}
	return s[:end], s[end:], true
}

// parseQuoted reads a quoted local part behind its opening quote.
func parseQuoted(s string) (local, rest string, ok bool) {
	var plain strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return quoteLocal(plain.String()), s[i+1:], plain.Len() > 0 && plain.Len() <= maxLocalPart && utf8.ValidString(plain.String())
		case c == '\\':
			if i++; i == len(s) || !mayBeQuoted(s[i]) {
				return "", "", false
			}
			plain.WriteByte(s[i])
		case !mayBeQuoted(c):
			return "", "", false
		default:
			plain.WriteByte(c)
		}
	}
	return "", "", false
}

// mayBeQuoted leaves out the control characters. RFC 5321 §4.1.2, RFC 6531 §3.3.
func mayBeQuoted(c byte) bool { return c >= ' ' && c != 0x7f }

// quoteLocal writes a local part with quotes only where it is no dot-string.
func quoteLocal(local string) string {
	if validDotString(local) {
		return local
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(local) + `"`
}

// validDotString reports whether s is atoms joined by single dots.
func validDotString(s string) bool {
	if s == "" || len(s) > maxLocalPart || !utf8.ValidString(s) || s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c < 0x80 && c != '.' && !isAtext(c) {
			return false
		}
	}
	return true
}

// isAtext is RFC 5322 §3.2.3's atext.
func isAtext(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

// validDomain reports whether s is a domain (ASCII or UTF-8 labels, no dot at the end) or an address literal.
func validDomain(s string) bool {
	if s == "" || len(s) > maxDomain || !utf8.ValidString(s) {
		return false
	}
	if s[0] == '[' {
		return validLiteral(s)
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63*4 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			c := label[i]
			if c < 0x80 && c != '-' && c != '_' && !(c >= '0' && c <= '9') && !(c|0x20 >= 'a' && c|0x20 <= 'z') {
				return false
			}
		}
	}
	return true
}

// validLiteral reports whether s is [1.2.3.4] or [IPv6:…]. RFC 5321 §4.1.3.
func validLiteral(s string) bool {
	s, ok := strings.CutSuffix(s[1:], "]")
	if !ok {
		return false
	}
	v6 := len(s) > 5 && strings.EqualFold(s[:5], "IPv6:")
	if v6 {
		s = s[5:]
	}
	ip, err := netip.ParseAddr(s)
	return err == nil && ip.Zone() == "" && ip.Is4() != v6
}

// nextParameter cuts one KEYWORD or KEYWORD=value off s, which begins with a space. key is upper case.
// RFC 5321 §4.1.2 (esmtp-param).
func nextParameter(s string) (key, value, rest string, ok bool) {
	s = strings.TrimLeft(s, " ")
	word, rest, _ := strings.Cut(s, " ")
	key, value, hasValue := strings.Cut(word, "=")
	if key == "" || hasValue && value == "" {
		return "", "", "", false
	}
	for i := range len(key) {
		if c := key[i]; c != '-' && !(c >= '0' && c <= '9') && !(c|0x20 >= 'a' && c|0x20 <= 'z') {
			return "", "", "", false
		}
	}
	if strings.ContainsAny(value, "=\t") && !strings.EqualFold(key, "AUTH") {
		return "", "", "", false
	}
	return strings.ToUpper(key), value, rest, true
}
