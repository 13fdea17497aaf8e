package directory

import (
	"strings"
	"testing"

	"schulhof/store/fault"
)

func TestParseAddress(t *testing.T) {
	tests := []struct {
		name, in string
		want     string // canonical; "": fault.Invalid
	}{
		{"plain", "anna@school.test", "anna@school.test"},
		{"case does not count", "Anna.Maria@SCHOOL.Test", "anna.maria@school.test"},
		{"every atext", "!#$%&'*+-/=?^_`{|}~@school.test", "!#$%&'*+-/=?^_`{|}~@school.test"},
		{"quotes that are not needed", `"anna"@school.test`, "anna@school.test"},
		{"quoted pairs mean the character", `"\a\n\n\a"@school.test`, "anna@school.test"},
		{"quotes that are needed stay", `"anna schmidt"@school.test`, `"anna schmidt"@school.test`},
		{"a quoted @ is not the separator", `"a@b"@school.test`, `"a@b"@school.test`},
		{"quote and backslash inside", `"a\"b\\c"@school.test`, `"a\"b\\c"@school.test`},
		{"a quoted dot at the end", `"a."@school.test`, `"a."@school.test`},
		{"umlauts", "Jürgen@school.test", "jürgen@school.test"},
		{"umlauts written as letter and mark", "Ju\u0308rgen@school.test", "jürgen@school.test"},
		{"eszett stays itself", "Groß@school.test", "groß@school.test"},
		{"capital eszett", "GROẞ@school.test", "groß@school.test"},
		{"final sigma", "ΟΔΥΣΣΕΎΣ@school.test", "οδυσσεύσ@school.test"},
		{"dotless i is another letter", "ırmak@school.test", "ırmak@school.test"},
		{"cyrillic", "Анна@school.test", "анна@school.test"},
		{"domain as U-label", "anna@Grundschule-München.test", "anna@xn--grundschule-mnchen-y6b.test"},
		{"domain as A-label", "anna@XN--grundschule-mnchen-y6b.test", "anna@xn--grundschule-mnchen-y6b.test"},
		{"domain with ideographic full stop", "anna@münchen。test", "anna@xn--mnchen-3ya.test"},
		{"address literal", "anna@[192.0.2.1]", "anna@[192.0.2.1]"},
		{"local part of 64 bytes", strings.Repeat("a", 64) + "@school.test", strings.Repeat("a", 64) + "@school.test"},

		{"empty", "", ""},
		{"no @", "anna", ""},
		{"nothing before the @", "@school.test", ""},
		{"nothing after it", "anna@", ""},
		{"empty quotes", `""@school.test`, ""},
		{"two @", "anna@b@school.test", ""},
		{"dot first", ".anna@school.test", ""},
		{"dot last", "anna.@school.test", ""},
		{"two dots", "an..na@school.test", ""},
		{"space", "anna schmidt@school.test", ""},
		{"angle brackets", "<anna@school.test>", ""},
		{"control", "an\x01na@school.test", ""},
		{"NUL in quotes", "\"an\x00na\"@school.test", ""},
		{"line break in quotes", "\"an\r\nna\"@school.test", ""},
		{"open quote", `"anna@school.test`, ""},
		{"text behind the quote", `"anna"b@school.test`, ""},
		{"backslash at the end", `"anna\`, ""},
		{"invalid UTF-8", "an\xffna@school.test", ""},
		{"right-to-left override", "an\u202ena@school.test", ""},
		{"zero-width joiner", "an\u200dna@school.test", ""},
		{"no-break space", "an\u00a0na@school.test", ""},
		{"private use", "an\ue000na@school.test", ""},
		{"local part of 65 bytes", strings.Repeat("a", 65) + "@school.test", ""},
		{"label of 64", "anna@" + strings.Repeat("a", 64) + ".test", ""},
		{"hyphen first in a label", "anna@-school.test", ""},
		{"hyphen last in a label", "anna@school-.test", ""},
		{"empty label", "anna@school..test", ""},
		{"dot at the end of the domain", "anna@school.test.", ""},
		{"space in the domain", "anna@school .test", ""},
		{"broken A-label", "anna@xn--\u00fc.test", ""},
		{"invalid UTF-8 in the domain", "anna@\x800.test", ""},
		{"A-label that decodes to nothing valid", "anna@xn--a.test", ""},
		{"open address literal", "anna@[192.0.2.1", ""},
		{"far too long", strings.Repeat("a", 600) + "@school.test", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, err := ParseAddress(tt.in)
			if tt.want == "" {
				if !fault.Is(err, fault.Invalid) {
					t.Errorf("ParseAddress(%q) = %q, %v; want fault.Invalid", tt.in, a, err)
				}
				return
			}
			if err != nil || a.String() != tt.want {
				t.Errorf("ParseAddress(%q) = %q, %v; want %q", tt.in, a, err, tt.want)
			}
		})
	}
}

func TestSplit(t *testing.T) {
	tests := []struct {
		name, in, base, detail string
		ok                     bool
	}{
		{"a detail keeps its case", "Anna+Math@school.test", "anna@school.test", "Math", true},
		{"the first plus counts", "anna+a+b@school.test", "anna@school.test", "a+b", true},
		{"an empty detail", "anna+@school.test", "anna@school.test", "", true},
		{"none", "anna@school.test", "anna@school.test", "", false},
		{"a plus at the start is part of the name", "+anna@school.test", "+anna@school.test", "", false},
		{"umlauts, decomposed", "anna+Fra\u0308ulein@school.test", "anna@school.test", "Fräulein", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, err := ParseAddress(tt.in)
			must(t, err)
			base, detail, ok := a.Split()
			if base.String() != tt.base || detail != tt.detail || ok != tt.ok {
				t.Errorf("Split(%q) = %q, %q, %v; want %q, %q, %v", tt.in, base, detail, ok, tt.base, tt.detail, tt.ok)
			}
		})
	}
}

func TestDisplayDomain(t *testing.T) {
	for in, want := range map[string]string{
		"school.test": "school.test", "xn--mnchen-3ya.test": "münchen.test", "xn--a.test": "xn--a.test",
	} {
		if got := DisplayDomain(in); got != want {
			t.Errorf("DisplayDomain(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCheckNewName(t *testing.T) {
	for name, ok := range map[string]bool{
		"anna": true, "anna.schmidt-meier_2": true, "o'neill": true, "jürgen": true, "7b": true, "анна": true, "हिन्दी": true,
		"anna+x": false, "-anna": false, "a/b": false, "a b": false, "ｆｕｌｌ": false, "ﬁsch": false, "😀": false, "a%b": false, "*": false,
	} {
		if err := checkNewName(name, false); (err == nil) != ok {
			t.Errorf("checkNewName(%q) = %v, want ok %v", name, err, ok)
		}
	}
	if err := checkNewName("sales+spring", true); err != nil {
		t.Errorf("an alias with a plus: %v", err)
	}
}

func TestCheckDisplayName(t *testing.T) {
	for name, ok := range map[string]bool{
		"": true, "Änne Groß": true, "李小龍": true, "Ann\u200cie": true, // the non-joiner is part of Persian and Hindi names
		"a\tb": false, "a\r\nBcc: x": false, "a\x1b[31m": false, "\u202egpj.exe": false, "a\xff": false, strings.Repeat("x", 201): false,
	} {
		if _, err := checkDisplayName("name", name); (err == nil) != ok {
			t.Errorf("checkDisplayName(%q) = %v, want ok %v", name, err, ok)
		}
	}
	if got, _ := checkDisplayName("name", "  A\u0308nne "); got != "Änne" {
		t.Errorf("a name is trimmed and in NFC: %q", got)
	}
}

// FuzzParseAddress: what parses has a canonical form that parses to itself.
func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{
		"anna@school.test", `"a@b"@school.test`, `"a\"b"@x`, "Jürgen+Ä@münchen.test", "ΟΔΥΣΣΕΎΣ@school.test", "a@[IPv6:::1]", "ı@x", "ẞ@x",
		"\"\\\\\"@x", "a@xn--mnchen-3ya.test", "\u212a@x", "ǆ@x", "ᾳ@x", "İ@x", "a@ß.test",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddress(s)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("ParseAddress(%q): %v is not fault.Invalid", s, err)
			}
			return
		}
		canonical := a.String()
		if len(canonical) > MaxAddress {
			return // folding may lengthen; such an address leads nowhere
		}
		again, err := ParseAddress(canonical)
		if len(a.Local) > MaxLocalPart {
			return
		}
		if err != nil || again.key() != a.key() {
			t.Fatalf("ParseAddress(%q) is %q, which parses to %q, %v", s, canonical, again, err)
		}
		if strings.ContainsAny(canonical, "\r\n\x00") {
			t.Fatalf("ParseAddress(%q) lets a line break through", s)
		}
	})
}
