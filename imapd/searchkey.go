package imapd

import (
	"sort"
	"unicode/utf8"

	"schulhof/mailbox"
)

// searchKeys reads a search program while it resolves sets against what the client knows.
// RFC 9051 §6.4.4, RFC 5032 (WITHIN), RFC 7162 (MODSEQ), RFC 8474 (object ids), RFC 8514 (SAVEDATE).
type searchKeys struct {
	c      *conn
	p      *parser
	depth  int
	keys   int
	modseq bool       // a MODSEQ key was there: the answer names the highest one
	flags  []flagWant // keywords to be looked up once parsing has succeeded
	sets   []setWant  // sets to be resolved then
}

// flagWant is a node whose keyword is not known as a bit yet.
type flagWant struct {
	node *mailbox.Criteria
	name string
}

// setWant is a node whose set is not resolved yet.
type setWant struct {
	node *mailbox.Criteria
	set  seqSet
	uid  bool
}

func matchAll() *mailbox.Criteria  { return &mailbox.Criteria{Op: mailbox.And} }
func matchNone() *mailbox.Criteria { return negate(matchAll()) }

func negate(x *mailbox.Criteria) *mailbox.Criteria {
	return &mailbox.Criteria{Op: mailbox.Not, Children: []*mailbox.Criteria{x}}
}

func hasFlag(f mailbox.Flags) *mailbox.Criteria {
	return &mailbox.Criteria{Op: mailbox.HasFlags, Flags: f}
}

// program reads keys until the end of the command or the closing parenthesis; all of them must match.
func (s *searchKeys) program() *mailbox.Criteria {
	first := s.key()
	if s.p.peek() != ' ' {
		return first
	}
	all := &mailbox.Criteria{Op: mailbox.And, Children: []*mailbox.Criteria{first}}
	for s.p.err == nil && s.p.peek() == ' ' {
		s.p.sp()
		all.Children = append(all.Children, s.key())
	}
	return all
}

// key reads one search key.
func (s *searchKeys) key() *mailbox.Criteria {
	p := s.p
	if s.keys++; s.keys > maxSearchKeys {
		p.fail("more than %d search keys", maxSearchKeys)
	}
	if s.depth++; s.depth > maxSearchDepth {
		p.fail("search keys nested deeper than %d", maxSearchDepth)
	}
	defer func() { s.depth-- }()
	if p.err != nil {
		return matchAll()
	}
	switch c := p.peek(); {
	case c == '(':
		p.accept('(')
		inner := s.program()
		if !p.accept(')') {
			p.fail("a closing parenthesis is missing")
		}
		return inner
	case isDigit(c) || c == '*' || c == '$':
		return s.set(false)
	}
	return s.named(p.word())
}

// set reads a sequence set, or a UID set; it is resolved by resolveSets.
func (s *searchKeys) set(uid bool) *mailbox.Criteria {
	node := &mailbox.Criteria{Op: mailbox.UIDSet}
	s.sets = append(s.sets, setWant{node: node, set: s.p.seqSet(), uid: uid})
	return node
}

// named reads what follows a key's name.
func (s *searchKeys) named(word string) *mailbox.Criteria {
	if f, ok := flagKeys[word]; ok {
		return hasFlag(f)
	}
	if len(word) > 2 && word[:2] == "UN" {
		if f, ok := flagKeys[word[2:]]; ok {
			return negate(hasFlag(f))
		}
	}
	if op, ok := dateKeys[word]; ok {
		s.p.sp()
		return &mailbox.Criteria{Op: op, Date: s.p.date()}
	}
	switch word {
	case "ALL", "OLD", "SAVEDATESUPPORTED": // OLD: we have no \Recent (RFC 9051 §2.3.2), so nothing is recent
		return matchAll()
	case "NEW", "RECENT":
		return matchNone()
	case "NOT":
		s.p.sp()
		return negate(s.key())
	case "OR":
		s.p.sp()
		a := s.key()
		s.p.sp()
		return &mailbox.Criteria{Op: mailbox.Or, Children: []*mailbox.Criteria{a, s.key()}}
	case "UID":
		s.p.sp()
		return s.set(true)
	case "KEYWORD":
		return s.keyword()
	case "UNKEYWORD":
		return negate(s.keyword())
	case "LARGER", "SMALLER", "OLDER", "YOUNGER":
		return s.number(word)
	case "MODSEQ":
		return s.modSeqKey()
	case "EMAILID":
		return s.objectID(mailbox.EmailIDIs, 'M')
	case "THREADID":
		return s.objectID(mailbox.ThreadIDIs, 'T')
	}
	return s.textKey(word)
}

