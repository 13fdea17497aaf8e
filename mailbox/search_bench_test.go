package mailbox

import (
	"fmt"
	"strings"
	"testing"

	"schulhof/store/storetest"
)

// benchmarkBox holds 10,000 messages of 3 to 4 KB; half of them have "klasse" in the body, one in 1,000 has "quokkazeta".
func benchmarkBox(b *testing.B) (*school, *Box) {
	w := newSchool(b, storetest.Open(b))
	filler := strings.Repeat("Liebe Eltern, morgen beginnt der Unterricht erst zur dritten Stunde, bitte sagen Sie es Ihrem Kind weiter. ", 4)
	for from := 0; from < 10_000; from += 500 {
		list := make([]Appended, 500)
		for i := range list {
			n := from + i
			words := fmt.Sprintf("Nachricht %d an %x und %o\r\n", n, n*7919, n*104729)
			if n%2 == 0 {
				words += "klasse\r\n"
			}
			if n%1000 == 0 {
				words += "quokkazeta\r\n"
			}
			list[i] = Appended{Message: w.prepare(text(fmt.Sprintf("Betreff %d", n)) + strings.Repeat(filler+"\r\n", 7) + words)}
		}
		_, err := w.mail.Append(b.Context(), w.anna, "INBOX", list)
		w.check(err)
	}
	w.check(w.mail.catchUp(b.Context()))
	return w, w.box(w.anna, "INBOX")
}

func BenchmarkSearch(b *testing.B) {
	w, box := benchmarkBox(b)
	for _, q := range []struct {
		name string
		c    *Criteria
	}{
		{"subject", &Criteria{Op: Header, Header: "Subject", Text: "betreff 77"}},
		{"other header", &Criteria{Op: Header, Header: "Message-ID", Text: "INBOX-77"}},
		{"body rare", &Criteria{Op: Body, Text: "quokkazeta"}},
		{"body common", &Criteria{Op: Body, Text: "klasse"}},
		{"text rare", &Criteria{Op: Text, Text: "quokkazeta"}},
		{"text common", &Criteria{Op: Text, Text: "klasse"}},
		{"text everywhere", &Criteria{Op: Text, Text: "unterricht"}},
	} {
		b.Run(q.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w.search(box, q.c)
			}
		})
	}
}

// BenchmarkSearchFirst is a search of a server that has just started: every text of half of the messages is read.
func BenchmarkSearchFirst(b *testing.B) {
	w, box := benchmarkBox(b)
	c := &Criteria{Op: Body, Text: "klasse"}
	b.ReportAllocs()
	for b.Loop() {
		for i := range w.mail.indexer.index.texted {
			w.mail.indexer.index.texted[i].clear()
		}
		w.search(box, c)
	}
}

// BenchmarkIndex measures what indexing costs per message, for all 10,000.
func BenchmarkIndex(b *testing.B) {
	w, _ := benchmarkBox(b)
	b.ReportAllocs()
	for b.Loop() {
		w.check(w.mail.Reindex(b.Context()))
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/10_000, "µs/message")
}

func BenchmarkThread(b *testing.B) {
	_, box := benchmarkBox(b)
	all := allOf(box.Snapshot())
	for _, algorithm := range []string{"REFERENCES", "ORDEREDSUBJECT"} {
		b.Run(algorithm, func(b *testing.B) {
			for b.Loop() {
				if _, err := box.Threads(b.Context(), box.Snapshot(), all, algorithm); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("SORT SUBJECT", func(b *testing.B) {
		for b.Loop() {
			if _, err := box.Sort(b.Context(), box.Snapshot(), all, []SortBy{{Key: SortSubject}}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
