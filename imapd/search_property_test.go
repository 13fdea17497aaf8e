package imapd

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// letter is a message of the search tests, as the test knows it.
type letter struct {
	seq, uid, modseq int
	size             int
	arrived, sent    time.Time
	flags            []string
	fields           map[string]string
	body             string
}

var letterWords = []string{"Wandertag", "Mathe", "Grüße", "Straße", "Elternabend", "ab", "7b", "Köln"}

// letters fills anna's INBOX with n messages, some of which are gone again, so that numbers and UIDs differ.
func letters(t *testing.T, c *client, n int) []*letter {
	r := rand.New(rand.NewPCG(7, 11))
	words := func(k int) string {
		list := make([]string, k)
		for i := range list {
			list[i] = letterWords[r.IntN(len(letterWords))]
		}
		return strings.Join(list, " ")
	}
	var list []*letter
	var texts []string
	for range n {
		l := &letter{arrived: time.Date(2026, 1, 1+r.IntN(20), r.IntN(24), 0, 0, 0, time.UTC), body: words(1 + r.IntN(12)),
			sent: time.Date(2026, 1, 1+r.IntN(20), 23, 30, 0, 0, time.FixedZone("", 2*3600))}
		for _, f := range []string{`\Seen`, `\Answered`, `\Flagged`, `\Draft`, "$Work", "Klasse"} {
			if r.IntN(3) == 0 {
				l.flags = append(l.flags, f)
			}
		}
		l.fields = map[string]string{"From": words(1) + " <a@school.test>", "To": words(1) + "@school.test", "Subject": words(2)}
		for _, name := range []string{"Cc", "Bcc", "X-Klasse"} {
			if r.IntN(3) == 0 {
				l.fields[name] = words(1)
			}
		}
		text := "Date: " + l.sent.Format(time.RFC1123Z) + "\r\n"
		for _, name := range []string{"From", "To", "Cc", "Bcc", "Subject", "X-Klasse"} {
			if v, ok := l.fields[name]; ok {
				text += name + ": " + v + "\r\n"
			}
		}
		text += "Content-Type: text/plain; charset=utf-8\r\n\r\n" + l.body + "\r\n"
		l.size = len(text)
		list = append(list, l)
		texts = append(texts, "("+strings.Join(l.flags, " ")+") "+l.arrived.Format(`"02-Jan-2006 15:04:05 -0700"`)+"|"+text)
	}
	c.appends("INBOX", texts...)
	c.want(c.do("s SELECT INBOX"), "s OK")
	c.want(c.do(`s STORE 2,5 +FLAGS.SILENT (\Deleted)`), "s OK")
	c.want(c.do("s EXPUNGE"), "s OK")
	list = slices.Delete(list, 4, 5)
	list = slices.Delete(list, 1, 2)
	c.want(c.do(`s STORE 3 +FLAGS.SILENT (Spaet)`), "s OK") // a higher modseq
	list[2].flags = append(list[2].flags, "Spaet")
	c.want(c.do("s ENABLE CONDSTORE"), "s OK")
	for i, line := range c.do("s FETCH 1:* (UID MODSEQ)")[:len(list)] {
		l := list[i]
		l.seq = i + 1
		if _, err := fmt.Sscanf(line, "* "+strconv.Itoa(l.seq)+" FETCH (UID %d MODSEQ (%d))", &l.uid, &l.modseq); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
	}
	return list
}

func (l *letter) has(flag string) bool {
	return slices.ContainsFunc(l.flags, func(f string) bool { return strings.EqualFold(f, flag) })
}

func contains(text, word string) bool {
	fold := func(s string) string { return strings.ToLower(s) }
	return strings.Contains(fold(text), fold(word))
}

func day(t time.Time) int { return t.Year()*10000 + int(t.Month())*100 + t.Day() }

// searchKey is a search key as text and as what it means. RFC 9051 §6.4.4 in the plainest words.
type searchKey struct {
	text string
	hit  func(l *letter) bool
}

// keysOf draws keys for a mailbox of letters.
type keysOf struct {
	*rapid.T
	all []*letter
}

