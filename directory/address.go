package directory

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"schulhof/store/fault"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// Address is a mail address in its one canonical form: the local part in NFC and
// lower case without its quotes, the domain in its ASCII form and lower case.
// Two addresses lead to the same mailbox exactly when they are equal here.
type Address struct {
	Local  string // "" only for the bare postmaster of RFC 5321 §4.5.1, never otherwise
	Domain string
	detail string // of Local, before case was folded; see Split
}

// ParseAddress reads an address as RFC 5321 §4.1.2 (Mailbox) and RFC 6531 §3.3 write it,
// without the angle brackets. fault.Invalid says what is wrong. It is linear in len(s).
func ParseAddress(s string) (Address, error) {
	if len(s) > MaxAddress {
		return Address{}, fault.New(fault.Invalid, "the address is longer than %d bytes", MaxAddress)
	}
	local, rest, err := cutLocal(s)
	if err != nil {
		return Address{}, err
	}
	if len(rest) == 0 || rest[0] != '@' {
		return Address{}, fault.New(fault.Invalid, "the address has no @")
	}
	domain, err := CanonicalDomain(rest[1:])
	if err != nil {
		return Address{}, err
	}
	return newAddress(local, domain)
}

// newAddress folds local, whose quotes are gone already.
func newAddress(local, domain string) (Address, error) {
	if local == "" || len(local) > MaxLocalPart {
		return Address{}, errLocalLength()
	}
	local, err := normalizeName(local)
	if err != nil {
		return Address{}, err
	}
	a := Address{Local: FoldName(local), Domain: domain}
	if len(a.Local) > MaxLocalPart { // some letters are longer in their one form
		return Address{}, errLocalLength()
	}
	if _, detail, ok := strings.Cut(local, "+"); ok {
		a.detail = detail
	}
	return a, nil
}

func errLocalLength() error {
	return fault.New(fault.Invalid, "the part before the @ must have 1 to %d bytes", MaxLocalPart)
}

// Split takes the detail of plus-addressing off (RFC 5233): anna+Math@x is anna@x and "Math".
// ok is false when there is none.
func (a Address) Split() (base Address, detail string, ok bool) {
	i := strings.IndexByte(a.Local, '+')
	if i <= 0 {
		return a, "", false
	}
	return Address{Local: a.Local[:i], Domain: a.Domain}, a.detail, true
}

// String is the address as it is stored and shown; a local part that needs quotes gets them.
func (a Address) String() string {
	if isDotString(a.Local) {
		return a.Local + "@" + a.Domain
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range a.Local {
		if r == '"' || r == '\\' {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	b.WriteString(`"@`)
	b.WriteString(a.Domain)
	return b.String()
}

// cutLocal splits s behind its local part and returns that in its plain meaning.
func cutLocal(s string) (local, rest string, err error) {
	if strings.HasPrefix(s, `"`) {
		return cutQuoted(s)
	}
	end := strings.IndexByte(s, '@')
	if end < 0 {
		end = len(s)
	}
	if !isDotString(s[:end]) {
		return "", "", fault.New(fault.Invalid, "the part before the @ has a character that needs quotes, or a dot in a wrong place")
	}
	return s[:end], s[end:], nil
}

// cutQuoted reads the Quoted-string of RFC 5321 §4.1.2: printable ASCII and UTF-8, \ before any printable.
func cutQuoted(s string) (local, rest string, err error) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), s[i+1:], nil
		case c == '\\' && i+1 < len(s) && s[i+1] >= ' ' && s[i+1] < 0x7f:
			i++
			b.WriteByte(s[i])
		case c == '\\' || c < ' ' || c == 0x7f:
			return "", "", fault.New(fault.Invalid, "a control character or a lone backslash in a quoted address")
		default:
			b.WriteByte(c)
		}
	}
	return "", "", fault.New(fault.Invalid, "the quote of the address does not end")
}

// isDotString reports whether s is Atom *("." Atom), atoms being atext or UTF-8.
func isDotString(s string) bool {
	dot := true // a dot may not come here
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '.':
			if dot {
				return false
			}
			dot = true
		case c >= utf8.RuneSelf || isAtext(c):
			dot = false
		default:
			return false
		}
	}
	return !dot
}

// isAtext is RFC 5322 §3.2.3.
func isAtext(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return true
	}
	return strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

// normalizeName brings s to NFC and refuses what could deceive or does not print:
// invalid UTF-8, controls, format characters (bidirectional marks among them), private use.
func normalizeName(s string) (string, error) {
	if isASCII(s) {
		return s, nil // cutLocal has refused controls
	}
	if !utf8.ValidString(s) {
		return "", fault.New(fault.Invalid, "the name is not valid UTF-8")
	}
	s = norm.NFC.String(s)
	for _, r := range s {
		if r >= utf8.RuneSelf && !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S) {
			return "", fault.New(fault.Invalid, "the name has a space, control or format character (U+%04X)", r)
		}
	}
	return s, nil
}

