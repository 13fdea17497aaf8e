package contentline

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestAppendLine(t *testing.T) {
	long := strings.Repeat("x", 70)
	tests := []struct {
		name string
		in   Line
		want string
	}{
		{"a name and a value", Line{Name: "FN", Value: "Anna"}, "FN:Anna"},
		{"a group", Line{Group: "item1", Name: "TEL", Value: "1"}, "item1.TEL:1"},
		{"parameters", Line{Name: "TEL", Params: []Param{{"TYPE", []string{"a", "b"}}, {"HOME", nil}, {"E", []string{""}}}, Value: "1"}, "TEL;TYPE=a,b;HOME;E=:1"},
		{"quotes where they are needed", Line{Name: "X", Params: []Param{{"A", []string{"b c", "b;c", "b:c", "b,c"}}}}, `X;A=b c,"b;c","b:c","b,c":`},
		{"RFC 6868 escapes", Line{Name: "X", Params: []Param{{"A", []string{"a\nb^c\"d"}}}}, `X;A=a^nb^^c^'d:`},
		{"75 bytes fit", Line{Name: "NOTE", Value: long}, "NOTE:" + long},
		{"the 76th goes on the next line", Line{Name: "NOTE", Value: long + "yz"}, "NOTE:" + long + "\r\n yz"},
		{"no fold within a character", Line{Name: "NOTE", Value: long[:69] + "üz"}, "NOTE:" + long[:69] + "\r\n üz"},
		{"a continued line has 75 bytes with its space", Line{Name: "NOTE", Value: long + long + "12345"}, "NOTE:" + long + "\r\n " + long + "1234\r\n 5"},
		{"a value cannot leave its line", Line{Name: "FN", Value: "a\r\nEND:VCARD\x00"}, `FN:a\nEND:VCARD`},
		{"a parameter cannot either", Line{Name: "FN", Params: []Param{{"A", []string{"a\r\nEND:VCARD\x01"}}}, Value: "x"}, `FN;A="a^nEND:VCARD":x`},
		{"bytes that are no characters", Line{Name: "NOTE", Value: strings.Repeat("\x80", 72)}, "NOTE:" + strings.Repeat("\x80", 70) + "\r\n \x80\x80"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(tt.in.AppendTo([]byte("before"))); got != "before"+tt.want+"\r\n" {
				t.Errorf("AppendTo = %q, want %q", got, tt.want)
			}
		})
	}
}

// What is composed here is read as the same, whatever texts it is made of.
func TestWriteRoundTrip(t *testing.T) {
	name := rapid.StringMatching(`[A-Za-z][A-Za-z0-9-]{0,20}`).Filter(func(s string) bool { return !EqualFold(s, "BEGIN") && !EqualFold(s, "END") })
	text := rapid.StringOf(rapid.RuneFrom([]rune("ab \t;:,\"^n'\\=üß😀")))
	param := rapid.Custom(func(t *rapid.T) Param {
		return Param{name.Draw(t, "parameter"), rapid.SliceOfN(rapid.OneOf(text, rapid.Just("a\nb")), 1, 3).Draw(t, "values")}
	})
	line := rapid.Custom(func(t *rapid.T) Line {
		l := Line{Name: name.Draw(t, "name"), Value: text.Draw(t, "value"), Params: rapid.SliceOfN(param, 0, 3).Draw(t, "params")}
		if len(l.Params) == 0 {
			l.Params = nil
		}
		return l
	})
	rapid.Check(t, func(t *rapid.T) {
		want := &Component{Name: name.Draw(t, "component"), Lines: rapid.SliceOfN(line, 1, 5).Draw(t, "lines")}
		for range rapid.IntRange(0, 2).Draw(t, "children") {
			want.Children = append(want.Children, &Component{Name: name.Draw(t, "child"), Lines: rapid.SliceOfN(line, 1, 3).Draw(t, "child's lines")})
		}
		out := want.AppendTo(nil)
		got, err := Parse(out)
		if err != nil {
			t.Fatalf("Parse(%q): %v", out, err)
		}
		if diff := cmp.Diff([]*Component{want}, got, cmp.FilterPath(isNumber, cmp.Ignore())); diff != "" {
			t.Fatalf("written and read (-want +got):\n%s", diff)
		}
	})
}

func ExampleComponent_AppendTo() {
	c := Component{Name: "VCARD", Lines: []Line{{Name: "VERSION", Value: "4.0"}, {Name: "FN", Value: Escape("Schmidt, Anna")}}}
	fmt.Print(strings.ReplaceAll(string(c.AppendTo(nil)), "\r\n", "\n"))
	// Output:
	// BEGIN:VCARD
	// VERSION:4.0
	// FN:Schmidt\, Anna
	// END:VCARD
}
