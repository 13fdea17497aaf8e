package mailbox

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"schulhof/mailbox/message"
	"schulhof/store/fault"
)

var searchWords = []string{"Wandertag", "Müller", "Straße", "Elternbrief", "über", "ab", "Grüße", "Größe", "7b", "mathe", "ÄÖÜ", "ﬁn", "Ångström", "Test"}

// randomMail has words of searchWords in its fields and body, in several encodings.
func randomMail(r *rand.Rand, n int) string {
	words := func(count int) string {
		list := make([]string, count)
		for i := range list {
			list[i] = searchWords[r.IntN(len(searchWords))]
		}
		return strings.Join(list, " ")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "From: %s <a%d@school.test>\r\nTo: ben@school.test\r\nSubject: %s\r\nDate: %s\r\nMessage-ID: <%d@school.test>\r\nX-Klasse: %s\r\n",
		words(1), n%7, words(2), time.Date(2026, 1, 1+n%40, 23, 30, 0, 0, time.FixedZone("", 2*3600)).Format(time.RFC1123Z), n, words(1))
	switch r.IntN(3) {
	case 0:
		b.WriteString("Content-Type: text/plain; charset=utf-8\r\n\r\n" + words(30) + "\r\n" + words(3) + "\r\n")
	case 1:
		b.WriteString("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>" + words(10) +
			"</p><b>fett</b>\r\n--b\r\nContent-Type: image/png; name=\"bild-" + words(1) + ".png\"\r\n\r\nWandertag steht hier nicht\r\n--b--\r\n")
	default:
		b.WriteString("\r\nM=FCller\r\n" + words(5) + "\r\n")
	}
	return b.String()
}

// naive answers by reading the whole message.
func naive(t testing.TB, mail string, c *Criteria) bool {
	x, err := message.Parse(strings.NewReader(mail), int64(len(mail)))
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if _, err := message.WriteText(&text, strings.NewReader(mail), x, 1<<30); err != nil {
		t.Fatal(err)
	}
	head, body, _ := strings.Cut(message.Fold(text.String()), "\n\n")
	term := message.Fold(c.Text)
	switch c.Op {
	case Text:
		return strings.Contains(head, term) || strings.Contains(body, term)
	case Body:
		return strings.Contains(body, term)
	}
	for line := range strings.SplitSeq(head, "\n") {
		if value, ok := strings.CutPrefix(line, message.Fold(c.Header)+": "); ok && strings.Contains(value, term) {
			return true
		}
	}
	return false
}

func (w *school) search(b *Box, c *Criteria) []int {
	w.Helper()
	hits, err := b.Search(context.Background(), b.Snapshot(), c)
	w.check(err)
	return hits
}

// Every text search finds exactly what reading every message finds: before the index has anything, with it, with a part of it, and after it
// was made anew.
func TestSearchIsExact(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		r := rand.New(rand.NewPCG(1, 2))
		var mails []string
		add := func(n int) {
			list := make([]Appended, n)
			for i := range list {
				mails = append(mails, randomMail(r, len(mails)))
				list[i] = Appended{Message: w.prepare(mails[len(mails)-1])}
			}
			_, err := w.mail.Append(t.Context(), w.anna, "INBOX", list)
			w.check(err)
		}
		box := func() *Box { return w.box(w.anna, "INBOX") }
		terms := append(slices.Clone(searchWords), "", "a", "ü", "strasse", "WANDERTAG MÜLLER", "müller", "fett", "bild-", "nicht", "steht hier", "@school", "no such thing", "u", "7b mathe", "GRO\u0308SSE", "m\u00fcller\r\n")
		compare := func(stage string) {
			b := box()
			for _, term := range terms {
				for _, c := range []*Criteria{{Op: Text, Text: term}, {Op: Body, Text: term}, {Op: Header, Header: "Subject", Text: term},
					{Op: Header, Header: "from", Text: term}, {Op: Header, Header: "X-Klasse", Text: term}} {
					got := w.search(b, c)
					var want []int
					naiveTerm := *c
					naiveTerm.Text = strings.ReplaceAll(c.Text, "\r", "")
					for i, mail := range mails {
						if naive(t, mail, &naiveTerm) {
							want = append(want, i)
						}
					}
					if !slices.Equal(got, want) {
						t.Fatalf("%s: op %d header %q %q: %v, want %v", stage, c.Op, c.Header, term, got, want)
					}
				}
			}
		}
		add(40)
		compare("while the indexer runs")
		w.check(w.mail.catchUp(t.Context()))
		compare("indexed")
		add(15)
		compare("with a tail")
		w.check(w.mail.Reindex(t.Context()))
		compare("indexed anew")
		b := box()
		uids := uidsOf(b.Snapshot())
		_, err := b.StoreFlags(t.Context(), uids[10:20], FlagOp{Mode: FlagsAdd, Flags: DeletedFlag})
		w.check(err)
		_, err = b.Expunge(t.Context(), nil)
		w.check(err)
		mails = slices.Delete(mails, 10, 20)
		compare("after an expunge")
		w.check(w.mail.Close())
		w.check(os.Remove(filepath.Join(w.store.Dir(), "search.db")))
		w.open(Options{})
		compare("after the file was deleted")
		done, newest, err := w.mail.Indexed(t.Context())
		w.check(err)
		if done > newest {
			t.Errorf("Indexed = %d of %d", done, newest)
		}
	})
}