func (k keysOf) key(depth int) searchKey {
	kinds := 9
	if depth > 0 {
		kinds = 13
	}
	switch rapid.IntRange(0, kinds-1).Draw(k.T, "kind") {
	case 0:
		return k.flag()
	case 1:
		return k.date()
	case 2:
		return k.size()
	case 3, 4:
		return k.textKey()
	case 5:
		return k.set()
	case 6:
		f := rapid.SampledFrom([]string{"$Work", "klasse", "Spaet", "Nie", `KLASSE`}).Draw(k.T, "keyword")
		return searchKey{"KEYWORD " + f, func(l *letter) bool { return l.has(f) }}
	case 7:
		n := rapid.SampledFrom(k.all).Draw(k.T, "of").modseq + rapid.IntRange(-1, 1).Draw(k.T, "and")
		return searchKey{"MODSEQ " + strconv.Itoa(n), func(l *letter) bool { return l.modseq >= n }}
	case 8:
		return rapid.SampledFrom([]searchKey{{"ALL", func(*letter) bool { return true }}, {"NEW", func(*letter) bool { return false }}, {"OLD", func(*letter) bool { return true }},
			{"OLDER 60", func(*letter) bool { return true }}, {"YOUNGER 60", func(*letter) bool { return false }}}).Draw(k.T, "constant")
	case 9, 10:
		a := k.key(depth - 1)
		return searchKey{"NOT " + a.text, func(l *letter) bool { return !a.hit(l) }}
	case 11:
		a, b := k.key(depth-1), k.key(depth-1)
		return searchKey{"OR " + a.text + " " + b.text, func(l *letter) bool { return a.hit(l) || b.hit(l) }}
	}
	a := k.program(depth - 1)
	return searchKey{"(" + a.text + ")", a.hit}
}

// program is a list of keys, all of which must hold.
func (k keysOf) program(depth int) searchKey {
	var keys []searchKey
	var texts []string
	for range rapid.IntRange(1, 3).Draw(k.T, "keys") {
		keys = append(keys, k.key(depth))
		texts = append(texts, keys[len(keys)-1].text)
	}
	return searchKey{strings.Join(texts, " "), func(l *letter) bool {
		return !slices.ContainsFunc(keys, func(a searchKey) bool { return !a.hit(l) })
	}}
}

