package imapd

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// sortable is a message of the sort tests with the keys that RFC 5256 §3 takes from it.
type sortable struct {
	seq, size      int
	arrived, sent  time.Time
	from, to, cc   string // local parts, in capitals
	subject, reply string // base subject in capitals; the subject as it is sent
}

// sortSubjects are subjects with their base. RFC 5256 §2.1.
var sortSubjects = [][2]string{{"alpha", "ALPHA"}, {"Re: Alpha", "ALPHA"}, {"[7b] Beta", "BETA"}, {"Fwd: beta (fwd)", "BETA"}, {"=?utf-8?q?=C3=84pfel?=", "A\u0308PFEL"}, {"", ""}, {"AW: Zeugnis", "ZEUGNIS"}}

func sortables(c *client, n int) []*sortable {
	r := rand.New(rand.NewPCG(3, 5))
	var list []*sortable
	var texts []string
	for i := range n {
		s := &sortable{seq: i + 1, arrived: time.Date(2026, 2, 1+r.IntN(5), 8, 0, 0, 0, time.UTC)}
		pair := sortSubjects[r.IntN(len(sortSubjects))]
		s.reply, s.subject = pair[0], pair[1]
		person := func(header string) (line, key string) {
			who := []string{"anna", "Ben", "carla", ""}[r.IntN(4)]
			if who == "" {
				return "", ""
			}
			return header + ": =?utf-8?q?Z=C3=BC?= <" + who + "@school.test>, aaa@school.test\r\n", strings.ToUpper(who)
		}
		var text, line string
		line, s.from = person("From")
		text += line
		line, s.to = person("To")
		text += line
		line, s.cc = person("Cc")
		text += line
		s.sent = s.arrived // without a Date field the internal date counts: RFC 5256 §2.2
		if r.IntN(4) > 0 {
			s.sent = time.Date(2026, 1, 1+r.IntN(4), r.IntN(24), 0, 0, 0, time.FixedZone("", (r.IntN(24)-12)*3600))
			text += "Date: " + s.sent.Format(time.RFC1123Z) + "\r\n"
		}
		if s.reply != "" {
			text += "Subject: " + s.reply + "\r\n"
		}
		text += "\r\n" + strings.Repeat("x", r.IntN(4)*10)
		s.size = len(text)
		list = append(list, s)
		texts = append(texts, s.arrived.Format(`"02-Jan-2006 15:04:05 -0700"`)+"|"+text)
	}
	c.appends("INBOX", texts...)
	c.want(c.do("s SELECT INBOX"), "s OK")
	return list
}

// sortCompare is each criterion in the words of RFC 5256 §3.
var sortCompare = map[string]func(a, b *sortable) int{
	"ARRIVAL": func(a, b *sortable) int { return a.arrived.Compare(b.arrived) },
	"DATE":    func(a, b *sortable) int { return a.sent.Compare(b.sent) },
	"SIZE":    func(a, b *sortable) int { return cmp.Compare(a.size, b.size) },
	"FROM":    func(a, b *sortable) int { return cmp.Compare(a.from, b.from) },
	"TO":      func(a, b *sortable) int { return cmp.Compare(a.to, b.to) },
	"CC":      func(a, b *sortable) int { return cmp.Compare(a.cc, b.cc) },
	"SUBJECT": func(a, b *sortable) int { return cmp.Compare(a.subject, b.subject) },
}

// Every list of criteria, in either direction, sorts as a stable sort by each in turn; what is equal keeps its number's order.
func TestSortAgainstAPlainSort(t *testing.T) {
	ts := newTestServer(t)
	c := ts.login("anna")
	all := sortables(c, 25)
	names := []string{"ARRIVAL", "CC", "DATE", "FROM", "SIZE", "SUBJECT", "TO"}
	rapid.Check(t, func(rt *rapid.T) {
		var criteria []string
		var compare []func(a, b *sortable) int
		for range rapid.IntRange(1, 4).Draw(rt, "criteria") {
			name := rapid.SampledFrom(names).Draw(rt, "criterion")
			f := sortCompare[name]
			if rapid.Bool().Draw(rt, "reverse") {
				name, f = "REVERSE "+name, func(a, b *sortable) int { return -sortCompare[strings.TrimPrefix(name, "REVERSE ")](a, b) }
			}
			criteria, compare = append(criteria, name), append(compare, f)
		}
		want := slices.Clone(all)
		slices.SortStableFunc(want, func(a, b *sortable) int {
			for _, f := range compare {
				if c := f(a, b); c != 0 {
					return c
				}
			}
			return 0
		})
		line := "* SORT"
		for _, s := range want {
			line += fmt.Sprint(" ", s.seq)
		}
		by := "(" + strings.Join(criteria, " ") + ")"
		if got := c.do("a SORT " + by + " UTF-8 ALL"); got[0] != line {
			rt.Fatalf("SORT %s: %s\nwant %s", by, got[0], line)
		}
		first, last := want[0].seq, want[len(want)-1].seq
		c.expect("b UID SORT RETURN (MIN MAX COUNT) "+by+" UTF-8 ALL",
			fmt.Sprintf(`* ESEARCH (TAG "b") UID MIN %d MAX %d COUNT %d`, first, last, len(want)), "b OK Done")
	})
}

