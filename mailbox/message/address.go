package message

import (
	"bytes"
	"strings"

	"golang.org/x/net/idna"
)

// addressKind tells what an address list holds next.
type addressKind uint8

const (
	mailboxAddress addressKind = iota
	groupStart                 // name is the group's
	groupEnd
)

// rawAddress is one element of an address list, not decoded: quotes, comments and white space are resolved.
type rawAddress struct {
	kind                       addressKind
	name, route, local, domain string
}

// addressList reads RFC 5322 §3.4 with the obsolete forms of §4.4, in one pass over the bytes. Whatever is no address yields what comes nearest.
type addressList struct {
	s       string
	i       int
	inGroup bool
	phrase  []byte // words that came before the current one
	word    []byte // the current word: a piece of a phrase, or the address itself
	spaced  bool   // white space came after word
	at      int    // index in word of its last unquoted "@", or -1
	quoted  bool   // word has a quoted piece
	start   int    // where in s the element begins
	comment string // the last comment: in "anna@school.test (Anna)" it is the name
}

// next returns the next element. ok is false at the end.
func (l *addressList) next() (a rawAddress, ok bool) {
	l.phrase, l.word, l.at, l.spaced, l.quoted, l.comment = l.phrase[:0], l.word[:0], -1, false, false, ""
	l.start = l.i
	for l.i < len(l.s) {
		switch c := l.s[l.i]; c {
		case ' ', '\t', '\r', '\n', 0:
			l.spaced = len(l.word) > 0
			l.i++
		case '(':
			n := CommentLen(l.s[l.i:])
			l.comment = strings.Trim(l.s[l.i:l.i+n], "() \t")
			l.i += n
			l.spaced = len(l.word) > 0
		case '"':
			l.join(c)
			value, n := unquote(l.s[l.i:])
			l.word = append(l.word, value...)
			l.quoted = true
			l.i += n
		case '<':
			l.i++
			return l.angle(), true
		case ':':
			l.i++
			if l.inGroup || l.at >= 0 {
				l.take(c)
				continue
			}
			l.inGroup = true
			return rawAddress{kind: groupStart, name: l.text(l.i - 1)}, true
		case ',', ';':
			if a, ok := l.bare(); ok {
				return a, true // the separator is read again, with nothing before it
			}
			l.i++
			l.comment, l.start = "", l.i
			if c == ';' && l.inGroup {
				l.inGroup = false
				return rawAddress{kind: groupEnd}, true
			}
		case '[':
			l.join(c)
			n := strings.IndexByte(l.s[l.i:], ']') + 1
			if n == 0 {
				n = 1
			}
			l.word = append(l.word, l.s[l.i:l.i+n]...)
			l.i += n
		case '\\':
			l.i++
		default:
			l.i++
			l.take(c)
		}
	}
	if a, ok := l.bare(); ok {
		return a, true
	}
	if l.inGroup {
		l.inGroup = false
		return rawAddress{kind: groupEnd}, true
	}
	return a, false
}

// take appends c to the current word.
func (l *addressList) take(c byte) {
	l.join(c)
	if c == '@' {
		l.at = len(l.word)
	}
	l.word = append(l.word, c)
}

// join decides, before c is added, whether the word goes on: around "." and "@" white space is obsolete syntax within an address.
func (l *addressList) join(c byte) {
	if !l.spaced {
		return
	}
	l.spaced = false
	last := l.word[len(l.word)-1]
	if c == '@' || c == '.' && l.at >= 0 || (last == '@' && l.at >= 0) || (last == '.' && l.at >= 0) {
		return
	}
	if (last == '.' || c == '.') && !l.quoted && l.dotsUntilAt() {
		return
	}
	l.phrase = append(append(l.phrase, l.word...), ' ')
	l.word, l.at, l.quoted = l.word[:0], -1, false
}

// lookFor is how far dotsUntilAt looks ahead. It is asked at each dot, so that the list stays linear only if this is bounded.
const lookFor = 128

// dotsUntilAt looks whether the local part "a . b . c @" continues here, with one more word at most.
func (l *addressList) dotsUntilAt() bool {
	rest := l.s[l.i-1 : min(len(l.s), l.i-1+lookFor)]
	rest = strings.TrimLeft(rest, " \t.")
	n := 0
	for n < len(rest) && n < 64 && tokenByte(rest[n]) && rest[n] != '.' {
		n++
	}
	rest = strings.TrimLeft(rest[n:min(len(rest), n+8)], " \t")
	return rest != "" && (rest[0] == '@' || rest[0] == '.')
}

// text is the phrase with the current word; end is where they end in s.
func (l *addressList) text(end int) string {
	if len(l.phrase) > 0 {
		l.phrase = append(l.phrase, l.word...)
		return l.share(bytes.TrimRight(l.phrase, " "), end)
	}
	return l.share(l.word, end)
}

