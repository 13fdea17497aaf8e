package vcard

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// nasty are cards in which a careless translation compares every line with every other. Each has n properties or so.
var nasty = []struct {
	name string
	make func(n int) []byte
}{
	{"labels without addresses", func(n int) []byte { return many("3.0", n, "LABEL;TYPE=HOME:x") }},
	{"labels with addresses", func(n int) []byte { return many("3.0", n/2, "ADR;TYPE=HOME:;;;;;;\r\nLABEL;TYPE=HOME:x") }},
	{"labels after addresses", func(n int) []byte {
		return object("VERSION:3.0", "UID:1", "FN:x", strings.Repeat("ADR;TYPE=HOME:;;;;;;\r\n", n/2)+strings.Repeat("LABEL;TYPE=HOME:x\r\n", n/2))
	}},
	{"dates with labels", func(n int) []byte {
		var b strings.Builder
		for i := range n / 2 {
			fmt.Fprintf(&b, "item%d.X-ABDATE:2011-01-13\r\nitem%d.X-ABLabel:_$!<Anniversary>!$_\r\n", i, i)
		}
		return object("VERSION:3.0", "UID:1", "FN:x", b.String())
	}},
	{"anniversaries", func(n int) []byte { return many("4.0", n, "ANNIVERSARY:20110113") }},
	{"preferences", func(n int) []byte { return many("4.0", n, "TEL;PREF=1;TYPE=a,b,c:1") }},
	{"names", func(n int) []byte { return many("4.0", n, "FN;SORT-AS=a:b") }},
	{"no names", func(n int) []byte { return many("4.0", n, "N:\r\nFN:\r\nNICKNAME:") }},
	{"types", func(n int) []byte {
		return object("VERSION:3.0", "UID:1", "FN:x", "LABEL;TYPE="+strings.Repeat("ab,", n*5)+":x", "ADR;TYPE="+strings.Repeat("ab,", n*5)+":x")
	}},
	{"members", func(n int) []byte { return many("3.0", n, "X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:1") }},
}

func many(version string, n int, lines string) []byte {
	return object("VERSION:"+version, "UID:1", strings.Repeat(lines+"\r\n", n)+"FN:x")
}

// work is all that a server does with a card. It returns what was allocated.
func work(b []byte) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if c, err := Parse(b); err == nil {
		_, _ = c.Check()
		c.Members()
		c.Convert(Version3)
		c.Convert(Version4)
		c.Select(Version4, []Property{{Name: "TEL"}})
	}
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// What is allocated grows with the card and not faster.
func TestWorkIsLinear(t *testing.T) {
	for _, tt := range nasty {
		small, large := work(tt.make(1500)), work(tt.make(3000))
		if large > small*26/10+64<<10 {
			t.Errorf("%s: %d bytes for 1,500 properties, %d for 3,000", tt.name, small, large)
		}
	}
}

// Twice the card takes at most 2.6 times the time; quadratic work would take 4 times. One quiet moment in many tries is enough.
func TestTimeIsLinear(t *testing.T) {
	if os.Getenv("SCHULHOF_E2E") != "1" {
		t.Skip("measures time: only with SCHULHOF_E2E=1")
	}
	for _, tt := range nasty {
		one, two := tt.make(1600), tt.make(3200)
		least := 100.0
		for try := 0; try < 50 && least > 2.6; try++ {
			least = min(least, float64(shortest(two))/float64(shortest(one)))
		}
		if least > 2.6 {
			t.Errorf("%s: twice the card takes %.1f times the time", tt.name, least)
		}
	}
}

func shortest(b []byte) time.Duration {
	least := time.Hour
	for range 5 {
		start := time.Now()
		work(b)
		least = min(least, time.Since(start))
	}
	return max(least, 20*time.Microsecond) // below that, it is the clock that is measured
}
