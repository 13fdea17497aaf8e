package vcard

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"schulhof/dav/contentline"
)

// lossless draws lines of a version from the rows that come back as they were, each property of which there is one at most once.
func lossless(t *rapid.T, rows []thereAndBack) (lines []string) {
	kept := slices.DeleteFunc(slices.Clone(rows), func(r thereAndBack) bool { return r.back != "" || r.in == "" })
	seen := map[string]bool{}
	for i, n := range rapid.SliceOfNDistinct(rapid.IntRange(0, len(kept)-1), 0, 12, rapid.ID).Draw(t, "rows") {
		part := strings.ReplaceAll(kept[n].in, "item", fmt.Sprint("item", i)) // no two rows share a group
		name := strings.ToUpper(part[:strings.IndexAny(part, ":;")])
		name = name[strings.IndexByte(name, '.')+1:]
		if single, ok := once[name]; ok {
			name = single
		} else if name != "ADR" && name != "UID" {
			name = kept[n].name // any number of the others, but not the same row twice
		}
		if !seen[name] {
			seen[name] = true
			lines = append(lines, strings.Split(part, "\n")...)
		}
	}
	return lines
}

// TestNothingIsLostThereAndBack: what both versions can say comes back to the byte, whatever stands beside it and in whatever order. A client of
// the other version that reads a card and writes it back has changed nothing.
func TestNothingIsLostThereAndBack(t *testing.T) {
	for _, way := range []struct {
		from, to string
		rows     []thereAndBack
	}{{Version4, Version3, propertiesOf4}, {Version3, Version4, propertiesOf3}} {
		t.Run("from "+way.from, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				stored := object(append([]string{"VERSION:" + way.from, "FN:Anna Schmidt", "N:Schmidt;Anna;;;"}, lossless(t, way.rows)...)...)
				stored = mustRead(t, stored).vcard.AppendTo(nil) // folded as it is written here
				there := mustRead(t, stored).Convert(way.to)
				back := mustRead(t, there).Convert(way.from)
				if renumbered(stored) != renumbered(back) {
					t.Fatalf("stored\n%s\nthere\n%s\nback\n%s", stored, there, back)
				}
			})
		})
	}
}

// TestStrangeLinesPass: lines that nobody here knows go through both conversions as they are, with their groups, their parameters and their
// order. A phone that keeps its own notes in a card finds them again. RFC 6350 §6.10.
func TestStrangeLinesPass(t *testing.T) {
	word := rapid.StringMatching(`X-T[A-Z0-9-]{0,8}`)
	text := rapid.StringOf(rapid.RuneFrom([]rune("ab ;:,\"^=.\n\\üß😀")))
	param := rapid.Custom(func(t *rapid.T) contentline.Param {
		return contentline.Param{Name: word.Draw(t, "parameter"), Values: rapid.SliceOfN(text, 1, 3).Draw(t, "values")}
	})
	line := rapid.Custom(func(t *rapid.T) contentline.Line {
		return contentline.Line{Group: rapid.SampledFrom([]string{"", "item7", "a"}).Draw(t, "group"), Name: word.Draw(t, "name"),
			Params: rapid.SliceOfN(param, 0, 3).Draw(t, "params"), Value: contentline.Escape(text.Draw(t, "value"))}
	})
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(line, 1, 6).Draw(t, "lines")
		var written strings.Builder
		for i := range lines {
			written.Write(lines[i].AppendTo(nil))
		}
		for _, way := range [][2]string{{Version3, Version4}, {Version4, Version3}} {
			in := object("VERSION:"+way[0], "FN:x", "N:x;;;;", strings.TrimSuffix(written.String(), "\r\n"))
			if out := string(mustRead(t, in).Convert(way[1])); !strings.Contains(out, written.String()) {
				t.Fatalf("in %s\n%s\nin %s\n%s", way[0], in, way[1], out)
			}
		}
	})
}

