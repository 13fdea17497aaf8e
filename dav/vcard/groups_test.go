package vcard

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestGroupsBothWays: a group is one to programs of either version, with the same members in the same order, whichever version it was written in;
// changed by one and read by the other it stays what it is. RFC 6350 §6.6.5.
func TestGroupsBothWays(t *testing.T) {
	uid := rapid.StringMatching(`[0-9a-f]{1,8}(-[0-9a-f]{4})?`)
	rapid.Check(t, func(t *rapid.T) {
		members := rapid.SliceOfN(uid, 0, 20).Draw(t, "members")
		for _, version := range []string{Version3, Version4} {
			kind, member := "X-ADDRESSBOOKSERVER-KIND", "X-ADDRESSBOOKSERVER-MEMBER"
			if version == Version4 {
				kind, member = "KIND", "MEMBER"
			}
			lines := []string{"VERSION:" + version, "UID:g", "FN:7b", "N:7b;;;;", kind + ":group"}
			for _, m := range members {
				lines = append(lines, member+":urn:uuid:"+m)
			}
			stored := mustRead(t, object(lines...))
			for _, asked := range []string{Version3, Version4} {
				given := mustRead(t, stored.Convert(asked))
				o, err := given.Check()
				if err != nil || !o.Group || o.Kind != "group" || o.UID != "g" || o.FN != "7b" || !slices.Equal(given.Members(), members) {
					t.Fatalf("stored in %s, asked for in %s: %+v %q, %v", version, asked, o, given.Members(), err)
				}
				changed := object(append(strings.Split(strings.TrimSuffix(strings.TrimPrefix(string(given.Convert(asked)), "BEGIN:VCARD\r\n"), "\r\nEND:VCARD\r\n"), "\r\n"), "X-CHANGED:1")...)
				back := mustRead(t, mustRead(t, changed).Convert(version))
				if !slices.Equal(back.Members(), members) || back.text("X-CHANGED") != "1" {
					t.Fatalf("changed in %s it came back to %s as\n%s", asked, version, back.Bytes())
				}
			}
		}
	})
}

// TestMembersInEverySpelling: what programs write for a member is the UID of the card that it means, or nobody.
func TestMembersInEverySpelling(t *testing.T) {
	const id = "03a0e51f-d1aa-4385-8a53-e29025acd8af"
	for _, tt := range []struct{ name, value, want string }{
		{"a URN", "urn:uuid:" + id, id}, {"in capitals", "URN:UUID:" + id, id}, {"with spaces", "  urn:uuid:" + id + " ", id},
		{"with its colon escaped", `urn\:uuid\:` + id, id}, {"a bare UUID", id, id}, {"a UID that is none", "anna-1", "anna-1"},
		{"a UID with a colon", "school:7", "school:7"}, {"Apple's", strings.ToUpper(id) + ":ABPerson", strings.ToUpper(id) + ":ABPerson"},
		{"an address", "mailto:anna@school.test", ""}, {"a number", "tel:1", ""}, {"a card elsewhere", "https://school.test/a.vcf", ""},
		{"in the clear", "http://school.test/a.vcf", ""}, {"a chat", "xmpp:anna@school.test", ""}, {"a call", "SIP:anna@school.test", ""},
		{"nothing", "", ""}, {"a URN of nothing", "urn:uuid:", ""},
	} {
		var want []string
		if tt.want != "" {
			want = []string{tt.want}
		}
		for _, line := range []string{"MEMBER:", "X-ADDRESSBOOKSERVER-MEMBER:", "item1.member;X-A=b:"} {
			c := mustParse(t, object("VERSION:4.0", "UID:1", "FN:x", "KIND:group", line+tt.value))
			if got := c.Members(); !slices.Equal(got, want) {
				t.Errorf("%s: %s%s is %q, want %q", tt.name, line, tt.value, got, want)
			}
		}
	}
}

// TestKinds: what a card is about, by every name that programs have for it; the standard's own name counts.
func TestKinds(t *testing.T) {
	for _, tt := range []struct {
		lines string
		want  string
	}{
		{"", "individual"}, {"KIND:individual", "individual"}, {"KIND:Group", "group"}, {"kind: org ", "org"}, {"KIND:location", "location"}, {"KIND:x-robot", "x-robot"},
		{"KIND:", "individual"}, {"X-ADDRESSBOOKSERVER-KIND:group", "group"}, {"X-AddressBookServer-Kind:GROUP", "group"},
		{"KIND:org\nX-ADDRESSBOOKSERVER-KIND:group", "org"}, {"X-ADDRESSBOOKSERVER-KIND:group\nKIND:", "group"},
	} {
		o, err := mustParse(t, object(strings.Split("VERSION:4.0\nUID:1\nFN:x\n"+tt.lines, "\n")...)).Check()
		if err != nil || o.Kind != tt.want || o.Group != (tt.want == "group") {
			t.Errorf("%q: %+v, %v, want %s", tt.lines, o, err, tt.want)
		}
	}
}

