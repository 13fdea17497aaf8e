package contentline

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestFoldsChangeNothing: wherever a program breaks its lines (within a character, a name, a parameter, before the colon), with whichever
// white space and line break, and however many blank lines it leaves, the object is the same. RFC 5545 §3.1, RFC 6350 §3.2.
func TestFoldsChangeNothing(t *testing.T) {
	lines := []string{"BEGIN:VCARD", "VERSION:4.0", `item1.TEL;TYPE="work,voice";X-U=^n^^^':+49 30 1`, "NOTE:Grüße 😀 von nebenan\\, wie immer", "X-EMPTY:", "X-TAB:a\tb", "END:VCARD"}
	want, err := Parse([]byte(strings.Join(lines, "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	breaks := []string{"\r\n", "\n", "\r\r\n"}
	rapid.Check(t, func(t *rapid.T) {
		var in strings.Builder
		for _, line := range lines {
			for i := range len(line) {
				if i > 0 && rapid.IntRange(0, 9).Draw(t, "fold") == 0 {
					in.WriteString(rapid.SampledFrom(breaks).Draw(t, "break") + rapid.SampledFrom([]string{" ", "\t"}).Draw(t, "white"))
				}
				in.WriteByte(line[i])
			}
			in.WriteString(rapid.SampledFrom(breaks).Draw(t, "end"))
			for range rapid.IntRange(0, 2).Draw(t, "blank") {
				in.WriteString(rapid.SampledFrom(breaks).Draw(t, "blank line"))
			}
		}
		got, err := Parse([]byte(in.String()))
		if err != nil {
			t.Fatalf("Parse(%q): %v", in.String(), err)
		}
		if diff := cmp.Diff(want, got, cmp.FilterPath(isNumber, cmp.Ignore())); diff != "" {
			t.Fatalf("Parse(%q) (-want +got):\n%s", in.String(), diff)
		}
	})
}

// TestFoldsBetweenCharacters: what is written has at most 75 bytes in a line, of whole characters, and as many of them as fit. RFC 6350 §3.2.
func TestFoldsBetweenCharacters(t *testing.T) {
	for _, character := range []string{"x", "ü", "€", "😀"} {
		for before := 60; before < 80; before++ {
			value := strings.Repeat("a", before) + strings.Repeat(character, 100)
			out := string((&Line{Name: "NOTE", Value: value}).AppendTo(nil))
			physical := strings.Split(strings.TrimSuffix(out, "\r\n"), "\r\n")
			for i, line := range physical {
				if !utf8.ValidString(line) || len(line) > 75 || i+1 < len(physical) && len(line)+len(character) <= 75 {
					t.Fatalf("%d bytes before %s: line %d of %d bytes: %q", before, character, i+1, len(line), line)
				}
				if i > 0 && line[0] != ' ' {
					t.Fatalf("line %d does not begin with a space: %q", i+1, line)
				}
			}
			if got := strings.ReplaceAll(strings.TrimSuffix(out, "\r\n"), "\r\n ", ""); got != "NOTE:"+value {
				t.Fatalf("unfolded it is %q", got)
			}
		}
	}
}

// TestParameterEscapes: the escapes of RFC 6868 §3.2, and what only looks like one; each within quotes, too.
func TestParameterEscapes(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"a line break", "a^nb", "a\nb"},
		{"a quote", "a^'b", `a"b`},
		{"a caret", "a^^b", "a^b"},
		{"a caret before an n that is no escape", "a^^nb", "a^nb"},
		{"two carets before a caret and an n", "^^^n", "^\n"},
		{"a capital N is no escape", "a^Nb", "a^Nb"},
		{"an unknown one stays", "a^bc", "a^bc"},
		{"at the end", "a^", "a^"},
		{"alone", "^", "^"},
		{"a backslash is none", `a\nb`, `a\nb`},
		{"a backslash before a caret", `\^n`, "\\\n"},
		{"all of them in a row", "^n^'^^", "\n\"^"},
		{"behind a character of several bytes", "ü^nß", "ü\nß"},
	} {
		for _, quoted := range []string{tt.in, `"` + tt.in + `"`} {
			roots, err := Parse([]byte(card("X;A=" + quoted + ":v")))
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
				continue
			}
			if got, _ := roots[0].Get("X").Param("A"); got != tt.want {
				t.Errorf("%s: %s is %q, want %q", tt.name, quoted, got, tt.want)
			}
		}
	}
}

// TestQuotesWhereTheyMustBe: a value with one of , ; : is written within quotes and any other one without, and each is read as what it was.
func TestQuotesWhereTheyMustBe(t *testing.T) {
	for c := ' '; c < 0x180; c++ {
		if c == 0x7f || c >= 0x80 && c < 0xa0 {
			continue // controls
		}
		value := "a" + string(c) + "b"
		out := string((&Line{Name: "X", Params: []Param{{"A", []string{value, "c"}}}, Value: "v"}).AppendTo(nil))
		if quoted := strings.Contains(out, `"`); quoted != strings.ContainsRune(",;:", c) {
			t.Errorf("%q: %s", value, out)
		}
		roots, err := Parse([]byte(card(strings.TrimSuffix(out, "\r\n"))))
		if err != nil {
			t.Errorf("%q: %v", value, err)
			continue
		}
		if got := roots[0].Get("X").Params[0].Values; len(got) != 2 || got[0] != value || got[1] != "c" || roots[0].Get("X").Value != "v" {
			t.Errorf("%q was read as %q", value, got)
		}
	}
}