// textKey reads the keys that look for text.
func (s *searchKeys) textKey(word string) *mailbox.Criteria {
	switch word {
	case "BODY":
		return &mailbox.Criteria{Op: mailbox.Body, Text: s.text()}
	case "TEXT":
		return &mailbox.Criteria{Op: mailbox.Text, Text: s.text()}
	case "BCC", "CC", "FROM", "SUBJECT", "TO":
		return &mailbox.Criteria{Op: mailbox.Header, Header: headerNames[word], Text: s.text()}
	case "HEADER":
		s.p.sp()
		name := s.p.astring()
		return &mailbox.Criteria{Op: mailbox.Header, Header: name, Text: s.text()}
	}
	s.p.fail("unknown search key %q", word)
	return matchAll()
}

// text reads a space and a string in the search's character set, which is UTF-8 or a part of it.
func (s *searchKeys) text() string {
	s.p.sp()
	text := s.p.astring()
	if !utf8.ValidString(text) {
		s.p.fail("a search string is not valid UTF-8")
	}
	return text
}

// keyword reads the name of a flag; it is looked up by resolveFlags.
func (s *searchKeys) keyword() *mailbox.Criteria {
	s.p.sp()
	node := &mailbox.Criteria{Op: mailbox.HasFlags}
	s.flags = append(s.flags, flagWant{node, s.p.atom()})
	return node
}

func (s *searchKeys) number(word string) *mailbox.Criteria {
	ops := map[string]mailbox.Op{"LARGER": mailbox.Larger, "SMALLER": mailbox.Smaller, "OLDER": mailbox.Older, "YOUNGER": mailbox.Younger}
	s.p.sp()
	n := s.p.number64()
	if n == 0 && (word == "OLDER" || word == "YOUNGER") {
		s.p.fail("%s wants a number of seconds above zero", word)
	}
	return &mailbox.Criteria{Op: ops[word], Number: n}
}

// modSeqKey reads `MODSEQ ["/flags/\\Seen" all] n`. We keep one modseq per message, so that the
// entry makes no difference. RFC 7162 §3.1.5.
func (s *searchKeys) modSeqKey() *mailbox.Criteria {
	s.p.sp()
	if s.p.peek() == '"' {
		s.p.string()
		s.p.sp()
		if kind := s.p.word(); kind != "PRIV" && kind != "SHARED" && kind != "ALL" {
			s.p.fail("unknown entry type %q", kind)
		}
		s.p.sp()
	}
	s.modseq = true
	return &mailbox.Criteria{Op: mailbox.ModSeqAtLeast, Number: int64(s.p.modseq())}
}

// objectID reads an object identifier; one that we never gave matches nothing.
func (s *searchKeys) objectID(op mailbox.Op, kind byte) *mailbox.Criteria {
	s.p.sp()
	id, ok := parseObjectID(s.p.atom(), kind)
	if !ok {
		return matchNone()
	}
	return &mailbox.Criteria{Op: op, ID: id}
}

var flagKeys = map[string]mailbox.Flags{
	"ANSWERED": mailbox.Answered, "DELETED": mailbox.DeletedFlag, "DRAFT": mailbox.Draft, "FLAGGED": mailbox.Flagged, "SEEN": mailbox.Seen,
}

var dateKeys = map[string]mailbox.Op{
	"BEFORE": mailbox.Before, "ON": mailbox.On, "SINCE": mailbox.Since,
	"SENTBEFORE": mailbox.SentBefore, "SENTON": mailbox.SentOn, "SENTSINCE": mailbox.SentSince,
	"SAVEDBEFORE": mailbox.SavedBefore, "SAVEDON": mailbox.SavedOn, "SAVEDSINCE": mailbox.SavedSince,
}

var headerNames = map[string]string{"BCC": "Bcc", "CC": "Cc", "FROM": "From", "SUBJECT": "Subject", "TO": "To"}

// parseObjectID reads what objectID wrote: a letter for its kind and hexadecimal digits.
func parseObjectID(s string, kind byte) (id int64, ok bool) {
	if len(s) < 2 || len(s) > 17 || s[0] != kind {
		return 0, false
	}
	for i := 1; i < len(s); i++ {
		c := s[i]
		switch {
		case isDigit(c):
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		default:
			return 0, false
		}
		id = id<<4 | int64(c)
	}
	return id, id > 0
}

// uidRanges are ascending and apart.
type uidRanges []uidRange

type uidRange struct{ first, last mailbox.UID }

// has tells whether uid lies in one of the ranges.
func (r uidRanges) has(uid mailbox.UID) bool {
	i := sort.Search(len(r), func(i int) bool { return r[i].last >= uid })
	return i < len(r) && r[i].first <= uid
}

// rangesOf groups the messages at idx (ascending) into runs of neighbours in snap.
func rangesOf(snap *mailbox.Snapshot, idx []int) uidRanges {
	var r uidRanges
	prev := -2
	for _, i := range idx {
		uid := snap.UIDAt(i)
		if i == prev+1 {
			r[len(r)-1].last = uid
		} else {
			r = append(r, uidRange{uid, uid})
		}
		prev = i
	}
	return r
}
