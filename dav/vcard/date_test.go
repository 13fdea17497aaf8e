package vcard

import "testing"

// Dates in both versions' forms. RFC 6350 §4.3, RFC 2426 §3.1.5.
func TestDates(t *testing.T) {
	tests := []struct {
		in, basic, extended string // extended "": 3.0 has no form
	}{
		{"1980-03-22", "19800322", "1980-03-22"},
		{"19800322", "19800322", "1980-03-22"},
		{"--03-22", "--0322", ""},
		{"--0322", "--0322", ""},
		{"---22", "---22", ""},
		{"1980", "1980", ""},
		{"1980-03", "1980-03", ""},
		{"1980-03-22T10:11:12Z", "19800322T101112Z", "1980-03-22T10:11:12Z"},
		{"1980-03-22T10:11:12.345Z", "19800322T101112Z", "1980-03-22T10:11:12Z"},
		{"20090808T1430-0500", "20090808T1430-0500", "2009-08-08T14:30:00-05:00"},
		{"1980-03-22T10:11+05:30", "19800322T1011+0530", "1980-03-22T10:11:00+05:30"},
		{"19800322T10+05", "19800322T10+05", "1980-03-22T10:00:00+05:00"},
		{"T102200", "T102200", ""},
		{"19800322Tnoon", "19800322Tnoon", ""},
		{"im Mai", "im Mai", ""},
		{"", "", ""},
	}
	for _, tt := range tests {
		if got := basicDate(tt.in); got != tt.basic {
			t.Errorf("basicDate(%q) = %q, want %q", tt.in, got, tt.basic)
		}
		got, ok := extendedDate(tt.in)
		if ok != (tt.extended != "") || ok && got != tt.extended {
			t.Errorf("extendedDate(%q) = %q, %v, want %q", tt.in, got, ok, tt.extended)
		}
	}
}

func TestQuotedPrintable(t *testing.T) {
	tests := []struct {
		name, in, want string
		ok             bool
	}{
		{"characters", "J=C3=bCrgen", "Jürgen", true},
		{"line breaks become escapes", "a=0D=0Ab", `a\nb`, true},
		{"control characters go", "a=00=1Bb", "ab", true},
		{"a lost soft line break", "abc=", "abc", true},
		{"half a byte", "a=C", "", false},
		{"no digits", "a=XYb", "", false},
	}
	for _, tt := range tests {
		if got, ok := decodeQuotedPrintable(tt.in); got != tt.want || ok != tt.ok {
			t.Errorf("%s: decodeQuotedPrintable(%q) = %q, %v, want %q, %v", tt.name, tt.in, got, ok, tt.want, tt.ok)
		}
	}
}