// FoldName is how names are compared: without regard to case (Unicode simple case folding, then NFC).
// ß and ss stay different, as they are in people's names.
func FoldName(s string) string {
	if isASCII(s) {
		return strings.ToLower(s) // no copy when it is lower case already
	}
	return norm.NFC.String(strings.Map(foldRune, norm.NFC.String(s)))
}

func foldRune(r rune) rune {
	switch r {
	case 'ı': // its upper case is I, but it is another letter
		return r
	case 'ẞ':
		return 'ß'
	}
	return unicode.ToLower(unicode.ToUpper(r))
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// domainProfile maps and checks like a resolver (UTS 46, non-transitional, so that ß stays ß).
func domainProfile() *idna.Profile {
	return idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false), idna.StrictDomainName(true), idna.VerifyDNSLength(true))
}

// CanonicalDomain returns name in its ASCII form (A-labels) and lower case, so that all forms of one
// domain are equal (RFC 5890). An address literal ([192.0.2.1]) stays as it is. fault.Invalid.
func CanonicalDomain(name string) (string, error) {
	if name == "" || len(name) > MaxDomain {
		return "", fault.New(fault.Invalid, "the domain must have 1 to %d bytes", MaxDomain)
	}
	if name[0] == '[' {
		return domainLiteral(name)
	}
	if isASCII(name) {
		lower := strings.ToLower(name)
		if !isHostname(lower) {
			return "", fault.New(fault.Invalid, "the domain is not well-formed")
		}
		if !strings.Contains(lower, "xn--") {
			return lower, nil
		}
		name = lower
	}
	if !utf8.ValidString(name) {
		return "", fault.New(fault.Invalid, "the domain is not valid UTF-8")
	}
	profile := domainProfile()
	ascii, err := profile.ToASCII(name)
	if err != nil || !isHostname(ascii) {
		return "", fault.Wrap(fault.Invalid, err, "the domain is not well-formed")
	}
	if again, err := profile.ToASCII(ascii); err != nil || again != ascii { // the mapping is lenient, its result is not always a domain
		return "", fault.Wrap(fault.Invalid, err, "the domain is not well-formed")
	}
	return ascii, nil
}

// DisplayDomain is the Unicode form of a canonical domain, for people to read.
func DisplayDomain(canonical string) string {
	if !strings.Contains(canonical, "xn--") {
		return canonical
	}
	if name, err := domainProfile().ToUnicode(canonical); err == nil {
		return name
	}
	return canonical
}

func domainLiteral(name string) (string, error) {
	if len(name) < 3 || name[len(name)-1] != ']' {
		return "", fault.New(fault.Invalid, "the address literal does not end")
	}
	for i := 1; i < len(name)-1; i++ { // Dcontent, RFC 5321 §4.1.3
		if c := name[i]; c <= ' ' || c >= 0x7f || c == '[' || c == '\\' || c == ']' {
			return "", fault.New(fault.Invalid, "the address literal is not well-formed")
		}
	}
	return strings.ToLower(name), nil
}

// isHostname checks labels of 1 to 63 letters, digits, hyphens and (seen in the wild) underscores.
func isHostname(s string) bool {
	label := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '.':
			if label == 0 || s[i-1] == '-' {
				return false
			}
			label = 0
			continue
		case c == '-' && label == 0:
			return false
		case c == '-' || c == '_' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
		default:
			return false
		}
		if label++; label > 63 {
			return false
		}
	}
	return label > 0 && s[len(s)-1] != '-'
}

// checkNewName refuses what a new account, group or resource may not be called, beyond what an address
// must be: its name is a login, a folder and a part of links. plus: an alias may contain a plus sign.
func checkNewName(local string, plus bool) error {
	if !isDotString(local) {
		return fault.New(fault.Invalid, "the name %q may not need quotes", local)
	}
	if norm.NFKC.String(local) != local {
		return fault.New(fault.Invalid, "the name %q has characters that only look like others", local)
	}
	for i, r := range local {
		switch {
		case unicode.In(r, unicode.L, unicode.Nd), unicode.In(r, unicode.M) && i > 0:
		case r == '.' || r == '-' || r == '_' || r == '\'', plus && r == '+':
			if i == 0 && (r == '-' || r == '+') {
				return fault.New(fault.Invalid, "the name %q may not begin with %q", local, r)
			}
		default:
			return fault.New(fault.Invalid, "the name %q may not contain %q", local, r)
		}
	}
	return nil
}

// checkDisplayName returns s in NFC; it must fit on a line and print. field names it in the complaint.
func checkDisplayName(field, s string) (string, error) {
	if len(s) > MaxNameBytes {
		return "", fault.New(fault.Invalid, "the %s is longer than %d bytes", field, MaxNameBytes)
	}
	if !utf8.ValidString(s) {
		return "", fault.New(fault.Invalid, "the %s is not valid UTF-8", field)
	}
	for _, r := range s {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == unicode.ReplacementChar || isBidiControl(r) {
			return "", fault.New(fault.Invalid, "the %s has a control character (U+%04X)", field, r)
		}
	}
	return norm.NFC.String(strings.TrimSpace(s)), nil
}

func isBidiControl(r rune) bool {
	return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x200e || r == 0x200f || r == 0x061c
}