func (k keysOf) flag() searchKey {
	name := rapid.SampledFrom([]string{"SEEN", "ANSWERED", "FLAGGED", "DRAFT", "DELETED"}).Draw(k.T, "flag")
	if rapid.Bool().Draw(k.T, "un") {
		return searchKey{"UN" + name, func(l *letter) bool { return !l.has(`\` + name) }}
	}
	return searchKey{name, func(l *letter) bool { return l.has(`\` + name) }}
}

func (k keysOf) date() searchKey {
	word := rapid.SampledFrom([]string{"BEFORE", "ON", "SINCE"}).Draw(k.T, "date key")
	at := time.Date(2026, 1, rapid.IntRange(1, 22).Draw(k.T, "day"), 0, 0, 0, 0, time.UTC)
	sent := rapid.Bool().Draw(k.T, "sent")
	hit := func(l *letter) bool {
		d := l.arrived
		if sent {
			d = l.sent // its own day, whatever that is elsewhere
		}
		switch word {
		case "BEFORE":
			return day(d) < day(at)
		case "ON":
			return day(d) == day(at)
		}
		return day(d) >= day(at)
	}
	text := word + " " + at.Format("2-Jan-2006")
	if sent {
		text = "SENT" + text
	}
	return searchKey{text, hit}
}

func (k keysOf) size() searchKey {
	n := rapid.SampledFrom(k.all).Draw(k.T, "of").size + rapid.IntRange(-1, 1).Draw(k.T, "and")
	if rapid.Bool().Draw(k.T, "larger") {
		return searchKey{"LARGER " + strconv.Itoa(n), func(l *letter) bool { return l.size > n }}
	}
	return searchKey{"SMALLER " + strconv.Itoa(n), func(l *letter) bool { return l.size < n }}
}

func (k keysOf) textKey() searchKey {
	word := rapid.SampledFrom(append([]string{"", "e", "GRÜSSE", "grüße", "tag ma"}, letterWords...)).Draw(k.T, "word")
	quoted := `"` + word + `"`
	switch where := rapid.SampledFrom([]string{"From", "To", "Cc", "Bcc", "Subject", "X-Klasse", "BODY", "TEXT"}).Draw(k.T, "where"); where {
	case "BODY":
		return searchKey{"BODY " + quoted, func(l *letter) bool { return contains(l.body, word) }}
	case "TEXT":
		return searchKey{"TEXT " + quoted, func(l *letter) bool {
			found := contains(l.body, word) || contains("Date: "+l.sent.Format(time.RFC1123Z), word) || contains("Content-Type: text/plain; charset=utf-8", word)
			for name, value := range l.fields {
				found = found || contains(name+": "+value, word)
			}
			return found
		}}
	case "X-Klasse":
		return searchKey{"HEADER x-klasse " + quoted, func(l *letter) bool { v, ok := l.fields[where]; return ok && contains(v, word) }}
	default:
		return searchKey{strings.ToUpper(where) + " " + quoted, func(l *letter) bool { v, ok := l.fields[where]; return ok && contains(v, word) }}
	}
}

func (k keysOf) set() searchKey {
	last := k.all[len(k.all)-1]
	if rapid.Bool().Draw(k.T, "uid") {
		text, has := drawSet(k.T, uint32(last.uid), uint32(last.uid))
		return searchKey{"UID " + text, func(l *letter) bool { return has(uint32(l.uid)) }}
	}
	text, has := drawSet(k.T, uint32(last.seq), uint32(last.seq))
	return searchKey{text, func(l *letter) bool { return has(uint32(l.seq)) }}
}

// Every search program finds what reading it key by key finds, by number and by UID, and in each form of the answer.
func TestSearchAgainstAPlainReading(t *testing.T) {
	ts := newTestServer(t)
	c := ts.login("anna")
	all := letters(t, c, 14)
	rapid.Check(t, func(rt *rapid.T) {
		program := keysOf{rt, all}.program(3)
		var numbers, uids []string
		highest := 0
		for _, l := range all {
			if program.hit(l) {
				numbers, uids = append(numbers, strconv.Itoa(l.seq)), append(uids, strconv.Itoa(l.uid))
				highest = max(highest, l.modseq)
			}
		}
		modseq := ""
		if strings.Contains(program.text, "MODSEQ") && len(numbers) > 0 {
			modseq = fmt.Sprintf(" (MODSEQ %d)", highest)
		}
		for prefix, want := range map[string][]string{"": numbers, "UID ": uids} {
			got := strings.Join(c.do("a "+prefix+"SEARCH CHARSET UTF-8 "+program.text), "\n")
			line := strings.TrimRight("* SEARCH "+strings.Join(want, " "), " ") + modseq
			if !strings.Contains(got, line+"\n") {
				rt.Fatalf("%sSEARCH %s:\n%s\nwant\n%s", prefix, program.text, got, line)
			}
			checkESearch(rt, c, prefix, program.text, want)
		}
	})
}

// checkESearch asks for the same in the extended form. RFC 4731.
func checkESearch(t *rapid.T, c *client, prefix, program string, want []string) {
	lines := c.do("b " + prefix + "SEARCH RETURN (MIN MAX COUNT ALL) " + program)
	words, ok := untagged(lines, `ESEARCH (TAG "b")`)
	if !ok {
		t.Fatalf("%sSEARCH RETURN (…) %s: %q", prefix, program, lines)
	}
	if prefix != "" {
		if words[0] != "UID" {
			t.Fatalf("UID SEARCH: %q", lines)
		}
		words = words[1:]
	}
	got := map[string]string{}
	for i := 0; i+1 < len(words); i += 2 {
		got[words[i]] = words[i+1]
	}
	if got["COUNT"] != strconv.Itoa(len(want)) {
		t.Fatalf("%s: COUNT %s, want %d", program, got["COUNT"], len(want))
	}
	if len(want) == 0 {
		if got["MIN"]+got["MAX"]+got["ALL"] != "" {
			t.Fatalf("%s finds nothing and tells %v", program, got)
		}
		return
	}
	if got["MIN"] != want[0] || got["MAX"] != want[len(want)-1] {
		t.Fatalf("%s: MIN %s MAX %s, want %s and %s", program, got["MIN"], got["MAX"], want[0], want[len(want)-1])
	}
	var members []string
	for part := range strings.SplitSeq(got["ALL"], ",") {
		var first, last int
		if n, _ := fmt.Sscanf(part, "%d:%d", &first, &last); n == 1 {
			last = first
		}
		for ; first <= last; first++ {
			members = append(members, strconv.Itoa(first))
		}
	}
	if !slices.Equal(members, want) {
		t.Fatalf("%s: ALL %s, want %v", program, got["ALL"], want)
	}
}
