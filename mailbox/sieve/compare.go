package sieve

import (
	"strconv"
	"strings"

	"schulhof/mailbox/message"
)

// comparator is how strings are compared. RFC 4790, RFC 5051.
type comparator uint8

const (
	asciiCasemap comparator = iota // what holds without :comparator; RFC 5228 §2.7.3
	octet
	asciiNumeric
	unicodeCasemap
	comparators
)

var comparatorNames = [comparators]string{"i;ascii-casemap", "i;octet", "i;ascii-numeric", "i;unicode-casemap"} //nolint:gochecknoglobals // a constant table

// value is something that a test looks at; its folded forms are made once.
type value struct {
	text   string
	folded [comparators]string
	has    [comparators]bool
}

func (v *value) fold(c comparator) string {
	if c == octet || c == asciiNumeric {
		return v.text
	}
	if !v.has[c] {
		v.folded[c], v.has[c] = c.fold(v.text), true
	}
	return v.folded[c]
}

// fold is the form that is compared byte by byte.
func (c comparator) fold(s string) string {
	switch c {
	case asciiCasemap:
		return foldASCII(s)
	case unicodeCasemap:
		return message.SortKey(s)
	}
	return s
}

// foldASCII makes a to z upper case, and keeps every byte where it is. RFC 4790 §9.2.
func foldASCII(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= 'a' && c <= 'z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if c := b[i]; c >= 'a' && c <= 'z' {
					b[i] = c - 0x20
				}
			}
			return string(b)
		}
	}
	return s
}

// order compares two folded strings.
func (c comparator) order(a, b string) int {
	if c == asciiNumeric {
		return orderNumbers(a, b)
	}
	return strings.Compare(a, b)
}