func TestSearchKeys(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		day := func(d int) time.Time { return time.Date(2026, 11, d, 0, 0, 0, 0, time.UTC) }
		mail := func(date, more string) *Prepared {
			return w.prepare("Subject: x\r\nDate: " + date + "\r\nMessage-ID: <" + date[:2] + "@x>\r\n\r\n" + more)
		}
		list := []Appended{
			{Message: mail("10 Nov 2026 23:30:00 -0500", "short"), Flags: []string{`\Seen`}, Date: day(10).Add(23 * time.Hour)},
			{Message: mail("11 Nov 2026 00:10:00 +0100", strings.Repeat("long ", 100)), Date: day(11)},
			{Message: w.prepare("Subject: without date\r\n\r\nx"), Flags: []string{`\Seen`, `\Flagged`}, Date: day(12)},
		}
		_, err := w.mail.Append(t.Context(), w.anna, "INBOX", list)
		w.check(err)
		b := w.box(w.anna, "INBOX")
		first := b.Snapshot().At(0)
		rows, err := b.sortRows(t.Context(), b.Snapshot(), []int{0})
		w.check(err)
		tests := []struct {
			name string
			c    *Criteria
			want []int
		}{
			{"all", &Criteria{Op: And}, []int{0, 1, 2}},
			{"both flags", &Criteria{Op: HasFlags, Flags: Seen | Flagged}, []int{2}},
			{"not seen", &Criteria{Op: Not, Children: []*Criteria{{Op: HasFlags, Flags: Seen}}}, []int{1}},
			{"or", &Criteria{Op: Or, Children: []*Criteria{{Op: HasFlags, Flags: Flagged}, {Op: Larger, Number: 400}}}, []int{1, 2}},
			{"smaller", &Criteria{Op: Smaller, Number: 60}, []int{2}},
			{"uid", &Criteria{Op: UIDSet, UIDs: func(u UID) bool { return u != 2 }}, []int{0, 2}},
			{"before", &Criteria{Op: Before, Date: day(11)}, []int{0}},
			{"on", &Criteria{Op: On, Date: day(11)}, []int{1}},
			{"since", &Criteria{Op: Since, Date: day(11)}, []int{1, 2}},
			{"sent on the day that is written, whatever the zone", &Criteria{Op: SentOn, Date: day(10)}, []int{0}},
			{"sent before: no date, no match", &Criteria{Op: SentBefore, Date: day(20)}, []int{0, 1}},
			{"sent since", &Criteria{Op: SentSince, Date: day(11)}, []int{1}},
			{"saved today", &Criteria{Op: SavedOn, Date: day(24)}, []int{0, 1, 2}},
			{"saved before today", &Criteria{Op: SavedBefore, Date: day(24)}, nil},
			{"saved since", &Criteria{Op: SavedSince, Date: day(25)}, nil},
			{"older than 13 days", &Criteria{Op: Older, Number: 13 * 86400}, []int{0, 1}},
			{"younger than 12 days 8 hours", &Criteria{Op: Younger, Number: 12*86400 + 8*3600}, []int{2}},
			{"modseq", &Criteria{Op: ModSeqAtLeast, Number: int64(b.Snapshot().HighestModSeq()) + 1}, nil},
			{"content", &Criteria{Op: EmailIDIs, ID: int64(first.Content)}, []int{0}},
			{"thread", &Criteria{Op: ThreadIDIs, ID: int64(rows[0].thread)}, []int{0}},
			{"text and flags", &Criteria{Op: And, Children: []*Criteria{{Op: Body, Text: "LONG"}, {Op: Not, Children: []*Criteria{{Op: HasFlags, Flags: Seen}}}}}, []int{1}},
			{"a header that is there", &Criteria{Op: Header, Header: "Date"}, []int{0, 1}},
		}
		for _, tt := range tests {
			if got := w.search(b, tt.c); !slices.Equal(got, tt.want) {
				t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
			}
		}
		deep := &Criteria{Op: And}
		for range maxSearchDepth + 1 {
			deep = &Criteria{Op: Not, Children: []*Criteria{deep}}
		}
		if _, err := b.Search(t.Context(), b.Snapshot(), deep); fault.KindOf(err) != fault.Limit {
			t.Errorf("a search nested too deeply = %v, want fault.Limit", err)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := b.Search(ended, b.Snapshot(), &Criteria{Op: Text, Text: "x"}); err == nil {
			t.Error("a search without time left gives an answer")
		}
	})
}

