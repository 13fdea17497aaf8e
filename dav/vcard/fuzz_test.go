package vcard

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"schulhof/dav/contentline"
)

// FuzzCard: no card makes Parse, Check, Convert or Select panic; what can be kept can be kept in both versions, as the same.
func FuzzCard(f *testing.F) {
	for _, tt := range conversions {
		f.Add(object("VERSION:3.0", "UID:1", "FN:x", strings.ReplaceAll(tt.v3, "\n", "\r\n")))
		f.Add(object("VERSION:4.0", "UID:1", "FN:x", strings.ReplaceAll(tt.v4, "\n", "\r\n")))
	}
	f.Add(anna)
	if dir := os.Getenv("SCHULHOF_CORPUS"); dir != "" {
		names, _ := filepath.Glob(filepath.Join(dir, "vcard", "*"))
		for _, name := range names {
			if b, err := os.ReadFile(name); err == nil && len(b) < 8<<10 {
				f.Add(b)
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := verify(b); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzFilter: no filter makes Compile or Match panic, and a filter that negates the only condition on a property that stands once finds the other cards.
func FuzzFilter(f *testing.F) {
	f.Add(anna, "FN", "TYPE", "anna", "i;octet", uint8(0))
	f.Add(object("VERSION:4.0", "FN:ü"), "a.FN", "X", "\u0308", "", uint8(1))
	f.Fuzz(func(t *testing.T, b []byte, name, param, text, collation string, how uint8) {
		c, err := Parse(b)
		if err != nil {
			return
		}
		find := func(negate bool) *Matcher {
			match := TextMatch{Text: text, Collation: collation, Type: contentline.MatchType(how), Negate: negate}
			m, err := (&Filter{Props: []PropFilter{{Name: name, All: true, Texts: []TextMatch{match}}}}).Compile()
			if err != nil {
				return nil
			}
			return m
		}
		with := &Filter{Props: []PropFilter{{Name: name, Params: []ParamFilter{{Name: param, Text: &TextMatch{Text: text}}, {Name: param, NotDefined: true}}}}}
		if m, err := with.Compile(); err == nil {
			m.Match(c)
		}
		yes, no := find(false), find(true)
		if yes == nil || no == nil {
			return
		}
		n, asked := 0, parseName(name)
		for i := range c.vcard.Lines {
			if asked.names(&c.vcard.Lines[i]) {
				n++
			}
		}
		if n == 1 && yes.Match(c) == no.Match(c) {
			t.Fatalf("a text is both there and not there: %q in %q", text, b)
		}
		if n == 0 && (yes.Match(c) || no.Match(c)) {
			t.Fatalf("a text in a property that is not there: %q in %q", name, b)
		}
	})
}

// FuzzMatchStored: what is found in some lines of a card is found in all of it, and the other way round.
func FuzzMatchStored(f *testing.F) {
	f.Add(anna, "FN", "EMAIL", "anna", false)
	f.Add([]byte("BEGIN:VCARD\r\nVERSION:3.0\r\nF\r\n\r\n N:An\r\n\tna\r\r\na.EMAIL;TYPE=\"x:y\":anna\r\nEND:VCARD"), "fn", "a.email", "ANNA", true)
	f.Add([]byte("BEGIN:VCARD\nVERSION:4.0\na.b.FN:x\nEND:VCARD"), "a.b.FN", "b.fn", "x", true)
	f.Add([]byte("\ufeffBEGIN:VCARD\nFN:a\n\n b\nKIND:group\nEND:VCARD\n"), "X-ADDRESSBOOKSERVER-KIND", "END", "group", true)
	f.Fuzz(func(t *testing.T, b []byte, name, other, text string, all bool) {
		c, err := Parse(b)
		if err != nil {
			return
		}
		for _, filter := range []Filter{
			{All: all, Props: []PropFilter{textOf(name, contains(text)), textOf(other, TextMatch{Text: text, Negate: true})}},
			{All: all, Props: []PropFilter{{Name: name, NotDefined: true}, {Name: other}}},
		} {
			m, err := filter.Compile()
			if err != nil {
				return
			}
			if got, want := m.MatchStored(b), m.Match(c); got != want {
				t.Fatalf("%t, by the whole card %t: %+v of %q", got, want, filter, b)
			}
		}
	})
}