// orderNumbers compares the digits that a and b begin with; without any, it is infinity. RFC 4790 §9.1.
func orderNumbers(a, b string) int {
	a, aFinite := leadingNumber(a)
	b, bFinite := leadingNumber(b)
	switch {
	case !aFinite && !bFinite:
		return 0
	case !aFinite:
		return 1
	case !bFinite:
		return -1
	case len(a) != len(b):
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

func leadingNumber(s string) (digits string, ok bool) {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return strings.TrimLeft(s[:n], "0"), n > 0
}

// matchKind is the match type. RFC 5228 §2.7.1, RFC 5231, RFC 6134, the regex draft.
type matchKind uint8

const (
	isEqual matchKind = iota
	contains
	matchesGlob
	byValue
	byCount
	byRegex
	inList
)

// matchTags are the tags of every test that compares.
var matchTags = []tag{ //nolint:gochecknoglobals // a constant table
	{name: ":is", group: "match"},
	{name: ":contains", group: "match"},
	{name: ":matches", group: "match"},
	{name: ":value", needs: "relational", value: text, group: "match"},
	{name: ":count", needs: "relational", value: text, group: "match"},
	{name: ":regex", needs: "regex", group: "match"},
	{name: ":list", needs: "extlists", group: "match"},
	{name: ":comparator", value: text},
}

// matcher compares values with the keys of a test.
type matcher struct {
	offset   int
	kind     matchKind
	relation string // of :value and :count
	compare  comparator
	keys     []key
	silent   bool // match variables stay as they are; RFC 5173 §6
}

// key is one key, ready to be compared if it has no variables.
type key struct {
	phrase phrase
	folded string
	glob   glob
	regex  *pattern
}

// matcher reads the match type, the comparator and the keys, which are positional argument at.
func (a *arguments) matcher(at int) *matcher {
	m := &matcher{offset: a.node.offset}
	if t := a.group("match"); t != nil {
		m.kind = map[string]matchKind{":is": isEqual, ":contains": contains, ":matches": matchesGlob, ":value": byValue, ":count": byCount,
			":regex": byRegex, ":list": inList}[t.tag.name]
		if t.tag.value == text {
			m.relation = a.relation(t)
		}
	}
	if t := a.find(":comparator"); t != nil {
		m.compare = a.comparator(t)
	}
	if m.compare == asciiNumeric && m.kind != isEqual && m.kind != byValue && m.kind != byCount {
		a.fail(m.offset, "i;ascii-numeric compares whole numbers, it cannot look for parts")
	}
	for _, p := range a.phrases(at) {
		k := key{phrase: p}
		if p.parts == nil {
			if err := m.prepare(&k, p.fixed); err != nil {
				a.fail(p.offset, "%s", err)
			}
		}
		m.keys = append(m.keys, k)
	}
	return m
}

func (a *arguments) relation(t *tagged) string {
	relation := strings.ToLower(t.value.text)
	switch relation {
	case "gt", "ge", "lt", "le", "eq", "ne":
	default:
		a.fail(t.offset, "%s is followed by \"gt\", \"ge\", \"lt\", \"le\", \"eq\" or \"ne\"", t.tag.name)
	}
	return relation
}

func (a *arguments) comparator(t *tagged) comparator {
	name := a.constant(":comparator")
	for c, known := range comparatorNames {
		if name != known {
			continue
		}
		if c := comparator(c); c != asciiCasemap && c != octet && !a.uses("comparator-"+known) {
			a.fail(t.offset, "%s needs: require %s;", known, quoteShort("comparator-"+known))
		}
		return comparator(c)
	}
	a.fail(t.offset, "there is no comparator %s", quoteShort(name))
	return asciiCasemap
}

// prepare makes what is compared of a key's text.
func (m *matcher) prepare(k *key, text string) (err error) {
	switch m.kind {
	case matchesGlob:
		k.glob = newGlob(text, m.compare)
	case byRegex:
		k.regex, err = newPattern(text, m.compare != octet)
	default:
		k.folded = m.compare.fold(text)
	}
	return err
}

// any reports whether v matches one of the keys.
func (m *matcher) any(r *run, v *value) (bool, error) {
	for i := range m.keys {
		k := &m.keys[i]
		if k.phrase.parts != nil {
			fresh := key{phrase: k.phrase}
			if err := m.prepare(&fresh, r.expand(&k.phrase)); err != nil {
				return false, r.stopped(m.offset, "%s", err)
			}
			k = &fresh
		}
		ok, err := m.one(r, k, v)
		if ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

func (m *matcher) one(r *run, k *key, v *value) (bool, error) {
	if err := r.spend(1 + len(v.text)/stepText); err != nil {
		return false, err
	}
	switch m.kind {
	case isEqual:
		return m.compare.order(v.fold(m.compare), k.folded) == 0, nil
	case contains:
		return strings.Contains(v.fold(m.compare), k.folded), nil
	case byValue:
		return related(m.relation, m.compare.order(v.fold(m.compare), k.folded)), nil
	case matchesGlob:
		return m.glob(r, k, v)
	case byRegex:
		return m.regex(r, k, v)
	case inList:
		member, known, err := r.env.Host.Listed(r.expand(&k.phrase), v.text)
		if err == nil && !known {
			return false, r.stopped(m.offset, "there is no list %s", quoteShort(r.expand(&k.phrase)))
		}
		return member, hostError(err)
	}
	return false, nil
}

func (m *matcher) glob(r *run, k *key, v *value) (bool, error) {
	spans, tries, ok := k.glob.match(v, m.compare)
	if err := r.spend(tries / stepGlob); err != nil || !ok {
		return false, err
	}
	if !m.silent {
		r.matches = append(r.matches[:0], v.text)
		for _, s := range spans[:min(len(spans), maxMatches-1)] {
			r.matches = append(r.matches, v.text[s.from:s.to])
		}
	}
	return true, nil
}

func (m *matcher) regex(r *run, k *key, v *value) (bool, error) {
	if err := r.spend(len(v.text) * k.regex.size / stepRegex); err != nil {
		return false, err
	}
	if m.silent {
		return k.regex.re.MatchString(v.text), nil
	}
	found := k.regex.re.FindStringSubmatch(v.text)
	if found == nil {
		return false, nil
	}
	r.matches = append(r.matches[:0], found[:min(len(found), maxMatches)]...)
	return true, nil
}

// counted compares the number of things with the keys. RFC 5231 §4.2.
func (m *matcher) counted(r *run, n int) (bool, error) {
	v := value{text: strconv.Itoa(n)}
	for i := range m.keys {
		if err := r.spend(1); err != nil {
			return false, err
		}
		key := m.compare.fold(r.expand(&m.keys[i].phrase))
		if related(m.relation, m.compare.order(v.fold(m.compare), key)) {
			return true, nil
		}
	}
	return false, nil
}

func related(relation string, order int) bool {
	switch relation {
	case "gt":
		return order > 0
	case "ge":
		return order >= 0
	case "lt":
		return order < 0
	case "le":
		return order <= 0
	case "eq":
		return order == 0
	}
	return order != 0
}
