package smtpd

import (
	"strings"
	"testing"
)

func TestParsePath(t *testing.T) {
	tests := []struct {
		name, in, address, rest string
		ok                      bool
	}{
		{"plain", "<a.b+c@x-y.test> SIZE=1", "a.b+c@x-y.test", " SIZE=1", true},
		{"a blank before it", " <a@b>", "a@b", "", true},
		{"null", "<>", "", "", true},
		{"postmaster alone", "<PostMaster>", "PostMaster", "", true},
		{"another name alone", "<anna>", "", "", false},
		{"source route", "<@x.test,@y.test:a@b>", "a@b", "", true},
		{"source route without hosts", "<@:a@b>", "", "", false},
		{"quoted", `<"a b"@c>`, `"a b"@c`, "", true},
		{"quoted without need", `<"ab"@c>`, "ab@c", "", true},
		{"quoted at", `<"a@b"@c>`, `"a@b"@c`, "", true},
		{"escaped quote", `<"a\"b\\"@c>`, `"a\"b\\"@c`, "", true},
		{"open quote", `<"ab@c>`, "", "", false},
		{"escape at the end", `<"ab\`, "", "", false},
		{"escaped line end", "<\"a\\\rb\"@c>", "", "", false},
		{"DEL in quotes", "<\"a\x7f\"@c>", "", "", false},
		{"empty quotes", `<""@c>`, "", "", false},
		{"two dots", "<a..b@c>", "", "", false},
		{"a dot in front", "<.a@c>", "", "", false},
		{"a dot behind", "<a.@c>", "", "", false},
		{"UTF-8", "<jürgen@schülé.test>", "jürgen@schülé.test", "", true},
		{"broken UTF-8", "<j\xfcrgen@school.test>", "", "", false},
		{"literal", "<a@[192.0.2.1]>", "a@[192.0.2.1]", "", true},
		{"IPv6 literal", "<a@[IPv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]", "", true},
		{"IPv6 without its tag", "<a@[2001:db8::1]>", "", "", false},
		{"IPv4 with the tag", "<a@[IPv6:192.0.2.1]>", "", "", false},
		{"general literal", "<a@[x]>", "", "", false},
		{"label with a hyphen in front", "<a@-b.c>", "", "", false},
		{"empty label", "<a@b..c>", "", "", false},
		{"no end", "<a@b", "", "", false},
		{"no beginning", "a@b>", "", "", false},
		{"local part too long", "<" + strings.Repeat("a", maxLocalPart+1) + "@b>", "", "", false},
		{"domain too long", "<a@" + strings.Repeat("b", maxDomain+1) + ">", "", "", false},
	}
	for _, tt := range tests {
		address, rest, ok := parsePath(tt.in)
		if address != tt.address || rest != tt.rest || ok != tt.ok {
			t.Errorf("%s: parsePath(%.50q) = %q, %q, %v, want %q, %q, %v", tt.name, tt.in, address, rest, ok, tt.address, tt.rest, tt.ok)
		}
	}
}

// FuzzParsePath: what parses is in normal form and parses to itself.
func FuzzParsePath(f *testing.F) {
	for _, s := range []string{"<\"\\\r\"@0>", "<a@b>", `<"a b\"@c"@d>`, "<@x:a@[IPv6:::1]>", "<>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		address, _, ok := parsePath(in)
		if !ok {
			return
		}
		again, rest, ok := parsePath("<" + address + ">")
		if !ok || again != address || rest != "" {
			t.Fatalf("%q parsed to %q, which parsed to %q, %q, %v", in, address, again, rest, ok)
		}
		if strings.ContainsAny(address, "\r\n\x00") {
			t.Fatalf("%q parsed to %q", in, address)
		}
	})
}

func TestDecodeXtext(t *testing.T) {
	for in, want := range map[string]string{"abc": "abc", "a+2Bb": "a+b", "+3D": "=", "": ""} {
		if got, ok := decodeXtext(in); got != want || !ok {
			t.Errorf("decodeXtext(%q) = %q, %v, want %q", in, got, ok, want)
		}
	}
	for _, in := range []string{"+", "+2", "+2b", "+GG", "a b", "ä"} {
		if got, ok := decodeXtext(in); ok {
			t.Errorf("decodeXtext(%q) = %q, want it refused", in, got)
		}
	}
	for in, want := range map[string]string{`j\x{FC}rgen`: "jürgen", "jürgen": "jürgen", `\x{1F600}`: "😀", `a\x{2B}b`: "a+b"} {
		if got, ok := decodeUTF8Xtext(in); got != want || !ok {
			t.Errorf("decodeUTF8Xtext(%q) = %q, %v, want %q", in, got, ok, want)
		}
	}
	for _, in := range []string{`\`, `\x{}`, `\x{fc}`, `\x{D800}`, `\x{110000}`, `\x{0A}`, `\x{FC`, "a+b", "\xff"} {
		if got, ok := decodeUTF8Xtext(in); ok {
			t.Errorf("decodeUTF8Xtext(%q) = %q, want it refused", in, got)
		}
	}
}
