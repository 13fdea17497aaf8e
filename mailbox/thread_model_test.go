package mailbox

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"schulhof/store/storetest"
)

// TestThreadsHoldEveryMessageOnce: whatever the references say, circles and nonsense included, both algorithms answer with every
// message once, never nest a message below itself, and put a reply that names an earlier message into that one's thread.
func TestThreadsHoldEveryMessageOnce(t *testing.T) {
	storetest.ShortRun(t, 60)
	rapid.Check(t, func(rt *rapid.T) {
		ids := []string{"a", "b", "c", "d", "e"}
		n := rapid.IntRange(0, 9).Draw(rt, "mails")
		rows := make([]sortRow, n)
		hits := make([]int, n)
		for i := range rows {
			hits[i] = 3 * i
			refs := rapid.SliceOfN(rapid.SampledFrom(append(ids, "missing", "")), 0, 4).Draw(rt, "references")
			rows[i] = sortRow{content: ContentID(i + 1), sent: rapid.Int64Range(0, 3).Draw(rt, "sent"), reply: rapid.Bool().Draw(rt, "reply"),
				subject: []byte(rapid.SampledFrom([]string{"", "x", "y"}).Draw(rt, "subject")), messageID: []byte(rapid.SampledFrom(append(ids, "")).Draw(rt, "id")),
				parents: []byte(strings.Join(refs, "\n"))}
		}
		for name, threads := range map[string][]*Thread{"REFERENCES": references(hits, rows), "ORDEREDSUBJECT": orderedSubject(hits, rows)} {
			seen := map[int]int{}
			var walk func(t *Thread, above []int)
			walk = func(th *Thread, above []int) {
				if len(above) > n+len(ids)+1 {
					rt.Fatalf("%s: a circle", name)
				}
				if th.Index >= 0 {
					seen[th.Index]++
				} else if len(th.Children) < 2 && len(above) > 0 {
					rt.Fatalf("%s: a missing message with %d children below another: %s", name, len(th.Children), outlineOf(threads))
				}
				for _, c := range th.Children {
					walk(c, append(above, th.Index))
				}
			}
			for _, th := range threads {
				walk(th, nil)
			}
			for _, h := range hits {
				if seen[h] != 1 {
					rt.Fatalf("%s: message %d is there %d times: %s of %+v", name, h, seen[h], outlineOf(threads), rows)
				}
			}
			if len(seen) != n {
				rt.Fatalf("%s: %d messages, want %d", name, len(seen), n)
			}
		}
	})
}

// TestThreadingIsLinear guards THREAD against mail that is made to cost: the memory that it takes grows with the number of
// messages, not with its square, for every shape.
func TestThreadingIsLinear(t *testing.T) {
	shapes := map[string]func(i, n int) (id, refs, subject string){
		"a chain":             func(i, n int) (string, string, string) { return fmt.Sprint(i), fmt.Sprint(i - 1), "x" },
		"a chain backwards":   func(i, n int) (string, string, string) { return fmt.Sprint(i), fmt.Sprint(i + 1), "x" },
		"a star":              func(i, n int) (string, string, string) { return fmt.Sprint(i), "0", "x" },
		"one subject":         func(i, n int) (string, string, string) { return fmt.Sprint(i), "", "x" },
		"many subjects":       func(i, n int) (string, string, string) { return fmt.Sprint(i), "", fmt.Sprint(i) },
		"one id":              func(i, n int) (string, string, string) { return "same", "", "x" },
		"circles":             func(i, n int) (string, string, string) { return fmt.Sprint(i), fmt.Sprint((i + n/2) % n), "x" },
		"all parents missing": func(i, n int) (string, string, string) { return fmt.Sprint(i), fmt.Sprintf("p%d\nq%d", i, i), "x" },
	}
	for name, shape := range shapes {
		allocations := func(n int) float64 {
			rows, hits := make([]sortRow, n), make([]int, n)
			for i := range rows {
				id, refs, subject := shape(i, n)
				hits[i] = i
				rows[i] = sortRow{content: ContentID(i + 1), sent: int64(i), messageID: []byte(id), parents: []byte(refs), subject: []byte(subject)}
			}
			return testing.AllocsPerRun(1, func() {
				references(hits, rows)
				orderedSubject(hits, rows)
			})
		}
		if small, large := allocations(2000), allocations(4000); large > 2.6*small {
			t.Errorf("%s: %.0f allocations for 4,000 messages, %.0f for 2,000", name, large, small)
		}
	}
}