// TestLimitsFromBothSides: what is as large as a limit says is read, one more is refused by a reason that names the limit.
func TestLimitsFromBothSides(t *testing.T) {
	for _, tt := range []struct {
		name   string
		most   int
		make   func(n int) string
		reason string
	}{
		{"bytes", MaxObject, func(n int) string { return card("PHOTO:data:" + strings.Repeat("x", n-len(card("PHOTO:data:")))) }, "larger than 1048576 bytes"},
		{"bytes, of blank lines", MaxObject, func(n int) string { return card("A:b") + strings.Repeat("\n", n-len(card("A:b"))) }, "larger than 1048576 bytes"},
		{"a line", MaxLine, func(n int) string { return card("NOTE:" + strings.Repeat("x", n-5)) }, "more than 65536 bytes"},
		{"a line of parameters", MaxLine, func(n int) string { return card("X;A=" + strings.Repeat("x", n-5) + ":") }, "more than 65536 bytes"},
		{"a line that is folded", MaxLine, func(n int) string { return card("NOTE:" + strings.Repeat("\r\n x", n-5)) }, "more than 65536 bytes"},
		{"a line of characters of several bytes", MaxLine, func(n int) string {
			return card("NOTES" + strings.Repeat("S", n%2) + ":" + strings.Repeat("ü", n/2-3))
		}, "more than 65536 bytes"},
		{"lines", MaxLines, func(n int) string { return "BEGIN:X\n" + strings.Repeat("A:\n", n-2) + "END:X" }, "more than 10000 lines"},
		{"lines of many components", MaxLines, func(n int) string {
			return "BEGIN:X\n" + strings.Repeat("A:\n", n%2) + strings.Repeat("BEGIN:Y\nEND:Y\n", n/2-1) + "END:X"
		}, "more than 10000 lines"},
		{"depth", MaxDepth, func(n int) string { return strings.Repeat("BEGIN:X\n", n) + strings.Repeat("END:X\n", n) }, "more than 4 deep"},
		{"parameters", MaxParams, func(n int) string { return card("X" + strings.Repeat(";A=b", n) + ":") }, "more than 100 parameters"},
	} {
		if _, err := Parse([]byte(tt.make(tt.most))); err != nil {
			t.Errorf("%s: %d: %v", tt.name, tt.most, err)
		}
		if _, err := Parse([]byte(tt.make(tt.most + 1))); err == nil || !strings.Contains(err.Error(), tt.reason) {
			t.Errorf("%s: %d: %v, want %q", tt.name, tt.most+1, err, tt.reason)
		}
	}
}

// TestLimitsAreForEachLine: a line takes nothing from the next one's parameters and bytes.
func TestLimitsAreForEachLine(t *testing.T) {
	line := "X" + strings.Repeat(";A=b", MaxParams) + ":" + strings.Repeat("x", 60_000)
	roots, err := Parse([]byte(card(strings.Join([]string{line, line, line, line}, "\n"))))
	if err != nil {
		t.Fatal(err)
	}
	for i := range roots[0].Lines {
		if l := &roots[0].Lines[i]; len(l.Params) != MaxParams || len(l.Value) != 60_000 {
			t.Errorf("line %d has %d parameters and %d bytes", l.Number, len(l.Params), len(l.Value))
		}
	}
}

// TestCollationsAgree: a text is found in what only differs as its collation ignores, at every place that a match type names; what octets find,
// the others find, too. RFC 4790 §9.2, RFC 5051.
func TestCollationsAgree(t *testing.T) {
	text := rapid.StringOf(rapid.RuneFrom([]rune("abZ 7äÖéñßçπЖ한")))
	rapid.Check(t, func(t *rapid.T) {
		before, sought, after := text.Draw(t, "before"), text.Draw(t, "sought"), text.Draw(t, "after")
		for how, value := range map[MatchType]string{Contains: before + sought + after, Equals: sought, StartsWith: sought + after, EndsWith: before + sought} {
			for _, collation := range []string{Octet, ASCIICasemap, UnicodeCasemap} {
				m, _ := NewMatcher(collation, sought, how)
				if !m.Match(value) {
					t.Fatalf("%s: %q is not found in %q (%d)", collation, sought, value, how)
				}
				folds := map[string]func(string) string{ASCIICasemap: upperASCII, UnicodeCasemap: strings.ToUpper}
				if fold := folds[collation]; fold != nil && !strings.Contains(sought, "ß") && !m.Match(fold(value)) {
					t.Fatalf("%s: %q is not found in %q (%d)", collation, sought, fold(value), how)
				}
			}
		}
	})
}

func upperASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' {
			return r - 'a' + 'A'
		}
		return r
	}, s)
}
