package mailbox

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"schulhof/store"
	"schulhof/store/storetest"
)

// lettered is a message for sorting, with what its fields say.
type lettered struct {
	from, to, cc, subject string
	day, size             int
	arrival               int
}

// TestSortAgainstANaiveSort: by any keys in any directions, ties by the number.
func TestSortAgainstANaiveSort(t *testing.T) {
	storetest.ShortRun(t, 12)
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newSchool(t, s)
		ctx := context.Background()
		n := 0
		rapid.Check(t, func(rt *rapid.T) {
			n++
			owner := w.account(fmt.Sprint("sort", n), 0)
			letter := rapid.StringMatching(`[a-c]`)
			var mails []lettered
			var list []Appended
			for i := range rapid.IntRange(1, 12).Draw(rt, "mails") {
				m := lettered{letter.Draw(rt, "from"), letter.Draw(rt, "to"), letter.Draw(rt, "cc"), letter.Draw(rt, "subject"),
					rapid.IntRange(1, 4).Draw(rt, "day"), rapid.IntRange(0, 2).Draw(rt, "size"), rapid.IntRange(1, 3).Draw(rt, "arrival")}
				prefix := rapid.SampledFrom([]string{"", "Re: ", "FWD: ", "[list] "}).Draw(rt, "prefix")
				body := fmt.Sprintf("From: %s@x.test\r\nTo: %s@x.test\r\nCc: %s@x.test\r\nSubject: %s%s\r\nDate: %d Nov 2026 10:00:00 +0000\r\n\r\n%s",
					strings.ToUpper(m.from), m.to, m.cc, prefix, m.subject, m.day, strings.Repeat("x", 100*m.size))
				m.size = len(body)
				mails = append(mails, m)
				list = append(list, Appended{Message: w.prepare(body + fmt.Sprintf("\r\n%08d", 100*n+i)), Date: time.Date(2026, 12, m.arrival, 0, 0, 0, 0, time.UTC)})
			}
			if _, err := w.mail.Append(ctx, owner, "INBOX", list); err != nil {
				rt.Fatal(err)
			}
			b, err := w.mail.Open(ctx, owner, "INBOX")
			if err != nil {
				rt.Fatal(err)
			}
			defer b.Close()
			for range 8 {
				checkSort(rt, b, mails)
			}
		})
	})
}

func checkSort(rt *rapid.T, b *Box, mails []lettered) {
	var by []SortBy
	for range rapid.IntRange(0, 3).Draw(rt, "keys") {
		by = append(by, SortBy{SortKey(rapid.IntRange(0, int(SortTo)).Draw(rt, "key")), rapid.Bool().Draw(rt, "reverse")})
	}
	want := make([]int, len(mails))
	for i := range want {
		want[i] = i
	}
	hits := slices.Clone(want)
	slices.SortStableFunc(want, func(x, y int) int {
		a, b := mails[x], mails[y]
		for _, k := range by {
			c := [...]int{SortArrival: cmp.Compare(a.arrival, b.arrival), SortCc: cmp.Compare(a.cc, b.cc), SortDate: cmp.Compare(a.day, b.day),
				SortFrom: cmp.Compare(a.from, b.from), SortSize: cmp.Compare(a.size, b.size), SortSubject: cmp.Compare(a.subject, b.subject),
				SortTo: cmp.Compare(a.to, b.to)}[k.Key]
			if k.Reverse {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
	got, err := b.Sort(context.Background(), b.Snapshot(), hits, by)
	if err != nil || !slices.Equal(got, want) {
		rt.Fatalf("sorted by %v: %v, %v, want %v of %+v", by, got, err, want, mails)
	}
}

// BenchmarkSort orders a mailbox as a client that sorts by sender does at each start.
func BenchmarkSort(b *testing.B) {
	w, box := benchmarkBox(b)
	snap := box.Snapshot()
	hits := allOf(snap)
	b.ReportAllocs()
	for b.Loop() {
		_, err := box.Sort(b.Context(), snap, hits, []SortBy{{Key: SortFrom}, {Key: SortDate, Reverse: true}})
		w.check(err)
	}
}
