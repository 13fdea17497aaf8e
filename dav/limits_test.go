package dav

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"schulhof/store/fault"
)

// TestLimitsFromBothSides: each limit of what a client sends takes what is as large as it says, and refuses one more as too large.
func TestLimitsFromBothSides(t *testing.T) {
	attributes := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, ` a%d=""`, i)
		}
		return b.String()
	}
	xmlOf := func(make func(n int) string) func(n int) error {
		return func(n int) error {
			_, err := parseXML([]byte(make(n)))
			return err
		}
	}
	for _, tt := range []struct {
		name string
		most int
		try  func(n int) error
	}{
		{"nesting", maxXMLDepth, xmlOf(func(n int) string { return strings.Repeat("<a>", n) + strings.Repeat("</a>", n) })},
		{"elements", maxXMLElements, xmlOf(func(n int) string { return "<a>" + strings.Repeat("<b/>", n-1) + "</a>" })},
		{"attributes", maxXMLAttributes, xmlOf(func(n int) string { return "<a" + attributes(n) + "/>" })},
		{"hrefs", maxHrefs, xmlOf(func(n int) string {
			return `<a xmlns:D="DAV:">` + strings.Repeat("<D:href>x</D:href>", n) + "</a>"
		})},
		{"the If header", maxIfHeader, func(n int) error {
			_, err := parseIf([]string{"(<" + strings.Repeat("a", n-4) + ">)"})
			return err
		}},
		{"conditions", maxIfConditions, func(n int) error {
			_, err := parseIf([]string{"(" + strings.Repeat("<a:b>", n) + ")"})
			return err
		}},
		{"conditions in several lists", maxIfConditions, func(n int) error {
			_, err := parseIf([]string{strings.Repeat("(<a:b>)", n)})
			return err
		}},
		{"entity tags", maxETags, func(n int) error {
			_, err := parseETags(header("If-Match", strings.TrimSuffix(strings.Repeat(`"a",`, n), ",")), "If-Match")
			return err
		}},
	} {
		if err := tt.try(tt.most); err != nil {
			t.Errorf("%s: %d: %v", tt.name, tt.most, err)
		}
		if err := tt.try(tt.most + 1); !fault.Is(err, fault.TooLarge) {
			t.Errorf("%s: %d: %v, want fault too large", tt.name, tt.most+1, err)
		}
	}
}

// TestNestedHrefsCount: only hrefs that a report names at its top are counted apart; further in they are elements like others.
func TestNestedHrefsCount(t *testing.T) {
	inner := strings.Repeat("<D:href>x</D:href>", maxXMLElements)
	if _, err := parseXML([]byte(`<a xmlns:D="DAV:"><b>` + inner + "</b></a>")); !fault.Is(err, fault.TooLarge) {
		t.Errorf("%v, want fault too large", err)
	}
}

// TestDeclarationsOfOtherTimes: instructions and comments are skipped, document types and entities refused, wherever they stand and in
// every encoding that may hide them.
func TestDeclarationsOfOtherTimes(t *testing.T) {
	utf16 := func(s string) string {
		var b strings.Builder
		b.WriteString("\xfe\xff")
		for _, c := range s {
			b.WriteByte(byte(c >> 8))
			b.WriteByte(byte(c))
		}
		return b.String()
	}
	for _, tt := range []struct {
		name, in string
		ok       bool
	}{
		{"a declaration", `<?xml version="1.0" encoding="UTF-8"?><a/>`, true},
		{"in small letters", `<?xml version='1.0' encoding='utf-8'?><a/>`, true},
		{"ASCII", `<?xml version="1.0" encoding="us-ascii"?><a/>`, true},
		{"UTF-16 that says so", utf16(`<?xml version="1.0" encoding="utf-16"?><a>ü</a>`), true},
		{"a style sheet", `<?xml-stylesheet href="x"?><a/>`, true},
		{"comments all over", `<!-- a --><a><!-- b --></a><!-- c -->`, true},
		{"Latin-1", `<?xml version="1.0" encoding="iso-8859-1"?><a/>`, false},
		{"UTF-7", `<?xml version="1.0" encoding="utf-7"?><a/>`, false},
		{"an outer entity", `<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>`, false},
		{"a public one", `<!DOCTYPE a PUBLIC "x" "http://example.org/"><a/>`, false},
		{"entities of entities", `<!DOCTYPE a [<!ENTITY b "cc"><!ENTITY c "&b;&b;">]><a>&c;</a>`, false},
		{"hidden in UTF-16", utf16(`<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`), false},
		{"behind the document", `<a/><!DOCTYPE a>`, false},
		{"an entity of HTML", `<a>&nbsp;</a>`, false},
		{"a reference to NUL", `<a>&#0;</a>`, false},
		{"half of UTF-16", "\xfe\xff\x00<\x00a\x00/\x00>\x00", false},
	} {
		_, err := parseXML([]byte(tt.in))
		if (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
		if err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, want fault invalid", tt.name, err)
		}
	}
}

// TestReferencesToOtherHosts: names that look like this server's without being it lead nowhere; ports and schemes of HTTP do not matter.
func TestReferencesToOtherHosts(t *testing.T) {
	r := httptest.NewRequest("COPY", "http://[2001:db8::1]:8080/", nil)
	x := &exchange{r: r, srv: &Server{hostname: "real.school.test"}}
	for ref, here := range map[string]bool{
		"http://[2001:db8::1]/x": true, "http://[2001:db8::1]:9/x": true, "https://[2001:DB8::1]:443/x": true, "http://real.school.test:1/x": true,
		"HTTPS://REAL.SCHOOL.TEST/x": true, "//real.school.test/x": true, "http://anna:geheim@real.school.test/x": true,
		"http://[2001:db8::2]/x": false, "http://real.school.test.evil.test/x": false, "http://evil.test/real.school.test": false,
		"http://real.school.test@evil.test/x": false, "http://school.test/x": false, "file://real.school.test/x": false, "gopher://real.school.test/x": false,
	} {
		path, got, err := x.localPath(ref)
		if err != nil || got != here || here && path != "/x" {
			t.Errorf("%s: %q, %v, %v, want %v", ref, path, got, err, here)
		}
	}
}
