package vcard

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestPersonCard(t *testing.T) {
	p := Person{UID: "6a0e4d2e-5f0c-4b8a-9a64-0f5d1c1b7a11", FN: "Dr. Anna Schmidt", Family: "Schmidt", Given: "Anna", Prefix: "Dr.", Org: "Gymnasium; am See", Unit: "Musik",
		Title: "Lehrerin", Role: "teacher", Note: "a\nb", Emails: []string{"a@school.test", "b@school.test"}, Phones: []string{"1"}, Categories: []string{"7b", "Chor, groß"},
		Revised: time.Date(2026, 11, 2, 10, 11, 12, 0, time.FixedZone("", 3600))}
	tests := []struct {
		version string
		want    []byte
	}{
		{Version4, object("VERSION:4.0", "PRODID:"+productID, "UID:"+p.UID, "FN:Dr. Anna Schmidt", "N:Schmidt;Anna;;Dr.;", `ORG:Gymnasium\; am See;Musik`, "TITLE:Lehrerin",
			"ROLE:teacher", "EMAIL;PREF=1:a@school.test", "EMAIL:b@school.test", "TEL:1", `CATEGORIES:7b,Chor\, groß`, `NOTE:a\nb`, "REV:20261102T091112Z")},
		{Version3, object("VERSION:3.0", "PRODID:"+productID, "UID:"+p.UID, "FN:Dr. Anna Schmidt", "N:Schmidt;Anna;;Dr.;", `ORG:Gymnasium\; am See;Musik`, "TITLE:Lehrerin",
			"ROLE:teacher", "EMAIL;TYPE=INTERNET;TYPE=pref:a@school.test", "EMAIL;TYPE=INTERNET:b@school.test", "TEL:1", `CATEGORIES:7b,Chor\, groß`, `NOTE:a\nb`,
			"REV:2026-11-02T09:11:12Z")},
	}
	for _, tt := range tests {
		if got := p.Card(tt.version); string(got) != string(tt.want) {
			t.Errorf("Card(%s) = %q, want %q", tt.version, got, tt.want)
		}
	}
}

func TestGroupCard(t *testing.T) {
	g := Group{UID: "g-7b", FN: "Klasse 7b", Email: "7b@school.test", Members: []string{"1", "school:2"}}
	four := object("VERSION:4.0", "PRODID:"+productID, "UID:g-7b", "FN:Klasse 7b", "N:Klasse 7b;;;;", "KIND:group", "EMAIL:7b@school.test", "MEMBER:urn:uuid:1", "MEMBER:school:2")
	three := object("VERSION:3.0", "PRODID:"+productID, "UID:g-7b", "FN:Klasse 7b", "N:Klasse 7b;;;;", "X-ADDRESSBOOKSERVER-KIND:group", "EMAIL;TYPE=INTERNET:7b@school.test",
		"X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:1", "X-ADDRESSBOOKSERVER-MEMBER:school:2")
	if got := g.Card("anything"); string(got) != string(four) {
		t.Errorf("Card = %q, want %q", got, four)
	}
	if got := g.Card(Version3); string(got) != string(three) {
		t.Errorf("Card(3.0) = %q, want %q", got, three)
	}
}

// Whatever names the directory has, its cards can be kept, say the same in both versions, and nothing in a name becomes a line of its own.
func TestComposedCardsAreSound(t *testing.T) {
	text := rapid.StringOf(rapid.RuneFrom([]rune("ab ;,:\\\"\r\nENDü😀\x00=")))
	rapid.Check(t, func(t *rapid.T) {
		p := Person{UID: "u" + rapid.StringMatching(`[a-z0-9]{1,30}`).Draw(t, "uid"), FN: "x" + text.Draw(t, "fn"), Family: text.Draw(t, "family"), Given: text.Draw(t, "given"),
			Org: text.Draw(t, "org"), Unit: text.Draw(t, "unit"), Note: text.Draw(t, "note"), Emails: rapid.SliceOfN(text, 0, 3).Draw(t, "emails"),
			Categories: rapid.SliceOfN(text, 0, 3).Draw(t, "categories")}
		lines := 0
		for _, version := range []string{Version3, Version4} {
			b := p.Card(version)
			c, err := Parse(b)
			if err != nil {
				t.Fatalf("Parse(%q): %v", b, err)
			}
			object, err := c.Check()
			if err != nil || object.UID != p.UID || object.Version != version || object.FN != strings.TrimSpace(clean(p.FN)) {
				t.Fatalf("Check(%q) = %+v, %v", b, object, err)
			}
			if lines != 0 && lines != len(c.vcard.Lines) {
				t.Fatalf("%d lines in 3.0, %d in 4.0", lines, len(c.vcard.Lines))
			}
			lines = len(c.vcard.Lines)
			if err := verify(b); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// clean is what is left of a text in a card: line breaks are LF, other control characters are gone.
func clean(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n"), "\x00", "")
}

func TestComposedGroupHasItsMembers(t *testing.T) {
	g := Group{UID: "g", FN: "7b", Members: []string{"a", "b"}}
	for _, version := range []string{Version3, Version4} {
		if got := mustParse(t, g.Card(version)).Members(); !slices.Equal(got, g.Members) {
			t.Errorf("Members of %s = %q, want %q", version, got, g.Members)
		}
	}
}