// share makes a string of b, without a copy if b is what the element begins with (a phrase without tricks, quoted or not).
func (l *addressList) share(b []byte, end int) string {
	s := strings.Trim(l.s[l.start:end], " \t\r\n\"")
	if len(s) >= len(b) && s[:len(b)] == string(b) {
		return s[:len(b)]
	}
	return string(b)
}

// bare ends an element that had no "<": an address, or words that are none (they become a local part without domain).
func (l *addressList) bare() (a rawAddress, ok bool) {
	if len(l.word) == 0 && len(l.phrase) == 0 {
		return a, false
	}
	a.name = l.comment
	if l.at >= 0 {
		address := l.share(l.word, l.i)
		a.local, a.domain = address[:l.at], address[l.at+1:]
		if len(l.phrase) > 0 {
			a.name = l.share(bytes.TrimRight(l.phrase, " "), l.i)
		}
	} else {
		a.local = l.text(l.i)
	}
	l.word, l.phrase, l.at, l.spaced, l.quoted = l.word[:0], l.phrase[:0], -1, false, false
	return a, true
}

// angle reads what follows "<", up to ">" and on to the next separator.
func (l *addressList) angle() rawAddress {
	a := rawAddress{name: l.text(l.i - 1)}
	l.word, l.at, l.spaced = l.word[:0], -1, false
	l.start = l.i
	for l.i < len(l.s) {
		c := l.s[l.i]
		switch {
		case c == '>':
			l.i++
			l.skipJunk()
			return l.finish(a)
		case c == '"':
			value, n := unquote(l.s[l.i:])
			l.word = append(l.word, value...)
			l.i += n
			continue
		case c == '(':
			l.i += CommentLen(l.s[l.i:])
			continue
		case c == ':' && a.route == "" && len(l.word) > 0 && l.word[0] == '@':
			a.route = string(l.word) // RFC 5322 §4.4 obs-route
			l.word, l.at = l.word[:0], -1
		case (c == ',' && (len(l.word) == 0 || l.word[0] != '@')) || c == ';' || c == '<':
			return l.finish(a) // the ">" is missing
		case c == '@':
			l.at = len(l.word)
			l.word = append(l.word, c)
		case c > ' ':
			l.word = append(l.word, c)
		}
		l.i++
	}
	return l.finish(a)
}

func (l *addressList) finish(a rawAddress) rawAddress {
	address := l.share(l.word, l.i)
	if l.at >= 0 {
		a.local, a.domain = address[:l.at], address[l.at+1:]
	} else {
		a.local = address
	}
	if a.name == "" {
		a.name = l.comment
	}
	return a
}

// skipJunk passes over what stands between ">" and the next separator; a comment there may be the name.
func (l *addressList) skipJunk() {
	for l.i < len(l.s) && l.s[l.i] != ',' && l.s[l.i] != ';' {
		switch l.s[l.i] {
		case '(':
			n := CommentLen(l.s[l.i:])
			l.comment = strings.Trim(l.s[l.i:l.i+n], "() \t")
			l.i += n
		case '"':
			_, n := unquote(l.s[l.i:])
			l.i += n
		case '<':
			return
		default:
			l.i++
		}
	}
}

// CutAddress splits an address at its last @: a quoted local part may have one. Without any all of it is the local part.
func CutAddress(address string) (local, domain string, ok bool) {
	if at := strings.LastIndexByte(address, '@'); at >= 0 {
		return address[:at], address[at+1:], true
	}
	return address, "", false
}

// ParseAddresses reads an address list leniently: at most 1,000 addresses of 64 KiB. Names are decoded to UTF-8, without characters that
// could deceive who reads them. Domains in ACE form (xn--…) are kept as they are.
func ParseAddresses(value string) []Address {
	if len(value) > MaxField {
		value = value[:MaxField]
	}
	if strings.TrimSpace(value) == "" {
		return nil
	}
	list := make([]Address, 0, min(1+strings.Count(value, ","), 64))
	var word, phrase [128]byte
	l := addressList{s: value, word: word[:0], phrase: phrase[:0]}
	for len(list) < MaxAddresses {
		a, ok := l.next()
		if !ok {
			break
		}
		if a.kind == mailboxAddress {
			list = append(list, Address{
				Name:   truncate(clean(DecodeHeader(a.name)), maxName),
				Local:  rawText(a.local),
				Domain: rawText(a.domain),
			})
		}
	}
	if len(list) == 0 {
		return nil // an empty group
	}
	return list
}

// ASCIIDomain is domain as it stands in the DNS and as 7-bit clients know it: in ASCII and lower case, without a dot at its end; ok is false
// if it has no such form. What is in ASCII already need not be a domain. RFC 5891 §4.
func ASCIIDomain(domain string) (ascii string, ok bool) {
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	if IsASCII(domain) {
		return domain, true
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil {
		return "", false
	}
	return ascii, true
}