// TestNamesToShow: FN, or what comes nearest to it: the parts of N in the order in which one speaks, the organisation, then any way to reach
// the person. Some programs leave FN empty, and a list must show something.
func TestNamesToShow(t *testing.T) {
	for _, tt := range []struct{ name, lines, want string }{
		{"FN", "FN:Anna Schmidt\nN:x;y;;;", "Anna Schmidt"},
		{"the first FN that says something", "FN: \nFN:Anna", "Anna"},
		{"with its escapes", `FN:Schmidt\, Anna\; Dr.`, "Schmidt, Anna; Dr."},
		{"all parts", "FN:\nN:Stevenson;John;Philip,Paul;Dr.;Jr.,M.D.", "Dr. John Philip Paul Stevenson Jr. M.D."},
		{"a family name", "FN:\nN:Schmidt", "Schmidt"},
		{"more parts than there are", "FN:\nN:a;b;c;d;e;f;g", "d b c a e"},
		{"spaces between nothing", "FN:\nN:  ; ; ;;\nORG:Schule", "Schule"},
		{"escaped separators are none", `FN:` + "\n" + `N:Schmidt\;Au;Anna;;;`, "Anna Schmidt;Au"},
		{"the organisation", "FN:\nN:;;;;\nORG:;7b", "7b"},
		{"a nickname", "FN:\nNICKNAME:Anni,Änn", "Anni,Änn"},
		{"an address", "FN:\nEMAIL:anna@school.test", "anna@school.test"},
		{"a number", "FN:\nTEL:0170 1", "0170 1"},
		{"a nickname before a number", "FN:\nTEL:1\nNICKNAME:Anni", "Anni"},
		{"nothing at all", "FN:", ""},
		{"quoted-printable parts", "FN:\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;J=C3=BCrgen;;;", "Jürgen Müller"},
	} {
		for _, version := range []string{Version3, Version4} {
			o, err := mustParse(t, object(strings.Split("VERSION:"+version+"\nUID:1\n"+tt.lines, "\n")...)).Check()
			if err != nil || o.FN != tt.want {
				t.Errorf("%s, in %s: %q, %v, want %q", tt.name, version, o.FN, err, tt.want)
			}
		}
	}
}

// TestFiltersSeeBothSpellings: a query finds a card by the names that the client's version has for groups, whichever version is stored. RFC 6352
// §10.5.1 has the name of the stored property.
func TestFiltersSeeBothSpellings(t *testing.T) {
	cards := map[string]*Card{}
	for version, names := range map[string][2]string{Version3: {"X-ADDRESSBOOKSERVER-KIND", "X-ADDRESSBOOKSERVER-MEMBER"}, Version4: {"KIND", "MEMBER"}} {
		cards[version] = mustParse(t, object("VERSION:"+version, "UID:g", "FN:7b", "a."+names[0]+":group", "b."+names[1]+":urn:uuid:1"))
	}
	for _, name := range []string{"KIND", "kind", "X-ADDRESSBOOKSERVER-KIND", "a.KIND", "A.x-addressbookserver-kind"} {
		for version, c := range cards {
			m, err := (&Filter{Props: []PropFilter{textOf(name, contains("GROUP"))}}).Compile()
			if err != nil || !m.Match(c) {
				t.Errorf("%s does not find a group of %s: %v", name, version, err)
			}
			for i, asked := range []string{Version3, Version4} {
				selected := string(c.Select(asked, []Property{{Name: name}}))
				want := fmt.Sprintf("a.%s:group", [2]string{"X-ADDRESSBOOKSERVER-KIND", "KIND"}[i])
				if !strings.Contains(selected, want) || strings.Contains(selected, "MEMBER") {
					t.Errorf("%s of a card of %s in %s: %q", name, version, asked, selected)
				}
			}
		}
	}
	for _, name := range []string{"b.KIND", "KINDS", "X-KIND", ""} {
		m, err := (&Filter{Props: []PropFilter{{Name: name}}}).Compile()
		if err != nil || m.Match(cards[Version4]) {
			t.Errorf("%q finds a group: %v", name, err)
		}
	}
}
