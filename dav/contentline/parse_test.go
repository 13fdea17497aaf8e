package contentline

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// card wraps lines into a component, so that they begin at line 2.
func card(lines string) string { return "BEGIN:X\r\n" + lines + "\r\nEND:X\r\n" }

func TestParseLine(t *testing.T) {
	tests := []struct {
		name, in string
		want     Line
	}{
		{"a name and a value", "FN:Anna", Line{Name: "FN", Value: "Anna"}},
		{"an empty value", "NOTE:", Line{Name: "NOTE"}},
		{"a value keeps colons, quotes and escapes", `X:a:b;"c\,d`, Line{Name: "X", Value: `a:b;"c\,d`}},
		{"a group", "item1.X-ABLabel:Schule", Line{Group: "item1", Name: "X-ABLabel", Value: "Schule"}},
		{"only the first dot ends a group", "a.b.c:d", Line{Group: "a", Name: "b.c", Value: "d"}},
		{"a parameter", "TEL;TYPE=home:1", Line{Name: "TEL", Params: []Param{{"TYPE", []string{"home"}}}, Value: "1"}},
		{"a list of values", "TEL;TYPE=a,b,:1", Line{Name: "TEL", Params: []Param{{"TYPE", []string{"a", "b", ""}}}, Value: "1"}},
		{"the same parameter twice", "TEL;type=a;type=b:1",
			Line{Name: "TEL", Params: []Param{{"type", []string{"a"}}, {"type", []string{"b"}}}, Value: "1"}},
		{"quotes protect separators", `X;A=";:,",b:v`, Line{Name: "X", Params: []Param{{"A", []string{";:,", "b"}}}, Value: "v"}},
		{"quotes within a value", `X;A=a";"b"":v`, Line{Name: "X", Params: []Param{{"A", []string{"a;b"}}}, Value: "v"}},
		{"two quoted pieces", `X;A="a"b"c":v`, Line{Name: "X", Params: []Param{{"A", []string{"abc"}}}, Value: "v"}},
		{"an equals sign within a value", "X;A=b=c:v", Line{Name: "X", Params: []Param{{"A", []string{"b=c"}}}, Value: "v"}},
		{"RFC 6868 escapes", `X;A=a^nb^^c^'d^e^:v`, Line{Name: "X", Params: []Param{{"A", []string{"a\nb^c\"d^e^"}}}, Value: "v"}},
		{"RFC 6868 escapes within quotes", `X;A="^'a^^n;^'":v`, Line{Name: "X", Params: []Param{{"A", []string{`"a^n;"`}}}, Value: "v"}},
		{"a bare parameter of vCard 2.1", "TEL;HOME;VOICE:1", Line{Name: "TEL", Params: []Param{{"HOME", nil}, {"VOICE", nil}}, Value: "1"}},
		{"an empty value is not a bare parameter", "X;A=:v", Line{Name: "X", Params: []Param{{"A", []string{""}}}, Value: "v"}},
		{"folded with a space", "NOTE:a\r\n b", Line{Name: "NOTE", Value: "ab"}},
		{"folded with a tab", "NOTE:a\n\tb", Line{Name: "NOTE", Value: "ab"}},
		{"a fold takes one space only", "NOTE:a\r\n  b", Line{Name: "NOTE", Value: "a b"}},
		{"folded within a name", "NO\r\n TE:a", Line{Name: "NOTE", Value: "a"}},
		{"folded within a character", "NOTE:\xc3\r\n \xbc", Line{Name: "NOTE", Value: "ü"}},
		{"folded over a blank line", "NOTE:a\r\n\r\n b", Line{Name: "NOTE", Value: "ab"}},
		{"a tab within a value", "NOTE:a\tb", Line{Name: "NOTE", Value: "a\tb"}},
		{"two carriage returns", "NOTE:a\r", Line{Name: "NOTE", Value: "a"}},
		{"underscores and slashes in names", "X_A/B;C_D=1:v", Line{Name: "X_A/B", Params: []Param{{"C_D", []string{"1"}}}, Value: "v"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			roots, err := Parse([]byte(card(tt.in)))
			if err != nil {
				t.Fatalf("Parse(%q): %v", tt.in, err)
			}
			tt.want.Number = 2
			if diff := cmp.Diff([]Line{tt.want}, roots[0].Lines); diff != "" {
				t.Errorf("Parse(%q) (-want +got):\n%s", tt.in, diff)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct {
		name, in string
		line     int
		reason   string
	}{
		{"nothing", "", 0, "empty"},
		{"blank lines only", "\r\n\r\n", 0, "empty"},
		{"white space only", "  \r\n\t\r\n", 0, "empty"},
		{"no colon", card("FN"), 2, "colon"},
		{"no colon after parameters", card("FN;A=b"), 2, "no colon"},
		{"no colon after a bare parameter", card("FN;A"), 2, "no colon"},
		{"no name", card(":x"), 2, "no name"},
		{"no name after a group", card("item1.:x"), 2, "no name"},
		{"no group before a dot", card(".FN:x"), 2, "group"},
		{"a space in a name", card("F N:x"), 2, "colon"},
		{"an unnamed parameter", card("FN;;A=b:x"), 2, "without a name"},
		{"a space after a parameter's name", card("FN;A =b:x"), 2, `after parameter "A" in "FN"`},
		{"an open quote", card(`FN;A="b:x`), 2, "never closed"},
		{"a zero byte", card("A:b\r\nFN:a\x00"), 3, "control character 0x00"},
		{"a carriage return within a line", card("FN:a\rb"), 2, "control character 0x0d"},
		{"an escape character", card("FN:\x1b[2J"), 2, "control character 0x1b"},
		{"Latin-1", card("FN:M\xfcller"), 2, "UTF-8"},
		{"a surrogate", card("FN:\xed\xa0\x80"), 2, "UTF-8"},
		{"no character", card("FN:\uffff"), 2, "no character"},
		{"a line outside", "FN:x\r\n", 1, "outside"},
		{"a line after the end", card("A:b") + "FN:x", 4, "outside"},
		{"an end alone", "END:X", 1, "without a BEGIN"},
		{"the wrong end", "BEGIN:X\nBEGIN:Y\nEND:X", 3, "BEGIN:Y of line 2"},
		{"no end", "BEGIN:X\nA:b\nBEGIN:Y\nEND:Y", 1, "without its END"},
		{"a BEGIN without a name", "BEGIN:\n", 1, "plain name"},
		{"a BEGIN with a parameter", "BEGIN;A=b:X\n", 1, "plain name"},
		{"a BEGIN with a group", "a.BEGIN:X\n", 1, "plain name"},
		{"a BEGIN with text", "BEGIN:X:Y\n", 1, "plain name"},
		{"a fold at the start", "\n a", 2, "continues"},
		{"too deep", strings.Repeat("BEGIN:X\n", MaxDepth+1), MaxDepth + 1, "deep"},
		{"too many lines", "BEGIN:X\n" + strings.Repeat("A:\n", MaxLines-1) + "END:X", MaxLines + 1, "lines"},
		{"too many parameters", card("FN" + strings.Repeat(";A", MaxParams+1) + ":x"), 2, "parameters"},
		{"too long a text", card("NOTE:" + strings.Repeat("x", MaxLine)), 2, "65536 bytes"},
		{"too long a name", card(strings.Repeat("x", MaxLine+1) + ";ENCODING=b:"), 2, "65536 bytes"},
		{"too long by folding", card("NOTE:" + strings.Repeat("\n "+strings.Repeat("x", 64), MaxLine/64)), 2, "65536 bytes"},
		{"too large", card("PHOTO:data:" + strings.Repeat("x", MaxObject)), 0, "1048576 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			roots, err := Parse([]byte(tt.in))
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || roots != nil {
				t.Fatalf("Parse = %v, %v, want a SyntaxError alone", roots, err)
			}
			if syntax.Line != tt.line || !strings.Contains(syntax.Reason, tt.reason) {
				t.Errorf("Parse: %q, want line %d and a reason with %q", syntax, tt.line, tt.reason)
			}
			if len(syntax.Error()) > 250 {
				t.Errorf("an error of %d bytes quotes too much of the client's text", len(syntax.Error()))
			}
		})
	}
}

// What lies exactly on a limit is accepted.
func TestParseLimits(t *testing.T) {
	tests := []struct{ name, in string }{
		{"lines", "BEGIN:X\n" + strings.Repeat("A:\n", MaxLines-2) + "END:X"},
		{"depth", strings.Repeat("BEGIN:X\n", MaxDepth) + strings.Repeat("END:X\n", MaxDepth)},
		{"parameters", card("FN" + strings.Repeat(";A", MaxParams) + ":x")},
		{"a text", card("NOTE:" + strings.Repeat("x", MaxLine-5))},
		{"a photo of vCard 3", card("PHOTO;ENCODING=b;TYPE=JPEG:" + strings.Repeat("x", 700_000))},
		{"a photo of vCard 2.1", card("PHOTO;BASE64:" + strings.Repeat("x", 700_000))},
		{"a photo of vCard 4", card("PHOTO:data:image/jpeg;base64\\," + strings.Repeat("x", 700_000))},
		{"an attachment", card("ATTACH;VALUE=BINARY;ENCODING=BASE64:" + strings.Repeat("x", 700_000))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Parse([]byte(tt.in)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestParseComponents(t *testing.T) {
	roots, err := Parse([]byte("\ufeffbegin:Vcalendar \nA:1\nBEGIN:VEVENT\nB:2\nBEGIN:VALARM\nC:3\nEND:VALARM\nB:4\nBEGIN:VALARM\nEND:valarm\nB:5\nEND:VEVENT\n" +
		"A:6\nA:7\nEND:VCALENDAR\n\nBEGIN:Y\nD:8\nEND:Y"))
	if err != nil {
		t.Fatal(err)
	}
	a := func(name, value string, number int) Line { return Line{Number: number, Name: name, Value: value} }
	want := []*Component{
		{Name: "Vcalendar", Number: 1, Lines: []Line{a("A", "1", 2), a("A", "6", 13), a("A", "7", 14)}, Children: []*Component{
			{Name: "VEVENT", Number: 3, Lines: []Line{a("B", "2", 4), a("B", "4", 8), a("B", "5", 11)}, Children: []*Component{
				{Name: "VALARM", Number: 5, Lines: []Line{a("C", "3", 6)}}, {Name: "VALARM", Number: 9}}}}},
		{Name: "Y", Number: 17, Lines: []Line{a("D", "8", 18)}},
	}
	if diff := cmp.Diff(want, roots); diff != "" {
		t.Errorf("Parse (-want +got):\n%s", diff)
	}
}

// A caller may append to the lines of one component without touching another's: they share a slab.
func TestComponentsDoNotShareRoom(t *testing.T) {
	roots, err := Parse([]byte("BEGIN:A\nX;P=1,2:1\nBEGIN:B\nY;Q=3:2\nEND:B\nEND:A\nBEGIN:C\nZ:3\nEND:C"))
	if err != nil {
		t.Fatal(err)
	}
	_ = append(roots[0].Lines, Line{Name: "NEW"})
	_ = append(roots[0].Lines[0].Params, Param{Name: "NEW"})
	_ = append(roots[0].Lines[0].Params[0].Values, "NEW")
	if b := roots[0].Children[0].Lines[0]; b.Name != "Y" || b.Params[0].Name != "Q" || b.Params[0].Values[0] != "3" || roots[1].Lines[0].Name != "Z" {
		t.Errorf("appending changed others: %+v, %+v", b, roots[1].Lines[0])
	}
}

func TestLookups(t *testing.T) {
	roots, err := Parse([]byte("BEGIN:VCARD\ntel;type=a,b;X;Type=c:1\nFN:x\nTEL:2\nEND:VCARD"))
	if err != nil {
		t.Fatal(err)
	}
	c := roots[0]
	if !c.Is("vcard") || c.Is("VCARDS") || c.Is("VCAR\u212a") {
		t.Error("Is does not compare names")
	}
	if l := c.Get("TEL"); l == nil || l.Value != "1" || c.Get("EMAIL") != nil {
		t.Errorf("Get = %v", l)
	}
	var all []string
	for l := range c.All("Tel") {
		all = append(all, l.Value)
	}
	if !slices.Equal(all, []string{"1", "2"}) {
		t.Errorf("All = %q", all)
	}
	l := c.Get("TEL")
	if v, ok := l.Param("TYPE"); v != "a" || !ok {
		t.Errorf("Param = %q, %v", v, ok)
	}
	if v, ok := l.Param("x"); v != "" || !ok {
		t.Errorf("Param of a bare parameter = %q, %v", v, ok)
	}
	if _, ok := l.Param("y"); ok {
		t.Error("Param found what is not there")
	}
	if got := slices.Collect(l.ParamValues("type")); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("ParamValues = %q", got)
	}
	for range l.ParamValues("type") {
		break // an early end is allowed
	}
	for range c.All("tel") {
		break
	}
}

// Other projects' objects are read, or refused with line and reason; what is read is written and read again as the same.
func TestCorpus(t *testing.T) {
	dir := os.Getenv("SCHULHOF_CORPUS")
	if dir == "" {
		t.Skip("SCHULHOF_CORPUS is not set: the corpus of other projects' objects is left out")
	}
	names, _ := filepath.Glob(filepath.Join(dir, "[iv]c*", "*"))
	read := 0
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := verify(b); err != nil {
			t.Errorf("%s: %v", filepath.Base(name), err)
		}
		if _, err := Parse(b); err == nil {
			read++
		}
	}
	if read < len(names)*9/10 {
		t.Errorf("read %d of %d objects, want nine of ten", read, len(names))
	}
}

// verify parses b and checks what holds for every input.
func verify(b []byte) error {
	kept := bytes.Clone(b)
	roots, err := Parse(b)
	if !bytes.Equal(b, kept) {
		return errors.New("Parse changed its input")
	}
	var syntax *SyntaxError
	if err != nil {
		if !errors.As(err, &syntax) || syntax.Reason == "" || roots != nil {
			return fmt.Errorf("refused with %v, %w", roots, err)
		}
		if syntax.Line < 0 || syntax.Line > bytes.Count(b, []byte{'\n'})+1 {
			return fmt.Errorf("a line that is not there: %w", err)
		}
		return nil
	}
	var out []byte
	for _, c := range roots {
		out = c.AppendTo(out)
	}
	for line := range bytes.SplitSeq(bytes.TrimSuffix(out, []byte("\r\n")), []byte("\r\n")) {
		if len(line) > 75 || len(line) == 0 || bytes.ContainsAny(line, "\r\n\x00") {
			return fmt.Errorf("wrote the line %q", line)
		}
	}
	again, err := Parse(out)
	if err != nil && len(out) > len(b) && (len(out) > MaxObject || strings.Contains(err.Error(), "a line of more")) {
		return nil // folds and escapes took more room than there was
	}
	if err != nil {
		return fmt.Errorf("what was written is refused: %w\n%q", err, out)
	}
	if diff := cmp.Diff(roots, again, cmp.FilterPath(isNumber, cmp.Ignore())); diff != "" {
		return fmt.Errorf("written and read (-first +again):\n%s", diff)
	}
	return nil
}

func isNumber(p cmp.Path) bool { return p.Last().String() == ".Number" }
