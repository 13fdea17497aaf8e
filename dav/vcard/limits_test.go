package vcard

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"schulhof/dav/contentline"
)

// TestLimitsOfCards: each limit takes what is as large as it says, and refuses one byte more by its name.
func TestLimitsOfCards(t *testing.T) {
	person := func(lines ...string) []byte {
		return object(append([]string{"VERSION:4.0", "FN:Anna", "UID:1"}, lines...)...)
	}
	photo := func(head string) func(n int) []byte {
		return func(n int) []byte { return person(head + base64.StdEncoding.EncodeToString(make([]byte, n))) }
	}
	for _, tt := range []struct {
		name         string
		most         int
		make         func(n int) []byte
		precondition string
	}{
		{"a photo in a data URI", MaxPhoto, photo("PHOTO:data:image/jpeg;base64,"), "max-resource-size"},
		{"a photo in a data URI whose comma is escaped", MaxPhoto, photo(`PHOTO:data:image/jpeg;base64\,`), "max-resource-size"},
		{"a photo as in 3.0", MaxPhoto, photo("PHOTO;ENCODING=b;TYPE=JPEG:"), "max-resource-size"},
		{"a photo as in 2.1", MaxPhoto, photo("PHOTO;JPEG;BASE64:"), "max-resource-size"},
		{"a photo in a group", MaxPhoto, photo("item1.photo;encoding=B:"), "max-resource-size"},
		{"a logo", MaxPhoto, photo("LOGO:data:image/png;base64,"), "max-resource-size"},
		{"a UID", MaxUID, func(n int) []byte { return object("VERSION:4.0", "FN:Anna", "UID:"+strings.Repeat("x", n)) }, "valid-address-data"},
	} {
		if _, err := mustParse(t, tt.make(tt.most)).Check(); err != nil {
			t.Errorf("%s: %d bytes: %v", tt.name, tt.most, err)
		}
		_, err := mustParse(t, tt.make(tt.most+1)).Check()
		var v *Violation
		if !errors.As(err, &v) || v.Precondition != tt.precondition || !strings.Contains(v.Reason, "line ") {
			t.Errorf("%s: %d bytes: %v, want %s and the line", tt.name, tt.most+1, err, tt.precondition)
		}
	}
}

// TestLimitsOfFilters: as many conditions as a filter may have, however they are spread, and one more.
func TestLimitsOfFilters(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func(n int) Filter
	}{
		{"on one property", func(n int) Filter { return Filter{Props: []PropFilter{textOf("FN", make([]TextMatch, n-1)...)}} }},
		{"on many properties", func(n int) Filter { return Filter{Props: make([]PropFilter, n)} }},
		{"on parameters", func(n int) Filter {
			return Filter{Props: []PropFilter{{Name: "TEL", Params: make([]ParamFilter, n-1)}}}
		}},
	} {
		most, more := tt.make(maxConditions), tt.make(maxConditions+1)
		if _, err := most.Compile(); err != nil {
			t.Errorf("%s: %d: %v", tt.name, maxConditions, err)
		}
		var v *Violation
		if _, err := more.Compile(); !errors.As(err, &v) || v.Precondition != "supported-filter" {
			t.Errorf("%s: %d: %v, want supported-filter", tt.name, maxConditions+1, err)
		}
	}
}

// TestLargestCardInTheOtherVersion: a card at the limit of an object is converted all the same; nothing is cut off.
func TestLargestCardInTheOtherVersion(t *testing.T) {
	stored := object("VERSION:3.0", "UID:1", "FN:Anna", "N:;Anna;;;", "NOTE:"+strings.Repeat("x", contentline.MaxLine-5),
		"PHOTO;ENCODING=b;TYPE=JPEG:"+base64.StdEncoding.EncodeToString(make([]byte, MaxPhoto)))
	c := mustParse(t, stored)
	there := mustParse(t, c.Convert(Version4))
	if note := there.text("NOTE"); len(note) != contentline.MaxLine-5 {
		t.Errorf("the note has %d bytes", len(note))
	}
	if size := binarySize(there.vcard.Get("PHOTO")); size != MaxPhoto {
		t.Errorf("the photo has %d bytes", size)
	}
	if back := mustParse(t, there.Convert(Version3)); back.vcard.Get("PHOTO").Value != c.vcard.Get("PHOTO").Value {
		t.Error("the photo came back as another one")
	}
}

// TestPhotosAreNotSearched: a filter looks into texts. One that would find letters in the base64 of a photo finds it in every card with one.
func TestPhotosAreNotSearched(t *testing.T) {
	large := mustParse(t, object("VERSION:3.0", "UID:1", "FN:Anna", "PHOTO;ENCODING=b:"+strings.Repeat("QUJD", contentline.MaxLine/4+1)))
	for _, tt := range []struct {
		name  string
		props []PropFilter
		want  bool
	}{
		{"its bytes", []PropFilter{textOf("PHOTO", contains("QUJD"))}, false},
		{"that it is there", []PropFilter{{Name: "PHOTO"}}, true},
		{"that it is not", []PropFilter{{Name: "PHOTO", NotDefined: true}}, false},
		{"how it is written", []PropFilter{paramOf("PHOTO", "ENCODING", &TextMatch{Text: "b", Type: contentline.Equals})}, true},
	} {
		m, err := (&Filter{Props: tt.props}).Compile()
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Match(large); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestErrorsNameTheLine: what is wrong with a card is told with the line in which it is, as the client sent it: folded, with blank lines, with
// either line break.
func TestErrorsNameTheLine(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"a line without a colon", "BEGIN:VCARD\nVERSION:4.0\nFN\nEND:VCARD\n", "line 3: "},
		{"behind a folded line", "BEGIN:VCARD\r\nNOTE:a\r\n b\r\n c\r\nFN\r\nEND:VCARD\r\n", "line 5: "},
		{"behind blank lines", "BEGIN:VCARD\n\n\nFN\nEND:VCARD\n", "line 4: "},
		{"within a folded line, where it begins", "BEGIN:VCARD\nNO\n TE\n b\nEND:VCARD\n", "line 2: "},
		{"a byte that is none", "BEGIN:VCARD\nFN:a\nNOTE:\x00\nEND:VCARD\n", "line 3: control character"},
		{"no end", "BEGIN:VCARD\nVERSION:4.0\n", "line 1: "},
		{"a second card", string(object("FN:a")) + string(object("FN:b")), "line 4: a second card"},
		{"a second UID", "BEGIN:VCARD\nVERSION:4.0\nFN:a\nUID:1\n \nUID:2\nEND:VCARD\n", "line 6: a second UID"},
		{"an empty UID", "BEGIN:VCARD\nVERSION:4.0\nFN:a\n\nUID:\nEND:VCARD\n", "line 5: an empty UID"},
	} {
		c, err := Parse([]byte(tt.in))
		if err == nil {
			_, err = c.Check()
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q in it", tt.name, err, tt.want)
		}
	}
}