// What is not a SORT. RFC 5256 §3: the character set is a must, the criteria are a list that is not empty.
func TestSortSyntax(t *testing.T) {
	ts := newTestServer(t)
	c := ts.opened(numbered(2)...)
	for _, bad := range []string{
		"SORT", "SORT (DATE)", "SORT (DATE) UTF-8", "SORT DATE UTF-8 ALL", "SORT () UTF-8 ALL", "SORT (REVERSE) UTF-8 ALL", "SORT (REVERSE REVERSE DATE) UTF-8 ALL", "SORT (NAME) UTF-8 ALL",
		"SORT (DATE", "SORT (DATE) UTF-8 NONSENSE", "SORT (DATE)UTF-8 ALL", "SORT RETURN (FIRST) (DATE) UTF-8 ALL", "SORT (" + strings.TrimSpace(strings.Repeat("DATE ", maxSortKeys+1)) + ") UTF-8 ALL",
	} {
		c.want(c.do("a "+bad), "a BAD")
		c.want(c.do("z NOOP"), "z OK")
	}
	c.want(c.do("a SORT (DATE) X-NONE ALL"), "a NO [BADCHARSET (US-ASCII UTF-8)]")
	c.expect("a SORT (REVERSE ARRIVAL DATE) us-ascii ALL", "* SORT 1 2", "a OK Done")
	c.expect(`a SORT ("DATE") "UTF-8" ALL`, "a BAD …")
	c.expect(`a SORT (DATE) "UTF-8" ALL`, "* SORT 1 2", "a OK Done")
	c.want(c.do("a SORT ("+strings.TrimSpace(strings.Repeat("DATE ", maxSortKeys))+") UTF-8 ALL"), "a OK")
}

// ORDEREDSUBJECT against a plain grouping: by base subject, each thread by date, the threads by the date of their first. RFC 5256 §3.
func TestOrderedSubjectAgainstAPlainGrouping(t *testing.T) {
	ts := newTestServer(t)
	c := ts.login("anna")
	all := sortables(c, 25)
	rapid.Check(t, func(rt *rapid.T) {
		var picked []*sortable
		var set []string
		for _, s := range all {
			if rapid.Bool().Draw(rt, "in") {
				picked, set = append(picked, s), append(set, fmt.Sprint(s.seq))
			}
		}
		if len(picked) == 0 {
			rt.Skip("none")
		}
		slices.SortStableFunc(picked, func(a, b *sortable) int { return a.sent.Compare(b.sent) })
		var order []string
		threads := map[string][]string{}
		for _, s := range picked {
			if threads[s.subject] == nil {
				order = append(order, s.subject)
			}
			threads[s.subject] = append(threads[s.subject], fmt.Sprint(s.seq))
		}
		want := "* THREAD "
		for _, subject := range order {
			switch m := threads[subject]; len(m) {
			case 1, 2:
				want += "(" + strings.Join(m, " ") + ")"
			default:
				want += "(" + m[0] + " (" + strings.Join(m[1:], ")(") + "))"
			}
		}
		if got := c.do("a THREAD ORDEREDSUBJECT UTF-8 " + strings.Join(set, ",")); got[0] != want {
			rt.Fatalf("THREAD of %v:\n%s\nwant\n%s", set, got[0], want)
		}
	})
}

// The tree of RFC 5256 §4 and others made by hand, written with parentheses only where branches are.
func TestThreadAnswers(t *testing.T) {
	mail := func(id, refs, subject string) string {
		text := "|Message-ID: <" + id + "@x>\r\nSubject: " + subject + "\r\nDate: 1 Feb 2026 10:00:" + fmt.Sprintf("%02d", len(id)+len(refs)) + " +0000\r\n"
		if refs != "" {
			text += "References: <" + strings.ReplaceAll(refs, " ", "@x> <") + "@x>\r\n"
		}
		return text + "\r\nx\r\n"
	}
	tests := []struct {
		name  string
		mails []string
		want  string
	}{
		{"none", nil, "* THREAD"},
		{"alone", []string{mail("a", "", "1"), mail("b", "", "2")}, "* THREAD (1)(2)"},
		{"a chain", []string{mail("a", "", "1"), mail("b", "a", "Re: 1"), mail("c", "a b", "Re: 1")}, "* THREAD (1 2 3)"},
		{"a branch at the root", []string{mail("a", "", "1"), mail("b", "a", "Re: 1"), mail("c", "a", "Re: 1")}, "* THREAD (1 (2)(3))"},
		{"a branch later", []string{mail("a", "", "1"), mail("b", "a", "Re: 1"), mail("c", "a b", "Re: 1"), mail("d", "a b", "Re: 1"), mail("e", "a b d", "Re: 1")}, "* THREAD (1 2 (3)(4 5))"},
		{"a parent that is not there", []string{mail("b", "a", "1"), mail("c", "a", "2")}, "* THREAD ((1)(2))"},
		{"one of them has a child", []string{mail("b", "a", "1"), mail("c", "a", "2"), mail("d", "a c", "Re: 2")}, "* THREAD ((1)(2 3))"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ts := newTestServer(t)
			c := ts.opened(tt.mails...)
			c.expect("a THREAD REFERENCES UTF-8 ALL", tt.want, "a OK Done")
		})
	}
	ts := newTestServer(t)
	c := ts.opened(numbered(1)...)
	for _, bad := range []string{"THREAD", "THREAD REFERENCES", "THREAD REFERENCES UTF-8", "THREAD REFS UTF-8 ALL", "THREAD (REFERENCES) UTF-8 ALL", "THREAD REFERENCES UTF-8 X"} {
		c.want(c.do("b "+bad), "b BAD")
	}
	c.want(c.do("b THREAD references X-NONE ALL"), "b NO [BADCHARSET")
}
