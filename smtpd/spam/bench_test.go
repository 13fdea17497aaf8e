package spam

import (
	"net/netip"
	"strings"
	"testing"

	"schulhof/directory"
	"schulhof/smtpd/authenticate"
	"schulhof/store/storetest"
)

// tenKB is a message of that size.
func tenKB() *Message {
	return whole("198.51.100.7", good, strings.Repeat(wanted+" und bis zum Abend zurück sein.\r\n", 90))
}

// BenchmarkScore is what the built-in score costs beside the origin's checks.
func BenchmarkScore(b *testing.B) {
	w := newWorldOn(b, storetest.Open(b))
	w.origin.tell(dkim(authenticate.Pass))
	m := tenKB()
	b.ReportAllocs()
	for b.Loop() {
		if v, err := w.checker.Check(b.Context(), m); err != nil || v.Action != Deliver {
			b.Fatal(v.Action, err)
		}
	}
}

// BenchmarkKnownNetwork is a doubtful message of a network that is known: no database is asked.
func BenchmarkKnownNetwork(b *testing.B) {
	w := newWorldOn(b, storetest.Open(b))
	w.checker.grey.learn(netip.MustParseAddr("198.51.100.9"))
	w.doubtful()
	m := tenKB()
	b.ReportAllocs()
	for b.Loop() {
		if v, err := w.checker.Check(b.Context(), m); err != nil || v.Action != Deliver {
			b.Fatal(v.Action, err)
		}
	}
}

// BenchmarkTokens takes the words out of a message of 10 KB.
func BenchmarkTokens(b *testing.B) {
	m := tenKB()
	b.ReportAllocs()
	for b.Loop() {
		if t, err := messageTokens(m); err != nil || len(t) == 0 {
			b.Fatal(err)
		}
	}
}

// BenchmarkSort is a message for one person who has taught; nobody: for one who has not.
func BenchmarkSort(b *testing.B) {
	w := newPeople(b, storetest.Open(b))
	w.teach(w.anna, minTaught)
	m := tenKB()
	v := w.judge(m)
	for name, who := range map[string]directory.ID{"taught": w.anna, "nobody": w.ben} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if junk := w.checker.Sort(b.Context(), m, &v, []directory.ID{who}); (junk == nil) != (who == w.ben) {
					b.Fatal(junk)
				}
			}
		})
	}
}