// What lies beyond the kept text is found in the message itself.
func TestSearchBeyondTheKeptText(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		long := strings.Repeat("Füllsel mit Umlauten und mehr.\r\n", maxSearchBody/28)
		_, err := w.mail.Append(t.Context(), w.anna, "INBOX", []Appended{
			{Message: w.prepare("Subject: lang\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + long + "Nadel im Heuhaufen\r\n")},
			{Message: w.prepare("Subject: kurz\r\n\r\nnichts\r\n")}})
		w.check(err)
		b := w.box(w.anna, "INBOX")
		for _, stage := range []string{"not indexed", "indexed"} {
			for term, want := range map[string][]int{"nadel im heu": {0}, "Heunadel": nil, "umlauten und": {0}} {
				if got := w.search(b, &Criteria{Op: Body, Text: term}); !slices.Equal(got, want) {
					t.Errorf("%s: %q found in %v, want %v", stage, term, got, want)
				}
			}
			w.check(w.mail.catchUp(t.Context()))
		}
	})
}

func TestSignature(t *testing.T) {
	var s signer
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		text := make([]byte, r.IntN(5000))
		for i := range text {
			text[i] = byte('a' + r.IntN(20))
		}
		s.reset()
		for rest := text; len(rest) > 0; {
			n := 1 + r.IntN(len(rest))
			s.add(rest[:n])
			rest = rest[n:]
		}
		sign := s.signature()
		if len(text) > 2 && len(sign)&(len(sign)-1) != 0 {
			t.Fatalf("a signature of %d bytes", len(sign))
		}
		for range 20 {
			if len(text) == 0 {
				break
			}
			from := r.IntN(len(text))
			if term := text[from:min(len(text), from+r.IntN(80))]; !sign.mayHold(termBits(term)) {
				t.Fatalf("the signature of a text denies its own part %q", term)
			}
		}
	}
}

func TestOutlineReadsBack(t *testing.T) {
	e := &outline{head: make(signature, 8), body: make(signature, 64), main: "SUBJECT: X\n", day: -3, cut: true, mainCut: true}
	b := e.append(nil)
	got, err := parseOutline(b)
	if err != nil || fmt.Sprint(*got) != fmt.Sprint(*e) {
		t.Errorf("parseOutline = %v, %v, want %v", got, err, e)
	}
	for n := range b {
		if _, err := parseOutline(b[:n]); err == nil {
			t.Errorf("a row cut after %d bytes is taken", n)
		}
	}
}

// Rows of contents that are gone leave the index, so that no deleted text stays behind.
func TestSweepRemovesDeletedText(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		w.fill(w.anna, "INBOX", 3)
		w.check(w.mail.catchUp(t.Context()))
		gone := w.box(w.anna, "INBOX").Snapshot().At(1).Content
		ids := []int64{int64(gone), int64(gone) + 1000}
		_, err := w.mail.indexer.index.db.Exec(`INSERT INTO entry VALUES (?, x'00'); INSERT INTO text VALUES (?, x'00', x'00')`, ids[1], ids[1])
		w.check(err)
		w.check(w.mail.indexer.sweep(t.Context()))
		var n int
		w.check(w.mail.indexer.index.db.QueryRow(`SELECT COUNT(*) FROM entry`).Scan(&n))
		if n != 3 {
			t.Errorf("%d rows are left, want 3", n)
		}
	})
}

// A damaged file, one of another format and one of another store are replaced.
func TestSearchIndexIsReplaced(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"damaged":        func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("rubbish ", 2000)), 0o600) },
		"another format": func(path string) error { return execSQLite(path, "PRAGMA user_version = 99") },
		"another store":  func(path string) error { return execSQLite(path, "UPDATE progress SET content_id = 1000000") },
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w *school) {
				w.fill(w.anna, "INBOX", 3)
				w.check(w.mail.catchUp(t.Context()))
				w.check(w.mail.Close())
				path := filepath.Join(w.store.Dir(), "search.db")
				os.Remove(path + "-wal")
				w.check(spoil(path))
				w.open(Options{})
				if hits := w.search(w.box(w.anna, "INBOX"), &Criteria{Op: Text, Text: "inbox 1"}); !slices.Equal(hits, []int{1}) {
					t.Errorf("found %v, want the second", hits)
				}
			})
		})
	}
}

func execSQLite(path, statement string) error {
	db, err := openSearchDB(context.Background(), path, 1<<40)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.Exec(statement)
	return err
}
