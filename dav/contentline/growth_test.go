package contentline

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// nasty are inputs in which a careless codec goes back over what it has read. Each has about n bytes.
var nasty = []struct {
	name string
	make func(n int) string
}{
	{"one parameter", func(n int) string { return card("A;B=" + strings.Repeat("x", n)) }},
	{"one quoted parameter", func(n int) string { return card(`A;B="` + strings.Repeat(";", n)) }},
	{"carets", func(n int) string { return card("A;B=" + strings.Repeat("^", min(n, MaxLine-100)) + ":") }},
	{"parameters of many lines", func(n int) string { return card(strings.Repeat("A;B=a,a,a;C=b;D:e\n", min(n/18, MaxLines-2))) }},
	{"values", func(n int) string { return card(strings.Repeat("A;B="+strings.Repeat(",", 1000)+":e\n", n/1007)) }},
	{"folds of nothing", func(n int) string { return card("A:" + strings.Repeat("\n ", n/2)) }},
	{"folds of a photo", func(n int) string { return card("PHOTO;ENCODING=b:" + strings.Repeat("\r\n ABCD", n/7)) }},
	{"blank lines", func(n int) string { return card(strings.Repeat("\n", n)) }},
	{"carriage returns", func(n int) string { return card("A:b" + strings.Repeat("\r", n)) }},
	{"components", func(n int) string { return card(strings.Repeat("BEGIN:Y\nEND:Y\n", min(n/14, MaxLines/2-2))) }},
	{"lines between components", func(n int) string { return card(strings.Repeat("BEGIN:Y\nEND:Y\nA:b\n", min(n/18, MaxLines/3-2))) }},
	{"nested", func(n int) string { return strings.Repeat("BEGIN:Y\n", n/8) }},
	{"no line break", func(n int) string { return "BEGIN:" + strings.Repeat("x", n) }},
}

// What Parse allocates grows with the input and not faster. (Counted bytes, so that a busy machine changes nothing.)
func TestWorkIsLinear(t *testing.T) {
	for _, tt := range nasty {
		t.Run(tt.name, func(t *testing.T) {
			small, large := allocated(tt.make(30_000)), allocated(tt.make(60_000))
			if large > small*26/10+64<<10 {
				t.Errorf("%d bytes for 30 kB of input, %d for 60 kB", small, large)
			}
		})
	}
}

func allocated(in string) uint64 {
	b := []byte(in)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _ = Parse(b)
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Twice the input takes at most 2.6 times the time; quadratic work would take 4 times. One quiet moment in many tries is enough.
func TestTimeIsLinear(t *testing.T) {
	if os.Getenv("SCHULHOF_E2E") != "1" {
		t.Skip("measures time: only with SCHULHOF_E2E=1")
	}
	for _, tt := range nasty {
		t.Run(tt.name, func(t *testing.T) {
			one, two := []byte(tt.make(400_000)), []byte(tt.make(800_000))
			least := 100.0
			for try := 0; try < 50 && least > 2.6; try++ {
				least = min(least, float64(shortest(two))/float64(shortest(one)))
			}
			if least > 2.6 {
				t.Errorf("twice the input takes %.1f times the time", least)
			}
		})
	}
}

func shortest(b []byte) time.Duration {
	least := time.Hour
	for range 5 {
		start := time.Now()
		_, _ = Parse(b)
		least = min(least, time.Since(start))
	}
	return max(least, 20*time.Microsecond) // below that, it is the clock that is measured
}
