package imapd

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzStoreArgs reads the arguments of STORE: what is accepted has a set and flags that may be stored. RFC 9051 §6.4.6.
func FuzzStoreArgs(f *testing.F) {
	for _, seed := range []string{` 1 FLAGS (\Seen)`, ` 1:* +FLAGS.SILENT \Deleted k`, ` $ (UNCHANGEDSINCE 5) -FLAGS ()`, ` 1 (UNCHANGEDSINCE 0 UNCHANGEDSINCE 1) FLAGS (a)`, " 1 +FLAGS (\\Recent)", " 1 FLAGS (\\"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		p := parserOf(t, in)
		a := p.storeArgs()
		if p.end() != nil {
			return
		}
		if !a.set.saved && len(a.set.ranges) == 0 || a.unchanged != (a.op.UnchangedSince != nil) {
			t.Fatalf("storeArgs(%q) = %+v", in, a)
		}
		for _, name := range a.names {
			if strings.HasPrefix(name, `\`) && !isSystemFlag(name) || strings.ContainsAny(name, " ()\r\n") || name == "" {
				t.Fatalf("storeArgs(%q) stores the flag %q", in, name)
			}
		}
	})
}

// FuzzSelectOptions reads the parameters of SELECT; pairs of match data have equal length and ascend. RFC 7162 §3.2.5.
func FuzzSelectOptions(f *testing.F) {
	for _, seed := range []string{"(CONDSTORE)", "(QRESYNC (1 5))", "(QRESYNC (67890007 20050715194045000 41,43:211,214:541 (1,5 41,47)) CONDSTORE)", "(QRESYNC (1 1 (1:3 2:4)))", "()", "(QRESYNC (1 1 1:4294967295))", "(QRESYNC (1 1 (1:10001 1:10001)))"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		c := connOver(in + "\r\n")
		c.enabled = qresync
		p := &c.parser
		p.maxText, p.maxKept = maxLine, maxLiterals
		if p.begin() != nil {
			return
		}
		var o selectOptions
		c.selectOptions(p, &o)
		if p.end() != nil || o.qresync == nil {
			return
		}
		r := o.qresync
		if r.uidValidity == 0 || len(r.seqs) != len(r.uids) || len(r.seqs) > maxSetRanges {
			t.Fatalf("selectOptions(%q) = %+v", in, r)
		}
		for i := 1; i < len(r.seqs); i++ {
			if r.seqs[i] <= r.seqs[i-1] || r.uids[i] <= r.uids[i-1] {
				t.Fatalf("selectOptions(%q): match data %v and %v", in, r.seqs, r.uids)
			}
		}
		for i := 1; i < len(r.known); i++ {
			if r.known[i].first <= r.known[i-1].last || !r.knows(r.known[i].last) {
				t.Fatalf("selectOptions(%q): known UIDs %v", in, r.known)
			}
		}
	})
}

// FuzzListArguments reads what follows LIST: no more patterns than the limit, in UTF-8, and RECURSIVEMATCH only with another option.
func FuzzListArguments(f *testing.F) {
	for _, seed := range []string{`"" *`, `(SUBSCRIBED RECURSIVEMATCH) "" ("a" b%) RETURN (CHILDREN STATUS (MESSAGES))`, `Klasse/ (a b c)`, `() "" ""`, `"" {3+}` + "\r\na*b", `"" "&ANw-*"`, `(RECURSIVEMATCH) "" x`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		p := parserOf(t, in)
		var l listing
		if p.peek() == '(' {
			p.selectionOptions(&l)
			p.sp()
		}
		reference := p.mailbox()
		p.sp()
		p.listPatterns(&l, reference)
		if p.accept(' ') {
			p.returnOptions(&l)
		}
		if p.end() != nil {
			return
		}
		if len(l.patterns) > maxListPatterns || l.recursive && !l.onlySubscribed && !l.onlySpecial {
			t.Fatalf("LIST %q = %+v", in, l)
		}
		for _, pat := range l.patterns {
			if !utf8.ValidString(pat.text) || strings.Contains(strings.ReplaceAll(pat.text, "%", "*"), "**") || len(pat.text) > 2*maxListPattern {
				t.Fatalf("LIST %q has the pattern %q", in, pat.text)
			}
		}
	})
}

// FuzzListItems reads the lists of words: STATUS items, sort criteria, RETURN options. Nothing unknown gets through, nothing empty.
func FuzzListItems(f *testing.F) {
	for _, seed := range []string{"(MESSAGES UIDNEXT)", "(REVERSE DATE SUBJECT)", "RETURN (MIN MAX SAVE) ", "(DELETED-STORAGE)", "(REVERSE)", "()", "((MESSAGES))"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		p := parserOf(t, in)
		items := p.statusItems()
		if p.end() == nil && (len(items) == 0 || len(items) > len(statusItems)) {
			t.Fatalf("statusItems(%q) = %q", in, items)
		}
		p = parserOf(t, in)
		by := p.sortCriteria()
		if p.end() == nil && (len(by) == 0 || len(by) > maxSortKeys) {
			t.Fatalf("sortCriteria(%q) = %v", in, by)
		}
		p = parserOf(t, in)
		s := searchCommand{c: connOver("")}
		s.returnOptions(p)
		if p.end() == nil && s.extended != (s.ret != 0) {
			t.Fatalf("returnOptions(%q) = %b, extended %v", in, s.ret, s.extended)
		}
	})
}

// FuzzPlainResponse reads a SASL PLAIN response: what is accepted has exactly three parts. RFC 4616 §2.
func FuzzPlainResponse(f *testing.F) {
	for _, seed := range []string{"AGFubmEAc2VjcmV0", "=", "", "AAA=", "AAAA", "AA==", "****", "YW5uYQ=="} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		identity, name, secret, err := plainResponse(in)
		if err == nil && strings.ContainsRune(identity+name+secret, 0) {
			t.Fatalf("plainResponse(%q) = %q, %q, %q", in, identity, name, secret)
		}
		if err != nil && identity+name+secret != "" {
			t.Fatalf("plainResponse(%q) = %v, but it gives %q", in, err, name)
		}
	})
}

// FuzzAppendArguments reads the arguments of APPEND up to the literal, and the literal in each of its forms.
func FuzzAppendArguments(f *testing.F) {
	for _, seed := range []string{`(\Seen) "17-Jul-1996 02:44:25 -0700" {3+}` + "\r\nabc", "{3+}\r\nabc", "~{3+}\r\na\x00c", "UTF8 (~{3+}\r\nabc)", "UTF8 (~{3+}\r\nabc", "(a {1+}\r\nx", "{99999999999+}\r\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		p := parserOf(t, in)
		p.spool = nil // a literal that is wanted would need a place to go
		if p.peek() == '(' {
			p.flags()
			p.sp()
		}
		if p.peek() == '"' {
			p.dateTime()
			p.sp()
		}
		asked := int64(-1)
		if spool := p.messageLiteral(func(n int64) error { asked = n; return no("", "enough") }); spool != nil {
			t.Fatalf("%q: a spool though it was refused", in)
		}
		if p.end() == nil {
			t.Fatalf("%q: no error, asked for %d bytes", in, asked)
		}
		_ = p.finish()
	})
}