// TestOrderStays: lines come in the order in which they were, whatever becomes of each: programs take the first number as the one to dial.
func TestOrderStays(t *testing.T) {
	three := "TEL;TYPE=CELL:1\nEMAIL:a\nTEL;TYPE=HOME:2\nPHOTO;ENCODING=b;TYPE=PNG:iVBORw0K\nEMAIL:b\nTEL:3\nX-A:4\nURL:c\nX-A:5"
	four := "TEL;TYPE=CELL:1\nEMAIL:a\nTEL;TYPE=HOME:2\nPHOTO:data:image/png;base64,iVBORw0K\nEMAIL:b\nTEL:3\nX-A:4\nURL:c\nX-A:5"
	if got := others(t, Version3, Version4, three); got != four {
		t.Errorf("in 4.0: %q", got)
	}
	if got := others(t, Version4, Version3, four); got != three {
		t.Errorf("in 3.0: %q", got)
	}
}

// whole are cards as programs write them, with all that is in them, and the other version of each to the byte.
var whole = []struct{ name, in, version, want string }{
	{name: "an iPhone's", version: Version4, in: `BEGIN:VCARD
VERSION:3.0
PRODID:-//Apple Inc.//iOS 18.1//EN
N:Schmidt;Anna;Luise;Dr.;
FN:Dr. Anna Luise Schmidt
ORG:Gymnasium am See;Musik
EMAIL;type=INTERNET;type=WORK;type=pref:anna@school.test
TEL;type=CELL;type=VOICE;type=pref:+49 170 1234567
item1.TEL:+49 30 1
item1.X-ABLabel:Lehrerzimmer
item2.ADR;type=HOME;type=pref:;;Seestraße 12\nHinterhaus;Berlin;;10115;Deutschland
item2.X-ABADR:de
item3.URL;type=pref:https://school.test/anna
item3.X-ABLabel:_$!<HomePage>!$_
BDAY;X-APPLE-OMIT-YEAR=1604:1604-02-29
item4.X-ABDATE;type=pref:2011-01-13
item4.X-ABLabel:_$!<Anniversary>!$_
item5.X-ABRELATEDNAMES;type=pref:Jo
item5.X-ABLabel:_$!<Spouse>!$_
X-SOCIALPROFILE;type=twitter:https://twitter.com/anna
PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQSkZJRgABAQAAAQABAAD
REV:2026-11-02T10:11:12Z
UID:6a0e4d2e-5f0c-4b8a-9a64-0f5d1c1b7a11
END:VCARD
`, want: `BEGIN:VCARD
VERSION:4.0
PRODID:-//Apple Inc.//iOS 18.1//EN
N:Schmidt;Anna;Luise;Dr.;
FN:Dr. Anna Luise Schmidt
ORG:Gymnasium am See;Musik
EMAIL;type=WORK;PREF=1:anna@school.test
TEL;type=CELL;type=VOICE;PREF=1:+49 170 1234567
item1.TEL:+49 30 1
item1.X-ABLabel:Lehrerzimmer
item2.ADR;type=HOME;PREF=1:;;Seestraße 12\nHinterhaus;Berlin;;10115;Deutsc
 hland
item2.X-ABADR:de
item3.URL;PREF=1:https://school.test/anna
item3.X-ABLabel:_$!<HomePage>!$_
BDAY:--0229
ANNIVERSARY;PREF=1:20110113
RELATED;PREF=1;TYPE=spouse;VALUE=text:Jo
X-SOCIALPROFILE;type=twitter:https://twitter.com/anna
PHOTO:data:image/jpeg;base64,/9j/4AAQSkZJRgABAQAAAQABAAD
REV:20261102T101112Z
UID:6a0e4d2e-5f0c-4b8a-9a64-0f5d1c1b7a11
END:VCARD
`},
	{name: "Thunderbird's", version: Version3, in: `BEGIN:VCARD
VERSION:4.0
N:Schmidt;Anna;;;
FN:Anna Schmidt
EMAIL;PREF=1:anna@school.test
EMAIL;TYPE=work:schmidt@school.test
TEL;TYPE=cell;VALUE=TEXT:+49 170 1
TEL;TYPE="work,voice";VALUE=uri:tel:+49-30-1
BDAY;VALUE=DATE:20100322
TZ;VALUE=TEXT:Europe/Berlin
IMPP:xmpp:anna@school.test
X-CUSTOM1;VALUE=TEXT:7b
UID:urn:uuid:6a0e4d2e-5f0c-4b8a-9a64-0f5d1c1b7a11
END:VCARD
`, want: `BEGIN:VCARD
VERSION:3.0
N:Schmidt;Anna;;;
FN:Anna Schmidt
EMAIL;TYPE=pref:anna@school.test
EMAIL;TYPE=work:schmidt@school.test
TEL;TYPE=cell:+49 170 1
TEL;TYPE=work,voice:+49-30-1
BDAY:2010-03-22
TZ;VALUE=text:Europe/Berlin
IMPP:xmpp:anna@school.test
X-CUSTOM1:7b
UID:urn:uuid:6a0e4d2e-5f0c-4b8a-9a64-0f5d1c1b7a11
END:VCARD
`},
	{name: "DAVx5's, of a group", version: Version3, in: `BEGIN:VCARD
VERSION:4.0
PRODID:+//IDN bitfire.at//DAVx5/4.4 ez-vcard/0.12.1
UID:3f2c
KIND:group
FN:Eltern 7b
MEMBER:urn:uuid:1
MEMBER:urn:uuid:2
REV:20261102T101112Z
END:VCARD
`, want: `BEGIN:VCARD
VERSION:3.0
N:Eltern 7b;;;;
PRODID:+//IDN bitfire.at//DAVx5/4.4 ez-vcard/0.12.1
UID:3f2c
X-ADDRESSBOOKSERVER-KIND:group
FN:Eltern 7b
X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:1
X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:2
REV:2026-11-02T10:11:12Z
END:VCARD
`},
	{name: "an old Android's, with what is left of 2.1", version: Version4, in: `BEGIN:VCARD
VERSION:3.0
N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;J=C3=BCrgen;;;
FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:J=C3=BCrgen M=C3=BCller
TEL;CELL;PREF:0170 1
EMAIL;INTERNET;HOME:j@school.test
ORG;CHARSET=UTF-8:Bäckerei
PHOTO;JPEG;BASE64:/9j/4AAQ
X-ANDROID-CUSTOM:vnd.android.cursor.item/nickname;Jü;1;;;;;;;;;;;;;
UID:7
END:VCARD
`, want: `BEGIN:VCARD
VERSION:4.0
N:Müller;Jürgen;;;
FN:Jürgen Müller
TEL;TYPE=CELL;PREF=1:0170 1
EMAIL;TYPE=HOME:j@school.test
ORG:Bäckerei
PHOTO:data:image/jpeg;base64,/9j/4AAQ
X-ANDROID-CUSTOM:vnd.android.cursor.item/nickname;Jü;1;;;;;;;;;;;;;
UID:7
END:VCARD
`},
}

func TestWholeCards(t *testing.T) {
	for _, tt := range whole {
		t.Run(tt.name, func(t *testing.T) {
			c := mustParse(t, []byte(strings.ReplaceAll(tt.in, "\n", "\r\n")))
			got := c.Convert(tt.version)
			if diff := cmp.Diff(strings.Split(strings.ReplaceAll(tt.want, "\n", "\r\n"), "\r\n"), strings.Split(string(got), "\r\n")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			before, err := c.Check()
			if err != nil {
				t.Fatalf("what is stored: %v", err)
			}
			after, err := mustParse(t, got).Check()
			if before.Version = tt.version; err != nil || after != before {
				t.Errorf("it is indexed as %+v, in the other version as %+v: %v", before, after, err)
			}
		})
	}
}
