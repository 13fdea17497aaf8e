package directory

import (
	"testing"
	"time"

	"schulhof/store/fault"

	"pgregory.net/rapid"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func TestParseQuiet(t *testing.T) {
	tests := []struct{ name, in, want string }{ // want "!": refused
		{"one window", "mon-fri 21:00-06:30", "mon-fri 21:00-06:30"},
		{"two", "Mon-Fri 21:00-06:30,SAT 22:00-08:00", "mon-fri 21:00-06:30, sat 22:00-08:00"},
		{"German days", "mo-fr 21:00-6:30, sa-so 0:00-9:00", "mon-fri 21:00-06:30, sat-sun 00:00-09:00"},
		{"every day", "daily 20:00-07:00", "daily 20:00-07:00"},
		{"the whole week, named", "wed-tue 20:00-07:00", "daily 20:00-07:00"},
		{"around the week's end", "fri-mon 18:00-24:00", "fri-mon 18:00-24:00"},
		{"a whole day", "sun 00:00-24:00", "sun 00:00-24:00"},
		{"never", "", ""},
		{"never, in a word", "none", ""},
		{"no time", "mon", "!"},
		{"no day", "21:00-06:00", "!"},
		{"no such day", "month 21:00-06:00", "!"},
		{"no such hour", "mon 25:00-06:00", "!"},
		{"no such minute", "mon 21:60-06:00", "!"},
		{"beyond the day", "mon 21:00-24:01", "!"},
		{"it begins when the day ends", "mon 24:00-06:00", "!"},
		{"an empty window", "mon 06:00-06:00", "!"},
		{"a sign", "mon +6:00-07:00", "!"},
		{"an empty part", "mon 06:00-07:00,", "!"},
	}
	for _, tt := range tests {
		q, err := ParseQuiet(tt.in)
		if tt.want == "!" {
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("%s: ParseQuiet(%q) = %q, %v, want a refusal", tt.name, tt.in, q, err)
			}
			continue
		}
		if err != nil || q.String() != tt.want {
			t.Errorf("%s: ParseQuiet(%q) = %q, %v, want %q", tt.name, tt.in, q, err, tt.want)
		}
	}
}

// Quiet hours go by the clock on the school's wall, over midnight and over changes of the clocks.
func TestQuietHours(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	tests := []struct {
		name, quiet, at string // at: in UTC
		want            bool
	}{
		{"a minute before", "mon-fri 21:00-06:30", "2026-11-25T19:59:59Z", false}, // Wednesday, CET
		{"it begins", "mon-fri 21:00-06:30", "2026-11-25T20:00:00Z", true},
		{"after midnight", "mon-fri 21:00-06:30", "2026-11-25T23:30:00Z", true},
		{"its last minute", "mon-fri 21:00-06:30", "2026-11-26T05:29:59Z", true},
		{"it ends", "mon-fri 21:00-06:30", "2026-11-26T05:30:00Z", false},
		{"Friday's goes into Saturday", "mon-fri 21:00-06:30", "2026-11-28T05:00:00Z", true},
		{"Saturday has none", "mon-fri 21:00-06:30", "2026-11-28T21:00:00Z", false},
		{"Sunday's end on Monday is not Sunday's", "mon-fri 21:00-06:30", "2026-11-30T05:00:00Z", false},
		{"until the day's end", "wed 12:00-24:00", "2026-11-25T22:59:59Z", true},
		{"not in the next day", "wed 12:00-24:00", "2026-11-25T23:00:00Z", false},
		{"summer time", "daily 21:00-06:30", "2026-07-01T19:00:00Z", true},
		{"summer time, an hour earlier", "daily 21:00-06:30", "2026-07-01T18:59:00Z", false},

		// The night of 2027-03-28 has no hour from 02:00 to 03:00.
		{"spring: before the gap", "daily 22:00-02:30", "2027-03-28T00:59:59Z", true},
		{"spring: its end is in the gap", "daily 22:00-02:30", "2027-03-28T01:00:00Z", false}, // 03:00 CEST
		{"spring: it begins in the gap", "daily 02:15-04:00", "2027-03-28T01:00:00Z", true},
		{"spring: the gap is all of it", "daily 02:10-02:50", "2027-03-28T01:00:00Z", false},
		{"spring: not before", "daily 02:10-02:50", "2027-03-28T00:59:59Z", false},
		{"spring: the morning ends on the new clock", "daily 21:00-06:30", "2027-03-28T04:29:00Z", true},
		{"spring: and not later", "daily 21:00-06:30", "2027-03-28T04:30:00Z", false},

		// The night of 2026-10-25 has that hour twice.
		{"autumn: the first 02:15", "daily 02:00-02:30", "2026-10-25T00:15:00Z", true},
		{"autumn: the first 02:45", "daily 02:00-02:30", "2026-10-25T00:45:00Z", false},
		{"autumn: the second 02:15", "daily 02:00-02:30", "2026-10-25T01:15:00Z", true},
		{"autumn: the morning ends on the new clock", "daily 21:00-06:30", "2026-10-25T05:29:00Z", true},
		{"autumn: and not later", "daily 21:00-06:30", "2026-10-25T05:30:00Z", false},
	}
	for _, tt := range tests {
		q, err := ParseQuiet(tt.quiet)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse(time.RFC3339, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := q.Contains(at.In(berlin)); got != tt.want {
			t.Errorf("%s: %q at %s: quiet %t, want %t", tt.name, tt.quiet, at.In(berlin), got, tt.want)
		}
	}
}

// Whatever windows there are, their text is read as the same windows, and a minute is quiet exactly when one of them has it.
func TestQuietTextIsExact(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		first := rapid.IntRange(0, 6).Draw(rt, "first day")
		length := rapid.IntRange(1, 7).Draw(rt, "days")
		from := rapid.IntRange(0, minutesOfDay-1).Draw(rt, "from")
		to := rapid.IntRange(1, minutesOfDay).Filter(func(n int) bool { return n != from }).Draw(rt, "to")
		w := quietWindow{from: from, to: to}
		for i := range length {
			w.days[weekday((first+i)%7)] = true
		}
		q := Quiet{[]quietWindow{w}}
		again, err := ParseQuiet(q.String())
		if err != nil || again.String() != q.String() || again.windows[0] != w {
			rt.Fatalf("%+v is %q, read as %+v, %v", w, q, again, err)
		}
		minute := rapid.IntRange(0, 7*minutesOfDay-1).Draw(rt, "minute of the week")
		want := false // counted minute by minute from each day's begin
		for day := range 7 {
			if !w.days[day] {
				continue
			}
			end := to
			if to <= from {
				end += minutesOfDay
			}
			for m := from; m < end; m++ {
				want = want || (day*minutesOfDay+m)%(7*minutesOfDay) == minute
			}
		}
		at := time.Date(2026, 11, 22, 0, minute, 0, 0, time.UTC) // a Sunday
		if got := again.Contains(at); got != want {
			rt.Fatalf("%q at %s: quiet %t, want %t", q, at.Format("Mon 15:04"), got, want)
		}
	})
}

func FuzzParseQuiet(f *testing.F) {
	for _, s := range []string{"mon-fri 21:00-06:30, sat 22:00-08:00", "daily 0:00-24:00", "none", "so-sa 1:00-0:59", "mon", ",", "mon -", "mon :-:"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q, err := ParseQuiet(s)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("ParseQuiet(%q): %v", s, err)
			}
			return
		}
		if again, err := ParseQuiet(q.String()); err != nil || again.String() != q.String() {
			t.Errorf("%q is %q, read as %q, %v", s, q, again, err)
		}
	})
}
